// The suite for all transports, run on the virtual library in this process.
#include "conformance.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace capstan::conformance {
namespace {

using namespace virtual_library;

class VirtualRig final : public Rig {
    Scratch scratch_;
    std::shared_ptr<VirtualLibrary> library_;
    std::vector<std::unique_ptr<VirtualTransport>> units_;
    static constexpr std::uint64_t kCapacity = 4 << 20;

  public:
    explicit VirtualRig(LibraryGeometry geometry) {
        geometry.medium.capacity = kCapacity;
        geometry.medium.early_warning = 1 << 20;
        geometry.medium.segment_size = 300'000;  // blocks cross files
        auto opened = VirtualLibrary::open(scratch_ / "library", geometry);
        EXPECT_TRUE(opened) << to_text(opened.error());
        library_ = *opened;
        for (std::uint8_t lun = 0; lun <= library_->drives(); ++lun)
            units_.push_back(std::make_unique<VirtualTransport>(library_, NexusId{1}, lun));
    }
    scsi::Transport& changer() override { return *units_[0]; }
    scsi::Transport& drive(unsigned number) override { return *units_[1 + number]; }
    std::uint64_t capacity() const override { return kCapacity; }
};

std::unique_ptr<Rig> plain() { return std::make_unique<VirtualRig>(LibraryGeometry{}); }
std::unique_ptr<Rig> other_addresses() {
    LibraryGeometry geometry;
    geometry.pickers = {0x0A00, 1};
    geometry.drives = {0x0001, 4};
    geometry.ports = {0x2000, 3};
    geometry.slots = {0x1000, 24};
    return std::make_unique<VirtualRig>(geometry);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Library, TapeConformance,
                         testing::Values(RigKind{"Virtual", plain}, RigKind{"VirtualOtherAddresses", other_addresses}),
                         [](const auto& each) { return std::string(each.param.name); });
INSTANTIATE_TEST_SUITE_P(Library, ChangerConformance,
                         testing::Values(RigKind{"Virtual", plain}, RigKind{"VirtualOtherAddresses", other_addresses}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace capstan::conformance
