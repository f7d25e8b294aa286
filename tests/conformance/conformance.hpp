// What every transport's tape library must do, written against scsi::Transport alone: one suite for all transports. A
// rig brings up a library with one changer and at least two drives; each test gets a fresh one with empty drives.
#pragma once

#include "support.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace capstan::conformance {

class Rig {
  public:
    virtual ~Rig() = default;
    virtual scsi::Transport& changer() = 0;
    virtual scsi::Transport& drive(unsigned number) = 0;  // from 0, in the order of their element addresses
    virtual std::uint64_t capacity() const { return 0; }  // of a cartridge, in bytes, if it is small enough to be filled; 0: not
};
struct RigKind {
    const char* name;
    std::function<std::unique_ptr<Rig>()> make;
    bool locates = true;  // LOCATE and READ POSITION (tgt's tape has neither)
};
inline void PrintTo(const RigKind& kind, std::ostream* out) { *out << kind.name; }

// Where the elements are, as the changer says it.
struct Elements {
    ElementAddress picker{}, drive{}, slot{}, port{};
    unsigned slots = 0;
};

class Conformance : public testing::TestWithParam<RigKind> {
  protected:
    void SetUp() override {
        rig = GetParam().make();
        ASSERT_NE(rig, nullptr);
        virtual_library::settle(changer());
        auto data = scsi::mode_sense(changer(), scsi::ElementAddressPage::kPage);
        ASSERT_TRUE(data) << to_text(data.error());
        auto page = scsi::find_page<scsi::ElementAddressPage>(*data);
        ASSERT_TRUE(page);
        at = {scsi::element(page->first_picker), scsi::element(page->first_drive), scsi::element(page->first_storage),
              scsi::element(page->first_import_export), static_cast<unsigned>(page->storage_count.value())};
    }
    scsi::Transport& changer() { return rig->changer(); }
    scsi::Transport& drive() { return rig->drive(0); }
    std::string move(ElementAddress from, ElementAddress to) {
        return virtual_library::told(virtual_library::run(
            changer(),
            scsi::MoveMediumCdb{.picker = scsi::on_wire(at.picker), .source = scsi::on_wire(from), .destination = scsi::on_wire(to)}));
    }
    // The first slot's cartridge is in the first drive and ready, all unit attentions taken.
    void load() {
        ASSERT_EQ(move(at.slot, at.drive), "GOOD");
        ASSERT_EQ(virtual_library::settle(drive()), "GOOD");
    }
    // Whether the first drive names the command in its list; if not, the test that needs it is skipped, and says so.
    bool offers(scsi::Opcode opcode) {
        const auto all = scsi::supported_commands(drive());
        EXPECT_TRUE(all) << to_text(all.error());
        return all && std::ranges::any_of(*all, [&](const auto& each) { return each.opcode == raw(opcode); });
    }
    scsi::ElementStatus element(ElementAddress address) {
        auto report = scsi::read_element_status(changer(), {.first = address, .count = 1});
        EXPECT_TRUE(report && report->elements.size() == 1);
        return report && !report->elements.empty() ? report->elements.front() : scsi::ElementStatus{};
    }
    std::unique_ptr<Rig> rig;
    Elements at;
};
class TapeConformance : public Conformance {};
class ChangerConformance : public Conformance {};

}  // namespace capstan::conformance
