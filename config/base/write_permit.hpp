// The right to write on one mounted medium. Only pools::grant_write_permit makes one (design rule: what must never
// happen, 1); drives refuse to make a block writer without it. It is void after a unit attention, a lost nexus or
// reservation, a position that the drive does not confirm, and at the end of the lease: whoever notices says invalidate().
#pragma once

#include "config/base/ids.hpp"

#include <memory>
#include <string>

namespace capstan {

namespace pools {
class PermitOffice;
}

class WritePermit {
  public:
    struct Terms {
        CartridgeId cartridge{};
        VolumeTag volume_tag;
        DriveName drive;
        MediaFamilyId family{};
        WriteGeneration generation{};
        BlockNumber first_block{};  // 0: from BOT (labelling); else the end of data that was read back
    };
    const Terms& terms() const { return *terms_; }
    bool valid() const { return why_void_->empty(); }
    const std::string& why_void() const { return *why_void_; }
    void invalidate(std::string why) const {  // shared by all copies; control thread
        if (why_void_->empty()) *why_void_ = std::move(why);
    }

  private:
    friend class pools::PermitOffice;
    explicit WritePermit(Terms terms)
        : terms_(std::make_shared<const Terms>(std::move(terms))), why_void_(std::make_shared<std::string>()) {}
    std::shared_ptr<const Terms> terms_;
    std::shared_ptr<std::string> why_void_;
};

}  // namespace capstan
