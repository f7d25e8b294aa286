// The target over real sockets: clients that come and go, that send what they should not, that wait.
#include "rig.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <vector>

namespace capstan::iscsi {
namespace {

TEST_F(VtlTarget, BlocksOfEverySizeGoBothWays) {
    load();
    auto drive = initiator(1);
    ASSERT_EQ(settle(*drive), "GOOD");
    std::vector<std::size_t> sizes{1, 511, 4096, 65536, 262144, 1 << 20, (1 << 20) + 1, 5'000'001, 8 << 20};
    for (auto size : sizes) ASSERT_EQ(told(write(*drive, block(size, size))), "GOOD") << size;
    ASSERT_EQ(told(marks(*drive, 1)), "GOOD");
    ASSERT_EQ(told(run(*drive, scsi::RewindCdb{})), "GOOD");
    std::vector<std::uint8_t> space(8 << 20);
    for (auto size : sizes) {
        auto got = read(*drive, MutableBytes(space).first(size));
        ASSERT_EQ(told(got), "GOOD") << size;
        EXPECT_EQ(got.transferred, size);
        EXPECT_TRUE(std::ranges::equal(block(size, size), MutableBytes(space).first(size))) << size;
    }
}

TEST_F(VtlTarget, ADriveOutlivesItsClient) {
    load();
    auto drive = initiator(1);
    ASSERT_EQ(settle(*drive), "GOOD");
    ASSERT_EQ(told(run(*drive, scsi::PreventAllowCdb{.prevent = 1})), "GOOD");
    for (int i = 0; i < 3; ++i) ASSERT_EQ(told(write(*drive, block(1, 65536))), "GOOD");
    drive.reset();
    drive = initiator(1);
    EXPECT_EQ(told(run(*drive, scsi::TestUnitReadyCdb{})), "06/29/07") << "the same nexus, lost in between";
    EXPECT_EQ(settle(*drive), "GOOD");
    ASSERT_EQ(told(write(*drive, block(2, 65536))), "GOOD") << "where the first client left the tape";
    auto position = scsi::read_position(*drive, scsi::PositionForm::long_form);
    ASSERT_TRUE(position);
    EXPECT_EQ(position->block, BlockNumber{4});
    auto unloaded = run(*drive, scsi::LoadUnloadCdb{});
    EXPECT_EQ(told(unloaded), "GOOD") << "PREVENT went with the session";
}

TEST_F(VtlTarget, ASecondLoginOfOnePortEndsTheFirst) {
    RawClient first(target->address());
    ASSERT_TRUE(first.log_in(7));
    RawClient second(target->address());
    ASSERT_TRUE(second.log_in(7));
    EXPECT_FALSE(first.receive());
    RawClient other(target->address());
    ASSERT_TRUE(other.log_in(8));
    TextPdu ping;
    ping.code = raw(PduCode::nop_out) | flag::kImmediate;
    ping.task_tag = BigEndian<4>{1};
    ASSERT_TRUE(second.send(ping));
    EXPECT_TRUE(second.receive()) << "that of another port stays";
}

TEST_F(VtlTarget, PingsAreAnsweredWhileATapeMoves) {
    std::promise<void> go;
    auto gone = go.get_future().share();
    LibraryOptions options;
    options.timing.mode = TimeMode::real;
    options.timing.now = [] { return std::chrono::steady_clock::now(); };
    options.timing.sleep = [gone](std::chrono::microseconds) { gone.wait(); };
    open(std::move(options));
    RawClient client(target->address());
    ASSERT_TRUE(client.log_in(1));
    ScsiCommandPdu command;
    command.flags = flag::kFinal | flag::kRead;
    command.task_tag = BigEndian<4>{11};
    command.expected_length = BigEndian<4>{96};
    command.cdb = {0x12, 0, 0, 0, 96, 0};
    ASSERT_TRUE(client.send(command));
    TextPdu ping;
    ping.code = raw(PduCode::nop_out) | flag::kImmediate;
    ping.task_tag = BigEndian<4>{12};
    ASSERT_TRUE(client.send(ping, bytes_of("still there?")));
    auto pong = client.receive();
    ASSERT_TRUE(pong);
    EXPECT_EQ(pong->header.pdu_code(), PduCode::nop_in);
    EXPECT_EQ(text_of(pong->data), "still there?");
    TaskRequestPdu abort;
    abort.code |= flag::kImmediate;
    abort.flags = flag::kFinal | raw(TaskFunction::abort_task);
    abort.task_tag = BigEndian<4>{13};
    abort.referenced_tag = BigEndian<4>{11};
    ASSERT_TRUE(client.send(abort));
    auto aborted = client.receive();
    ASSERT_TRUE(aborted);
    EXPECT_EQ(as<TaskResponsePdu>(aborted->header).response, raw(TaskAnswer::complete));
    go.set_value();
    ASSERT_TRUE(client.send(ping));
    auto next = client.receive();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->header.pdu_code(), PduCode::nop_in) << "what was aborted is not answered";
}

// RESET and CLEAR TASK SET reach the commands of every session; ABORT TASK SET those of its own. Who lost one to another is told.
TEST_F(VtlTarget, WhatOneSessionClearsOthersLose) {
    struct Case {
        TaskFunction function;
        bool others;
        const char* attention;
    };
    load();
    for (const auto& [function, others, attention] : {Case{TaskFunction::abort_task_set, false, "GOOD"},
                                                      Case{TaskFunction::clear_task_set, true, "06/2F/00"},
                                                      Case{TaskFunction::logical_unit_reset, true, "06/29/03"},
                                                      Case{TaskFunction::target_warm_reset, true, "06/29/03"}}) {
        SCOPED_TRACE(static_cast<int>(function));
        RawClient victim(target->address()), other(target->address());
        ASSERT_TRUE(victim.log_in(1) && other.log_in(2));
        std::uint32_t number = 0;
        for (; number < 8; ++number) {  // unit attentions
            ASSERT_TRUE(victim.send_test_unit_ready(1, number) && other.send_test_unit_ready(1, number));
            victim.told(), other.told();
        }
        target->stalls().hang(1, std::chrono::hours{1});
        ASSERT_TRUE(victim.send_test_unit_ready(1, number++));
        TextPdu ping;
        ping.code = raw(PduCode::nop_out) | flag::kImmediate;
        ping.task_tag = BigEndian<4>{901};
        ASSERT_TRUE(victim.send(ping) && victim.receive()) << "the command before it has been taken";
        TaskRequestPdu request;
        request.code |= flag::kImmediate;
        request.flags = flag::kFinal | raw(function);
        request.lun = lun_of(1);
        request.task_tag = BigEndian<4>{902};
        ASSERT_TRUE(other.send(request));
        const auto answer = other.receive();
        ASSERT_TRUE(answer && answer->header.pdu_code() == PduCode::task_response);
        EXPECT_EQ(as<TaskResponsePdu>(answer->header).response, raw(TaskAnswer::complete));
        target->stalls().resume(1);
        if (!others) {
            EXPECT_EQ(victim.told(), "GOOD") << "of its own session alone";
        }
        ASSERT_TRUE(victim.send_test_unit_ready(1, number));
        EXPECT_EQ(victim.told(), attention) << "and no answer to what was cleared";
    }
}

// A block is carried out by the thread that read the command; when it takes long another one reads.
TEST_F(VtlTarget, PingsAreAnsweredWhileABlockTakesLong) {
    load();
    {
        VirtualTransport drive(library, NexusId{1}, 1);
        settle(drive);
    }
    RawClient client(target->address());
    ASSERT_TRUE(client.log_in(1));
    ScsiCommandPdu command;
    command.flags = flag::kFinal | flag::kWrite;
    command.lun = lun_of(1);
    command.expected_length = BigEndian<4>{512};
    command.cdb = {0x0A, 0, 0, 2, 0, 0};
    TextPdu ping;
    ping.code = raw(PduCode::nop_out) | flag::kImmediate;
    TaskRequestPdu abort;
    abort.code |= flag::kImmediate;
    abort.flags = flag::kFinal | raw(TaskFunction::abort_task);
    std::uint32_t tag = 0, number = 0;
    auto block_is_written = [&] {
        command.task_tag = BigEndian<4>{++tag};
        command.command_sn = BigEndian<4>{number++};
        if (!client.send(command, block(1, 512))) return false;
        const auto answer = client.receive();
        return answer && answer->header.pdu_code() == PduCode::scsi_response && as<ScsiResponsePdu>(answer->header).status == 0;
    };
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 20; ++i) ASSERT_TRUE(block_is_written()) << round << " " << i;
        target->stalls().hang(1, std::chrono::hours{1});
        command.task_tag = abort.referenced_tag = BigEndian<4>{++tag};
        command.command_sn = BigEndian<4>{number++};
        ASSERT_TRUE(client.send(command, block(1, 512)));
        ping.task_tag = BigEndian<4>{++tag};
        ASSERT_TRUE(client.send(ping));
        const auto pong = client.receive();
        ASSERT_TRUE(pong && pong->header.pdu_code() == PduCode::nop_in) << round;
        abort.task_tag = BigEndian<4>{++tag};
        ASSERT_TRUE(client.send(abort));
        const auto aborted = client.receive();
        ASSERT_TRUE(aborted && aborted->header.pdu_code() == PduCode::task_response) << round;
        EXPECT_EQ(as<TaskResponsePdu>(aborted->header).response, raw(TaskAnswer::complete));
        target->stalls().resume(1);
    }
    VirtualTransport look(library, NexusId{1}, 1);
    const auto position = scsi::read_position(look, scsi::PositionForm::long_form);
    ASSERT_TRUE(position);
    EXPECT_EQ(position->block, BlockNumber{60}) << "what was aborted is not carried out";
}

TEST_F(VtlTarget, DataThatComeLaterAreAskedFor) {
    load();
    {
        VirtualTransport drive(library, NexusId{1}, 1);  // the raw client's nexus is the first: its attentions are taken here
        settle(drive);
    }
    RawClient client(target->address());
    ASSERT_TRUE(client.log_in(1, {{"InitialR2T", "Yes"}, {"ImmediateData", "No"}, {"MaxBurstLength", "1024"}}));
    const auto data = block(3, 2500);
    ScsiCommandPdu command;
    command.flags = flag::kFinal | flag::kWrite;
    command.lun = lun_of(1);
    command.task_tag = BigEndian<4>{5};
    command.expected_length = BigEndian<4>{data.size()};
    command.cdb = {0x0A, 0, 0, 2500 >> 8, 2500 & 0xFF, 0};
    ASSERT_TRUE(client.send(command));
    for (std::size_t at = 0; at < data.size();) {
        auto asked = client.receive();
        ASSERT_TRUE(asked);
        ASSERT_EQ(asked->header.pdu_code(), PduCode::ready_to_transfer);
        const auto ready = as<ReadyToTransferPdu>(asked->header);
        EXPECT_EQ(ready.offset.value(), at);
        const auto length = ready.desired_length.value();
        EXPECT_EQ(length, std::min<std::size_t>(1024, data.size() - at));
        DataOutPdu out;
        out.flags = flag::kFinal;
        out.task_tag = command.task_tag;
        out.transfer_tag = ready.transfer_tag;
        out.offset = ready.offset;
        ASSERT_TRUE(client.send(out, Bytes(data).subspan(at, length)));
        at += length;
    }
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->header.pdu_code(), PduCode::scsi_response);
    EXPECT_EQ(as<ScsiResponsePdu>(answer->header).status, 0);
}

TEST_F(VtlTarget, ADiskIsTheFirstUnitOnRequest) {
    auto made = Disk::open(scratch / "disk", 1 << 20, "DISK1");
    ASSERT_TRUE(made) << to_text(made.error());
    disk = std::move(*made);
    LibraryOptions options;
    options.units_before = 1;
    open(std::move(options));
    auto first = initiator(0), changer = initiator(1), drive = initiator(2), none = initiator(4);
    EXPECT_EQ(settle(*first), "GOOD");
    EXPECT_EQ(scsi::inquiry(*first)->device_type, scsi::DeviceType::disk);
    EXPECT_EQ(settle(*changer), "GOOD");
    EXPECT_EQ(scsi::inquiry(*changer)->device_type, scsi::DeviceType::changer);
    EXPECT_EQ(settle(*drive), "02/3A/00");
    EXPECT_EQ(told(run(*none, scsi::TestUnitReadyCdb{})), "05/25/00");
    for (auto* unit : {&first, &changer}) {
        std::vector<std::uint8_t> list(64);
        const auto reply = run(**unit, scsi::ReportLunsCdb{.allocation_length = BigEndian<4>{64}}, list);
        EXPECT_EQ(reply.transferred, 8U + 4 * 8);
    }
    scsi::Cdb cdb{.bytes = {0x2A, 0, 0, 0, 0, 7, 0, 0, 2, 0}, .size = 10};
    const auto data = block(1, 1024);
    const std::array<Bytes, 1> out{data};
    auto written = first->execute(cdb, out, {}, kLimit);
    ASSERT_TRUE(written && !written->sense);
    cdb.bytes[0] = 0x28;
    std::vector<std::uint8_t> got(1024);
    auto read_back = first->execute(cdb, {}, got, kLimit);
    ASSERT_TRUE(read_back && !read_back->sense);
    EXPECT_EQ(got, data);
}

// Whatever one client sends, it loses its own connection at most.
TEST_F(VtlTarget, BadClientsHarmNobodyElse) {
    auto good = initiator(0);
    EXPECT_EQ(settle(*good), "GOOD");
    auto header = [](std::uint8_t code, std::size_t length) {
        AnyHeader one;
        one.code = code;
        one.data_length = BigEndian<3>{length};
        one.extra_words = 0;
        return scsi::encode(one);
    };
    for (unsigned code = 0; code < 64; ++code) {
        RawClient before(target->address());
        before.send_bytes(header(static_cast<std::uint8_t>(code), 0));
        RawClient after(target->address());
        ASSERT_TRUE(after.log_in(static_cast<std::uint8_t>(code)));
        after.send_bytes(header(static_cast<std::uint8_t>(code | flag::kImmediate), 0));
        RawClient vast(target->address());
        ASSERT_TRUE(vast.log_in(static_cast<std::uint8_t>(code + 64)));
        vast.send_bytes(header(static_cast<std::uint8_t>(code | flag::kImmediate), 0xFFFFFF));
        EXPECT_FALSE(vast.receive()) << "more data than were agreed";
    }
    RawClient silent(target->address());
    ASSERT_EQ(told(run(*good, scsi::TestUnitReadyCdb{})), "GOOD");
    ScsiCommandPdu command;  // more immediate data than the command is to move
    command.flags = flag::kFinal | flag::kWrite;
    command.expected_length = BigEndian<4>{4};
    RawClient liar(target->address());
    ASSERT_TRUE(liar.log_in(200));
    liar.send(command, block(1, 64));
    EXPECT_FALSE(liar.receive());
    ASSERT_EQ(told(run(*good, scsi::TestUnitReadyCdb{})), "GOOD");
}

TEST_F(VtlTarget, TheTransportSaysWhenItsSessionWasLost) {
    auto changer = initiator(0);
    EXPECT_EQ(settle(*changer), "GOOD");
    const auto portal = target->address();
    target->stop();
    target.reset();
    std::vector<std::uint8_t> space(96);
    auto reply = try_run(*changer, scsi::InquiryCdb{.allocation_length = BigEndian<2>{96}}, space);
    ASSERT_FALSE(reply) << "nobody is there";
    TargetOptions options;
    options.settings.name = kName;
    options.portal = portal;
    target = std::make_shared<Target>(library, options);
    ASSERT_TRUE(target->start());
    EXPECT_EQ(told(run(*changer, scsi::InquiryCdb{.allocation_length = BigEndian<2>{96}}, space)), "06/29/07")
        << "even what no unit attention stops";
    EXPECT_EQ(settle(*changer), "GOOD");
}

TEST_F(VtlTarget, ASessionThatEndedWhileIdleIsNoticedBeforeTheNextCommand) {
    auto changer = initiator(0);
    EXPECT_EQ(settle(*changer), "GOOD");
    const auto portal = target->address();
    target->stop();
    TargetOptions options;
    options.settings.name = kName;
    options.portal = portal;
    target = std::make_shared<Target>(library, options);
    ASSERT_TRUE(target->start());
    std::vector<std::uint8_t> space(96);
    auto reply = try_run(*changer, scsi::InquiryCdb{.allocation_length = BigEndian<2>{96}}, space);
    ASSERT_TRUE(reply) << to_text(reply.error());
    EXPECT_EQ(told(*reply), "06/29/07") << "in place of the command, which was not sent";
    EXPECT_FALSE(changer->connection_ended());
    EXPECT_EQ(told(run(*changer, scsi::InquiryCdb{.allocation_length = BigEndian<2>{96}}, space)), "GOOD");
}

TEST_F(VtlTarget, ASessionThatEndsUnderACommandLeavesItsOutcomeUnknown) {
    std::promise<void> moving, go;
    auto gone = go.get_future().share();
    std::once_flag once;
    LibraryOptions options;
    options.timing.mode = TimeMode::real;
    options.timing.now = [] { return std::chrono::steady_clock::now(); };
    options.timing.sleep = [&](std::chrono::microseconds) {
        std::call_once(once, [&] { moving.set_value(); });
        gone.wait();
    };
    open(std::move(options));
    auto changer = initiator(0);
    auto reply = std::async(std::launch::async, [&] { return try_run(*changer, scsi::TestUnitReadyCdb{}); });
    moving.get_future().wait();
    std::vector<std::uint8_t> space(96);
    auto usurper = initiator(0);  // the same port: its login ends the first session
    auto theirs = std::async(std::launch::async, [&] { return try_run(*usurper, scsi::TestUnitReadyCdb{}); });
    const auto lost = reply.get();
    go.set_value();
    theirs.wait();
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().recovery, Recovery::stop_device) << to_text(lost.error());
    EXPECT_TRUE(changer->connection_ended());
    EXPECT_EQ(told(run(*changer, scsi::TestUnitReadyCdb{})), "06/29/07");
}

}  // namespace
}  // namespace capstan::iscsi
