// A device for one installation: on the virtual library, with another host, a former nexus, and a device that knows no reservations.
#include "support.hpp"

#include "drives/scsi/claim.hpp"

#include <memory>

namespace capstan::virtual_library {
namespace {

using scsi::Claim;
using scsi::ReservationKey;
constexpr ReservationKey kOurs{0xCA9}, kTheirs{0xBAD};

class Claims : public testing::Test {
  protected:
    void SetUp() override {
        auto opened = VirtualLibrary::open(scratch_ / "library", LibraryGeometry{});
        ASSERT_TRUE(opened) << to_text(opened.error());
        library = *opened;
        library->name_nexus(NexusId{2}, "iqn.other,i,0x01");
        for (std::uint64_t nexus = 1; nexus <= 3; ++nexus) {
            units.push_back(std::make_unique<VirtualTransport>(library, NexusId{nexus}, std::uint8_t{1}));
            settle(*units.back());
        }
    }
    scsi::Target ours() { return scsi::Target(*units[0], "drive D1"); }
    scsi::Transport& other() { return *units[1]; }
    scsi::Target ours_again() { return scsi::Target(*units[2], "drive D1"); }

    Scratch scratch_;
    std::shared_ptr<VirtualLibrary> library;
    std::vector<std::unique_ptr<VirtualTransport>> units;
};

TEST_F(Claims, IsHeldAndKept) {
    EXPECT_EQ(scsi::claim(ours(), kOurs), Claim::held);
    EXPECT_EQ(scsi::claim(ours(), kOurs), Claim::held) << "as before each use";
    EXPECT_FALSE(try_run(other(), scsi::RewindCdb{})) << "the other is kept out";
    ASSERT_TRUE(scsi::unclaim(ours(), kOurs));
    EXPECT_EQ(told(run(other(), scsi::RewindCdb{})), "02/3A/00");
    EXPECT_TRUE(scsi::read_registered_keys(ours())->keys.empty());
    EXPECT_TRUE(scsi::unclaim(ours(), kOurs)) << "nothing is held";
}

TEST_F(Claims, ALeftOverIsTakenOver) {
    ASSERT_EQ(scsi::claim(ours(), kOurs), Claim::held);
    EXPECT_EQ(scsi::claim(ours_again(), kOurs), Claim::held);
    EXPECT_EQ(told(run(*units[2], scsi::RewindCdb{})), "02/3A/00");
    EXPECT_FALSE(try_run(*units[0], scsi::RewindCdb{}));
}

TEST_F(Claims, AnothersStaysAsItIs) {
    ASSERT_EQ(scsi::claim(other(), kTheirs), Claim::held);
    auto refused = scsi::claim(ours(), kOurs);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().recovery, Recovery::ask_operator);
    EXPECT_EQ(refused.error().happened, "drive D1: iqn.other,i,0x01 has reserved it (key 0x0000000000000bad)");
    EXPECT_EQ(scsi::read_registered_keys(ours())->keys, std::vector{kTheirs}) << "no trace of ours";
    EXPECT_TRUE(scsi::unclaim(ours(), kOurs));
    EXPECT_EQ(scsi::read_reservation(ours())->reservation->key, kTheirs);
    ASSERT_TRUE(scsi::unclaim(other(), kTheirs));
    EXPECT_EQ(scsi::claim(ours(), kOurs), Claim::held);
}

TEST_F(Claims, WhoeverTookItAwayIsNoticed) {
    ASSERT_EQ(scsi::claim(ours(), kOurs), Claim::held);
    ASSERT_TRUE(scsi::register_key(other(), kTheirs));
    ASSERT_TRUE(scsi::preempt(other(), kTheirs, kOurs));
    EXPECT_EQ(ready(*units[0]), "06/2A/05");
    EXPECT_FALSE(scsi::claim(ours(), kOurs));
}

// A drive that knows no reservations.
class WithoutReservations final : public scsi::Transport {
    scsi::Transport& drive_;

  public:
    explicit WithoutReservations(scsi::Transport& drive) : drive_(drive) {}
    Result<scsi::ScsiReply> execute(const scsi::Cdb& cdb, scsi::DataOut out, MutableBytes in, std::chrono::milliseconds limit) override {
        const auto opcode = scsi::opcode_of(cdb);
        if (opcode == scsi::Opcode::persistent_reserve_in || opcode == scsi::Opcode::persistent_reserve_out)
            return scsi::ScsiReply{Sense{.code = {0x5, 0x20, 0x00}, .information = {}}, 0, {}};
        return drive_.execute(cdb, out, in, limit);
    }
};

TEST_F(Claims, ADeviceWithoutThemIsUsedAllTheSame) {
    WithoutReservations poor(*units[0]);
    EXPECT_EQ(scsi::claim(poor, kOurs), Claim::not_offered);
}

}  // namespace
}  // namespace capstan::virtual_library
