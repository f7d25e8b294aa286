// All cartridges that a virtual library has files of: what is printed on each, and where it is. Internal to
// drives/virtual. Thread contract: the caller holds the changer's mutex.
#pragma once

#include "drives/virtual/cartridge_file.hpp"
#include "drives/virtual/places.hpp"

#include <unordered_map>

namespace capstan::virtual_library {

class Shelf {
  public:
    static Result<Shelf> open(const std::string& library_directory);

    struct Label {
        MediumInfo::Barcode barcode = MediumInfo::Barcode::readable;
        VolumeTag volume_tag;
    };
    const std::map<std::string, Label>& labels() const { return labels_; }
    const Label* label(const std::string& cartridge) const;
    Place place(const std::string& cartridge) const;
    std::string directory(const std::string& cartridge) const { return media_ + "/" + cartridge; }

    Result<void> put(std::span<const Places::Change> changes);
    std::string at(ElementAddress element) const;  // the cartridge's id; empty: none
    Result<std::unique_ptr<CartridgeFile>> open_cartridge(const std::string& cartridge) const;
    Result<std::string> add(MediumInfo info);  // outside; empty id: from the volume tag
    Result<void> change(const std::string& cartridge, const MediumInfo& info);  // not while it is open
    Result<MediumInfo> info(const std::string& cartridge) const;

  private:
    std::string media_;
    std::map<std::string, Label> labels_;
    std::optional<Places> places_;
    std::unordered_map<std::uint16_t, std::string> elements_;
};

}  // namespace capstan::virtual_library
