// The suite for all transports over TCP: our initiator (libiscsi) to our target, the library in this process.
#include "conformance.hpp"

#include "drives/scsi/iscsi/iscsi_transport.hpp"
#include "tools/vtl/target.hpp"

namespace capstan::conformance {
namespace {

using namespace virtual_library;

class IscsiRig final : public Rig {
    Scratch scratch_;
    std::shared_ptr<iscsi::Target> target_;
    std::vector<std::unique_ptr<scsi::IscsiTransport>> units_;
    static constexpr std::uint64_t kCapacity = 4 << 20;

  public:
    explicit IscsiRig(bool digest_and_chap) {
        LibraryGeometry geometry;
        geometry.medium.capacity = kCapacity;
        geometry.medium.early_warning = 1 << 20;
        geometry.medium.segment_size = 300'000;
        auto library = VirtualLibrary::open(scratch_ / "library", geometry);
        EXPECT_TRUE(library) << to_text(library.error());
        iscsi::TargetOptions options;
        options.settings.name = "iqn.2026-11.org.example:library";
        options.portal = "127.0.0.1:0";
        scsi::IscsiOptions ours;
        ours.header_digest = digest_and_chap;
        if (digest_and_chap) {
            options.settings.chap = iscsi::Chap{"anna", "a-secret-of-enough-bits"};
            ours.user = "anna";
            ours.secret = "a-secret-of-enough-bits";
        }
        target_ = std::make_shared<iscsi::Target>(*library, options);
        auto started = target_->start();
        EXPECT_TRUE(started) << to_text(started.error());
        for (std::uint16_t lun = 0; lun <= (*library)->drives(); ++lun) {
            scsi::IscsiAddress address{target_->address(), options.settings.name, lun};
            units_.push_back(std::make_unique<scsi::IscsiTransport>(address, ours));
        }
    }
    ~IscsiRig() override {
        units_.clear();
        target_->stop();
    }
    scsi::Transport& changer() override { return *units_[0]; }
    scsi::Transport& drive(unsigned number) override { return *units_[1 + number]; }
    std::uint64_t capacity() const override { return kCapacity; }
};

std::unique_ptr<Rig> plain() { return std::make_unique<IscsiRig>(false); }
std::unique_ptr<Rig> with_chap() { return std::make_unique<IscsiRig>(true); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(Iscsi, TapeConformance, testing::Values(RigKind{"Plain", plain}, RigKind{"DigestAndChap", with_chap}),
                         [](const auto& each) { return std::string(each.param.name); });
INSTANTIATE_TEST_SUITE_P(Iscsi, ChangerConformance, testing::Values(RigKind{"Plain", plain}, RigKind{"DigestAndChap", with_chap}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace capstan::conformance
