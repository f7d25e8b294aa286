// Persistent reservations among three hosts: who is kept out, who is told, and what stays.
#include "support.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace capstan::virtual_library {
namespace {

using scsi::ReservationKey;
using scsi::ReservationType;
using Out = scsi::PersistentReserveOutCdb::Action;

class Hosts : public testing::Test {
  protected:
    void SetUp() override {
        LibraryGeometry geometry;
        geometry.medium.capacity = 8 << 20;
        geometry.medium.early_warning = 1 << 20;
        auto opened = VirtualLibrary::open(scratch_ / "library", geometry);
        ASSERT_TRUE(opened) << to_text(opened.error());
        library = *opened;
        for (std::uint64_t host = 0; host < 3; ++host) {
            library->name_nexus(NexusId{host + 1}, "iqn.host-" + std::to_string(host) + ",i,0x00");
            drives.push_back(std::make_unique<VirtualTransport>(library, NexusId{host + 1}, std::uint8_t{1}));
            settle(*drives.back());
        }
        VirtualTransport robot(library, NexusId{1}, 0);
        settle(robot);
        ASSERT_EQ(told(run(robot, scsi::MoveMediumCdb{.source = BigEndian<2>{0x03E8}, .destination = BigEndian<2>{0x0100}})), "GOOD");
        for (auto& each : drives) settle(*each);
    }
    scsi::Transport& host(unsigned number) { return *drives[number]; }
    // "GOOD", a sense code, or "conflict".
    template <class Cdb>
    static std::string tried(scsi::Transport& drive, const Cdb& cdb, MutableBytes in = {}, Bytes out = {}) {
        auto reply = try_run(drive, cdb, in, out);
        if (reply) return told(*reply);
        return reply.error().recovery == Recovery::ask_operator ? "conflict" : "error";
    }
    std::string out(unsigned number, Out action, std::uint64_t key, std::uint64_t action_key = 0, std::uint8_t type = 3,
                    std::uint8_t flags = 0) {
        const auto parameters =
            scsi::encode(scsi::ReserveOutParameters{.key = BigEndian<8>{key}, .action_key = BigEndian<8>{action_key}, .flags = flags});
        return tried(host(number),
                     scsi::PersistentReserveOutCdb{
                         .action = raw(action), .scope_and_type = type, .parameter_length = BigEndian<4>{parameters.size()}},
                     {}, parameters);
    }
    // Each host is registered with its number from 11 on; the first has reserved.
    void reserve(std::uint8_t type) {
        for (unsigned number = 0; number < 3; ++number) ASSERT_EQ(out(number, Out::register_key, 0, 11 + number), "GOOD");
        ASSERT_EQ(out(0, Out::reserve, 11, 0, type), "GOOD");
    }
    std::uint64_t holder() {
        auto report = scsi::read_reservation(host(2));
        EXPECT_TRUE(report) << to_text(report.error());
        return report && report->reservation ? raw(report->reservation->key) : 0;
    }

    Scratch scratch_;
    std::shared_ptr<VirtualLibrary> library;
    std::vector<std::unique_ptr<VirtualTransport>> drives;
};

TEST_F(Hosts, ExclusiveAccessKeepsOthersOut) {
    ASSERT_TRUE(scsi::register_key(host(0), ReservationKey{11}));
    ASSERT_TRUE(scsi::reserve_exclusively(host(0), ReservationKey{11}));
    std::vector<std::uint8_t> space(100);
    auto& other = host(1);
    EXPECT_EQ(tried(other, scsi::RewindCdb{}), "conflict");
    EXPECT_EQ(tried(other, scsi::Read6Cdb{.transfer_length = BigEndian<3>{100}}, space), "conflict") << "it would move the tape";
    EXPECT_EQ(tried(other, scsi::Write6Cdb{.transfer_length = BigEndian<3>{100}}, {}, space), "conflict");
    EXPECT_EQ(tried(other, scsi::ReadPositionCdb{}, space), "conflict");
    EXPECT_EQ(tried(other, scsi::LoadUnloadCdb{}), "conflict");
    EXPECT_EQ(tried(other, scsi::PreventAllowCdb{.prevent = 1}), "conflict");
    EXPECT_EQ(tried(other, scsi::PreventAllowCdb{}), "GOOD");
    EXPECT_EQ(tried(other, scsi::TestUnitReadyCdb{}), "GOOD");
    EXPECT_TRUE(scsi::inquiry(other));
    EXPECT_TRUE(scsi::log_sense(other, scsi::LogPageCode::write_errors));
    EXPECT_EQ(out(1, Out::reserve, 0), "conflict");
    EXPECT_EQ(tried(host(0), scsi::RewindCdb{}), "GOOD");
    auto all = scsi::read_full_status(other);
    ASSERT_TRUE(all && all->size() == 1);
    EXPECT_EQ(all->front().initiator, "iqn.host-0,i,0x00");
}

TEST_F(Hosts, TypesDifferInWhomTheyKeepOut) {
    struct Case {
        std::uint8_t type;
        std::string read, write;  // of a registered host that does not hold it
    };
    std::vector<std::uint8_t> space(10);
    ASSERT_EQ(told(write(host(0), space)), "GOOD");
    for (const auto& one : {Case{1, "GOOD", "conflict"}, Case{3, "conflict", "conflict"}, Case{5, "GOOD", "GOOD"}, Case{6, "GOOD", "GOOD"},
                            Case{7, "GOOD", "GOOD"}, Case{8, "GOOD", "GOOD"}}) {
        SCOPED_TRACE(int(one.type));
        reserve(one.type);
        EXPECT_EQ(tried(host(1), scsi::ReadPositionCdb{}, space), one.read);
        EXPECT_EQ(tried(host(1), scsi::RewindCdb{}), one.write);
        ASSERT_EQ(out(0, Out::clear, 11), "GOOD");
        for (unsigned number : {1U, 2U}) EXPECT_EQ(ready(host(number)), "06/2A/03") << "told that all registrations are gone";
    }
    EXPECT_EQ(out(0, Out::register_key, 0, 11), "GOOD");
    for (std::uint8_t type : {0, 2, 4, 9, 0x13}) EXPECT_EQ(out(0, Out::reserve, 11, 0, type), "05/24/00") << int(type);
}

TEST_F(Hosts, ThePreemptedIsTold) {
    reserve(3);
    EXPECT_EQ(holder(), 11U);
    ASSERT_TRUE(scsi::preempt(host(1), ReservationKey{12}, ReservationKey{11}));
    EXPECT_EQ(holder(), 12U);
    EXPECT_EQ(tried(host(0), scsi::RewindCdb{}), "conflict");
    EXPECT_EQ(ready(host(0)), "06/2A/05");
    EXPECT_EQ(ready(host(2)), "GOOD") << "it lost nothing";
    EXPECT_EQ(tried(host(1), scsi::RewindCdb{}), "GOOD");
    EXPECT_EQ(scsi::read_registered_keys(host(0))->keys, (std::vector{ReservationKey{12}, ReservationKey{13}}));
    EXPECT_EQ(out(1, Out::preempt, 12, 77), "conflict") << "nobody has that key";
    EXPECT_EQ(out(1, Out::preempt, 12, 0), "05/26/00");
    EXPECT_EQ(out(2, Out::preempt, 12, 12), "conflict") << "another host's key";
}

// The same key from another nexus: what a host does with its own left-over.
TEST_F(Hosts, ALeftOverOfOneselfIsTakenOver) {
    ASSERT_TRUE(scsi::register_key(host(0), ReservationKey{11}));
    ASSERT_TRUE(scsi::reserve_exclusively(host(0), ReservationKey{11}));
    ASSERT_TRUE(scsi::register_key(host(1), ReservationKey{11}));
    ASSERT_TRUE(scsi::preempt(host(1), ReservationKey{11}, ReservationKey{11}));
    EXPECT_EQ(tried(host(1), scsi::RewindCdb{}), "GOOD");
    EXPECT_EQ(scsi::read_registered_keys(host(1))->keys, std::vector{ReservationKey{11}});
    EXPECT_EQ(tried(host(0), scsi::RewindCdb{}), "conflict");
}

TEST_F(Hosts, ALostNexusKeepsItAndThePowerDoesNot) {
    reserve(3);
    library->lose_nexus(NexusId{1});
    library->reset_unit(1);
    settle(host(2));
    EXPECT_EQ(holder(), 11U);
    EXPECT_EQ(tried(host(1), scsi::RewindCdb{}), "conflict");
    library->forget_nexus(NexusId{1});
    EXPECT_EQ(holder(), 0U);
    ASSERT_EQ(out(0, Out::register_key, 0, 11), "06/29/00");
    ASSERT_EQ(out(0, Out::register_key, 0, 11), "GOOD");
    ASSERT_EQ(out(0, Out::reserve, 11), "GOOD");
    ASSERT_TRUE(library->power_cycle(1));
    for (auto& each : drives) settle(*each);
    EXPECT_EQ(holder(), 0U);
    EXPECT_TRUE(scsi::read_registered_keys(host(0))->keys.empty());
}

TEST_F(Hosts, ReleaseIsTheHolders) {
    reserve(5);
    EXPECT_EQ(out(1, Out::release, 12, 0, 5), "GOOD") << "done, and nothing is changed";
    EXPECT_EQ(holder(), 11U);
    EXPECT_EQ(out(0, Out::release, 11, 0, 3), "05/24/00") << "another type";
    EXPECT_EQ(out(0, Out::release, 11, 0, 5), "GOOD");
    for (unsigned number : {1U, 2U}) EXPECT_EQ(ready(host(number)), "06/2A/04");
    EXPECT_EQ(holder(), 0U);
    EXPECT_EQ(out(0, Out::release, 99, 0, 5), "conflict");
}

TEST_F(Hosts, WhatIsNotThereIsRefused) {
    EXPECT_EQ(out(0, Out::register_key, 5, 11), "conflict") << "no key is registered";
    EXPECT_EQ(out(0, Out::register_key, 0, 11, 0, 0x01), "05/26/00") << "through the loss of power";
    EXPECT_EQ(out(0, Out::register_key, 0, 11), "GOOD");
    EXPECT_EQ(out(0, static_cast<Out>(7), 11), "05/24/00");
    EXPECT_EQ(tried(host(0), scsi::PersistentReserveOutCdb{.parameter_length = BigEndian<4>{8}}, {}, block(1, 8)), "05/1A/00");
    std::vector<std::uint8_t> space(64);
    EXPECT_EQ(tried(host(0), scsi::PersistentReserveInCdb{.action = 9, .allocation_length = BigEndian<2>{64}}, space), "05/24/00");
    EXPECT_EQ(tried(host(0), scsi::PersistentReserveInCdb{.action = 2, .allocation_length = BigEndian<2>{64}}, space), "GOOD");
}

}  // namespace
}  // namespace capstan::virtual_library
