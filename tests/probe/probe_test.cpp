// What `capstan library probe` finds and prints: over iSCSI, the library in this process; and pairs made up where changers say less.
#include "support.hpp"

#include "config/load.hpp"
#include "drives/scsi/attentions.hpp"
#include "tools/probe/loading.hpp"
#include "tools/vtl/target.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <utility>

namespace capstan::tools {
namespace {

using virtual_library::LibraryGeometry;
using virtual_library::Scratch;
using virtual_library::VirtualLibrary;

// A changer whose words on its drives are changed on the way: one that cuts them, or says nothing.
class OddChanger final : public scsi::Transport {
  public:
    OddChanger(std::unique_ptr<scsi::Transport> door, std::function<void(scsi::ElementStatus&)> change)
        : door_(std::move(door)), change_(std::move(change)) {}
    Result<scsi::ScsiReply> execute(const scsi::Cdb& cdb, scsi::DataOut data_out, MutableBytes data_in,
                                    std::chrono::milliseconds timeout) override {
        auto reply = door_->execute(cdb, data_out, data_in, timeout);
        const bool asked =
            cdb.bytes[0] == raw(scsi::Opcode::read_element_status) && (cdb.bytes[6] & scsi::ReadElementStatusCdb::kDeviceIdentifier) != 0;
        if (!asked || !reply || reply->sense) return reply;
        auto report = scsi::decode_element_status(Bytes(data_in).first(reply->transferred));
        if (!report) return reply;
        for (auto& element : report->elements) change_(element);
        const bool tags = (cdb.bytes[1] & scsi::ReadElementStatusCdb::kVolumeTags) != 0;
        const auto bytes = scsi::encode_element_status(report->elements, {.volume_tags = tags, .device_identifier = true});
        std::ranges::copy(bytes, data_in.begin());
        reply->transferred = bytes.size();
        return reply;
    }

  private:
    std::unique_ptr<scsi::Transport> door_;
    std::function<void(scsi::ElementStatus&)> change_;
};

scsi::Designator cut_serial(std::string_view text) {
    return {
        .code_set = scsi::Designator::CodeSet::ascii, .type = scsi::Designator::Type::vendor_specific, .bytes = {text.begin(), text.end()}};
}
constexpr LoadingOptions kSoon{.notice_limit = std::chrono::milliseconds{200},
                               .ready_limit = std::chrono::milliseconds{5000},
                               .between_looks = std::chrono::milliseconds{10}};
constexpr ElementAddress kFirstDrive{0x100}, kFirstSlot{0x3E8};

class Probe : public testing::Test {
  protected:
    void SetUp() override {
        LibraryGeometry geometry;
        geometry.drives.count = 3;
        auto library = VirtualLibrary::open(scratch_ / "library", geometry);
        ASSERT_TRUE(library) << to_text(library.error());
        iscsi::TargetOptions options;
        options.settings.name = "iqn.2026-11.org.example:library";
        options.portal = "127.0.0.1:0";
        library_ = *library;
        target_ = std::make_shared<iscsi::Target>(*library, options);
        auto started = target_->start();
        ASSERT_TRUE(started) << to_text(started.error());
    }
    void TearDown() override { target_->stop(); }
    static std::string printed(const Probed& probed, const std::string& portal) {
        std::ostringstream out;
        print_configuration(probed, {portal, {}, {}}, out);
        return out.str();
    }

    // Of the devices: those that answer, and a changer that reports as `changed` says.
    Probed probe(const std::function<void(scsi::ElementStatus&)>& changed) {
        auto devices = devices_of_portal(target_->address(), {});
        EXPECT_TRUE(devices) << to_text(devices.error());
        for (auto& device : *devices)
            if (device.type == scsi::DeviceType::changer) device.door = std::make_unique<OddChanger>(std::move(device.door), changed);
        return find_libraries(std::move(*devices));
    }
    std::string where(ElementAddress address) {  // the volume tag of what lies there
        for (const auto& cartridge : library_->cartridges())
            if (cartridge.element == address) return cartridge.volume_tag.text;
        return "";
    }

    Scratch scratch_;
    std::shared_ptr<VirtualLibrary> library_;
    std::shared_ptr<iscsi::Target> target_;
};

TEST_F(Probe, FindsWhatIsThereAndPrintsWhatTheLoaderTakes) {
    auto devices = devices_of_portal(target_->address(), {});
    ASSERT_TRUE(devices) << to_text(devices.error());
    ASSERT_EQ(devices->size(), 4U);
    auto probed = find_libraries(std::move(*devices));
    ASSERT_EQ(probed.libraries.size(), 1U);
    EXPECT_TRUE(probed.unused.empty());
    const auto& library = probed.libraries.front();
    EXPECT_EQ(library.slots, 16U);
    EXPECT_EQ(library.ports, 1U);
    ASSERT_EQ(library.drives.size(), 3U);
    for (std::uint16_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(library.drives[i].device);
        EXPECT_EQ(probed.devices[*library.drives[i].device].lun, i + 1);
        EXPECT_EQ(library.drives[i].found, Found::reported);
    }
    const auto text = printed(probed, target_->address());
    EXPECT_EQ(text.find("not decided"), std::string::npos) << text;
    std::ofstream(scratch_ / "capstan.yaml") << "state_directory: /var/lib/capstan\n" << text;
    auto loaded = config::load_file(scratch_ / "capstan.yaml");
    ASSERT_TRUE(loaded.ok()) << text << config::check_text(loaded);
    ASSERT_EQ(loaded.settings.libraries.size(), 1U);
    const auto& settings = loaded.settings.libraries.front();
    ASSERT_TRUE(settings.changer.iscsi);
    EXPECT_EQ(settings.changer.iscsi->target, "iqn.2026-11.org.example:library");
    ASSERT_EQ(settings.drives.size(), 3U);
    EXPECT_EQ(settings.drives[2].name, "L1D3");
    EXPECT_EQ(settings.drives[2].lun, 3U);
}

TEST_F(Probe, ADriveThatDoesNotAnswerIsSaid) {
    auto devices = devices_of_portal(target_->address(), {});
    ASSERT_TRUE(devices);
    std::erase_if(*devices, [](const auto& device) { return device.lun == 2; });
    auto probed = find_libraries(std::move(*devices));
    EXPECT_FALSE(probed.libraries.front().drives[1].device);
    const auto text = printed(probed, target_->address());
    EXPECT_NE(text.find("# not decided: element 2 (address 257): its drive has the serial number CAPVTL0001D2, which does not answer here"),
              std::string::npos)
        << text;
    const auto json = to_json(probed);
    EXPECT_NE(json.find("\"reported_serial\": \"CAPVTL0001D2\""), std::string::npos) << json;
}

TEST_F(Probe, DrivesWithoutAChangerAreSaid) {
    auto devices = devices_of_portal(target_->address(), {});
    ASSERT_TRUE(devices);
    std::erase_if(*devices, [](const auto& device) { return device.lun == 0; });
    auto probed = find_libraries(std::move(*devices));
    EXPECT_TRUE(probed.libraries.empty());
    EXPECT_EQ(probed.unused.size(), 3U);
    const auto text = printed(probed, target_->address());
    EXPECT_TRUE(text.starts_with("# no changer was found\n")) << text;
    EXPECT_NE(text.find("# not decided: drive"), std::string::npos) << text;
}

TEST_F(Probe, OneCutSerialNumberThatBeginsLikeOneDriveIsEnough) {
    auto probed = probe([](auto& element) {
        if (element.address == ElementAddress{0x102}) element.device = cut_serial("CA");
    });
    const auto& third = probed.libraries.front().drives[2];
    ASSERT_TRUE(third.device);
    EXPECT_EQ(probed.devices[*third.device].lun, 3);
    EXPECT_EQ(third.found, Found::beginning);
    const auto text = printed(probed, target_->address());
    EXPECT_NE(text.find("; the changer says no more than CA, and no other drive begins like that\n"), std::string::npos) << text;
}

TEST_F(Probe, CutSerialNumbersThatSeveralDrivesBeginWithAreNotGuessed) {
    auto probed = probe([](auto& element) {
        if (element.address != kFirstDrive) element.device = cut_serial("CAPVTL");
    });
    const auto& drives = probed.libraries.front().drives;
    EXPECT_TRUE(drives[0].device);
    EXPECT_FALSE(drives[1].device || drives[2].device);
    const auto text = printed(probed, target_->address());
    EXPECT_NE(text.find("# not decided: element 2 (address 257): the serial number of its drive begins with CAPVTL, as that of 127."),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("; with --try-by-loading a cartridge is moved into it, to see which drive notices\n"), std::string::npos) << text;
}

TEST_F(Probe, TwoElementsOfOneCutSerialNumberAreNotGuessed) {  // the other's drive may be switched off
    auto devices = devices_of_portal(target_->address(), {});
    ASSERT_TRUE(devices);
    std::erase_if(*devices, [](const auto& device) { return device.lun == 2; });
    for (auto& device : *devices)
        if (device.lun == 0)
            device.door = std::make_unique<OddChanger>(std::move(device.door), [](auto& element) {
                if (element.address != kFirstDrive) element.device = cut_serial("CAPVTL");
            });
    const auto probed = find_libraries(std::move(*devices));
    EXPECT_FALSE(probed.libraries.front().drives[2].device);
}

TEST_F(Probe, LoadingDecidesAndPutsBack) {
    auto probed = probe([](auto& element) { element.device.reset(); });
    ASSERT_EQ(probed.unused.size(), 3U);
    const auto first = where(kFirstSlot);
    std::ostringstream told;
    decide_by_loading(probed, kSoon, told);
    for (std::uint16_t i = 0; i < 3; ++i) {
        const auto& drive = probed.libraries.front().drives[i];
        ASSERT_TRUE(drive.device) << drive.not_by_loading;
        EXPECT_EQ(probed.devices[*drive.device].lun, i + 1);
        EXPECT_EQ(drive.found, i < 2 ? Found::loading : Found::elimination);
    }
    EXPECT_EQ(where(kFirstSlot), first);
    EXPECT_TRUE(
        told.str().starts_with("moving CAP001L8 from the slot at address 1000 into drive element 1, to see which drive notices\n"
                               "moving CAP001L8 back\n"))
        << told.str();
    EXPECT_EQ(printed(probed, target_->address()).find("not decided"), std::string::npos);
}

TEST_F(Probe, LoadingLeavesWhatIsReservedAlone) {
    auto other =
        scsi::IscsiTransport({target_->address(), "iqn.2026-11.org.example:library", 2}, {.initiator = "iqn.2026-11.org.example:other"});
    ASSERT_TRUE(scsi::take_attentions(other));
    ASSERT_TRUE(scsi::register_key(other, scsi::ReservationKey{7}));
    ASSERT_TRUE(scsi::reserve_exclusively(other, scsi::ReservationKey{7}));
    auto probed = probe([](auto& element) { element.device.reset(); });
    std::ostringstream told;
    decide_by_loading(probed, kSoon, told);
    EXPECT_EQ(told.str(), "");
    const auto& drive = probed.libraries.front().drives[0];
    EXPECT_FALSE(drive.device);
    EXPECT_NE(drive.not_by_loading.find("is reserved, by another host or by a running daemon (key 0x0000000000000007)"), std::string::npos)
        << drive.not_by_loading;
}

TEST_F(Probe, LoadingLeavesAFullElementAlone) {
    auto robot = scsi::IscsiTransport({target_->address(), "iqn.2026-11.org.example:library", 0}, {});
    ASSERT_TRUE(scsi::take_attentions(robot));
    ASSERT_TRUE(scsi::move_medium(robot, {}, kFirstSlot, kFirstDrive));
    auto probed = probe([](auto& element) { element.device.reset(); });
    std::ostringstream told;
    decide_by_loading(probed, kSoon, told);
    EXPECT_EQ(probed.libraries.front().drives[0].not_by_loading, "a cartridge lies in the element");
    EXPECT_TRUE(probed.libraries.front().drives[1].device);
    EXPECT_EQ(where(kFirstDrive), "CAP001L8");
}

TEST_F(Probe, ADriveThatIsNotOfThisLibraryDoesNotNotice) {
    auto probed = probe([](auto& element) { element.device.reset(); });
    std::erase_if(probed.unused, [&](auto index) { return probed.devices[index].lun != 3; });
    std::ostringstream told;
    decide_by_loading(probed, kSoon, told);
    const auto& drives = probed.libraries.front().drives;
    EXPECT_EQ(drives[0].not_by_loading, "none of 1 empty drives noticed the cartridge");
    ASSERT_TRUE(drives[2].device);
    EXPECT_EQ(where(kFirstSlot), "CAP001L8");
}

TEST(ProbeErrors, NobodyListens) {
    auto devices = devices_of_portal("127.0.0.1:1", {});
    ASSERT_FALSE(devices);
    EXPECT_EQ(devices.error().recovery, Recovery::retry_later);
    EXPECT_TRUE(devices.error().happened.starts_with("iSCSI portal 127.0.0.1:1: cannot connect")) << devices.error().happened;
}

}  // namespace
}  // namespace capstan::tools
