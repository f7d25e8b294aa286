// The suite for all transports over SG_IO, where this machine has a library: CAPSTAN_CONFORMANCE_SG names its changer and two of
// its drives (paths or serial numbers, with commas between), CAPSTAN_CONFORMANCE_SG_MIB the capacity of its cartridges. The first
// cartridge is overwritten. The kernel test sets both in its guest.
#include "conformance.hpp"

#include "drives/scsi/sg_io/sg_transport.hpp"

#include <fcntl.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace capstan::conformance {
namespace {

using namespace virtual_library;
using scsi::ElementStatus;
using scsi::ElementType;

std::vector<std::string> devices() {
    const char* text = std::getenv("CAPSTAN_CONFORMANCE_SG");
    std::vector<std::string> names;
    std::istringstream words(text == nullptr ? "" : text);
    for (std::string name; std::getline(words, name, ',');) names.push_back(name);
    return names;
}

// Each rig finds the library as the last test left it: the cartridges go home, the first is made blank, every unit is reset.
class SgRig final : public Rig {
    std::vector<std::unique_ptr<scsi::SgTransport>> units_;

  public:
    SgRig() {
        for (const auto& name : devices()) units_.push_back(std::make_unique<scsi::SgTransport>(name, scsi::SgTransport::Hold::shared));
        for (auto& unit : units_) settle(*unit);
        for (unsigned number = 0; number + 1 < units_.size(); ++number) empty_drive(number);
        send_home();
        make_blank();
        for (const auto& name : devices()) reset(name);
    }
    scsi::Transport& changer() override { return *units_[0]; }
    scsi::Transport& drive(unsigned number) override { return *units_[1 + number]; }
    std::uint64_t capacity() const override {
        const char* text = std::getenv("CAPSTAN_CONFORMANCE_SG_MIB");
        return text == nullptr ? 0 : std::strtoull(text, nullptr, 10) << 20;
    }

  private:
    void empty_drive(unsigned number) {
        run(drive(number), scsi::PreventAllowCdb{});
        run(changer(), scsi::PreventAllowCdb{});
        run(drive(number), scsi::LoadUnloadCdb{});  // refused where there is no cartridge
    }
    std::vector<ElementStatus> elements() {
        auto report = scsi::read_element_status(changer(), {});
        EXPECT_TRUE(report) << to_text(report.error());
        return report ? report->elements : std::vector<ElementStatus>{};
    }
    void move(ElementAddress from, ElementAddress to) {
        EXPECT_EQ(told(run(changer(), scsi::MoveMediumCdb{.source = scsi::on_wire(from), .destination = scsi::on_wire(to)})), "GOOD");
    }
    // Volume tags in the order of the slots; a cartridge that stands in the way goes to the last empty slot.
    void send_home() {
        std::vector<std::string> tags;
        std::vector<ElementAddress> slots;
        for (const auto& one : elements()) {
            if (one.full) tags.push_back(one.volume_tag.text);
            if (one.type == ElementType::storage) slots.push_back(one.address);
        }
        std::sort(tags.begin(), tags.end());
        for (std::size_t i = 0; i < tags.size(); ++i) {
            const auto now = elements();
            const auto at =
                std::find_if(now.begin(), now.end(), [&](const auto& one) { return one.full && one.volume_tag.text == tags[i]; });
            const auto home = std::find_if(now.begin(), now.end(), [&](const auto& one) { return one.address == slots[i]; });
            if (at == now.end() || at->address == slots[i]) continue;
            if (home->full) move(slots[i], slots.back());
            move(at->address, slots[i]);
        }
    }
    void make_blank() {
        const auto now = elements();
        const auto find = [&](ElementType type) {
            return std::find_if(now.begin(), now.end(), [&](const auto& one) { return one.type == type; })->address;
        };
        const auto slot = find(ElementType::storage), place = find(ElementType::data_transfer);
        move(slot, place);
        EXPECT_EQ(settle(drive(0)), "GOOD");
        EXPECT_EQ(told(run(drive(0), scsi::RewindCdb{})), "GOOD");
        EXPECT_EQ(told(run(drive(0), scsi::Erase6Cdb{})), "GOOD");
        EXPECT_EQ(told(run(drive(0), scsi::LoadUnloadCdb{})), "GOOD");
        move(place, slot);
    }
    static void reset(const std::string& name) {
        const auto node = scsi::find_sg_node(name);
        ASSERT_TRUE(node) << to_text(node.error());
        const FileHandle file(::open(node->sg.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
        int level = SG_SCSI_RESET_DEVICE;
        EXPECT_EQ(::ioctl(file.get(), SG_SCSI_RESET, &level), 0) << node->sg << ": " << std::strerror(errno);
    }
};

std::vector<RigKind> kinds() {
    if (devices().size() != 3) return {};
    return {RigKind{"Device", [] { return std::make_unique<SgRig>(); }}};
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TapeConformance);
INSTANTIATE_TEST_SUITE_P(SgIo, TapeConformance, testing::ValuesIn(kinds()), [](const auto& each) { return std::string(each.param.name); });
INSTANTIATE_TEST_SUITE_P(SgIo, ChangerConformance, testing::ValuesIn(kinds()),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace capstan::conformance
