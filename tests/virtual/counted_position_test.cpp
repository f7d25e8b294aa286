// A drive that knows no LOCATE and does not tell its position, made one that does: always what the drive itself would have said.
#include "support.hpp"

#include "drives/scsi/counted_position.hpp"

#include <memory>
#include <random>
#include <vector>

namespace capstan::virtual_library {
namespace {

using scsi::SpaceCode;

// How poor drives are poor.
enum class Kind { by_the_standard, like_tgt };

class PoorDrive final : public scsi::Transport {
    scsi::Transport& drive_;
    Kind kind_;

  public:
    PoorDrive(scsi::Transport& drive, Kind kind) : drive_(drive), kind_(kind) {}
    Result<scsi::ScsiReply> execute(const scsi::Cdb& cdb, scsi::DataOut out, MutableBytes in, std::chrono::milliseconds limit) override {
        switch (scsi::opcode_of(cdb)) {
            case scsi::Opcode::locate_10:
            case scsi::Opcode::locate_16: return scsi::ScsiReply{Sense{.code = {0x5, 0x20, 0x00}, .information = {}}, 0, {}};
            case scsi::Opcode::read_position:
                std::fill(in.begin(), in.end(), std::uint8_t{0});
                in[0] = 0x14;
                return scsi::ScsiReply{std::nullopt, in.size(), {}};
            case scsi::Opcode::space_6:
                if (kind_ == Kind::like_tgt && cdb.bytes[1] == 0) return space_over_all(cdb, limit);
                break;
            default: break;
        }
        return drive_.execute(cdb, out, in, limit);
    }

  private:
    // Filemarks count as blocks; who arrives at the end of data is told so, and nothing of what is left.
    Result<scsi::ScsiReply> space_over_all(const scsi::Cdb& cdb, std::chrono::milliseconds limit) {
        const auto count = scsi::signed_value(scsi::from_cdb<scsi::Space6Cdb>(cdb)->count);
        for (std::int64_t i = 0; i < std::abs(count); ++i) {
            const scsi::Space6Cdb one{.code = 0, .count = scsi::signed_on_wire<3>(count < 0 ? -1 : 1)};
            CAPSTAN_TRY(auto reply, drive_.execute(scsi::to_cdb(one), {}, {}, limit));
            if (!reply.sense || reply.sense->filemark) continue;
            return at_end_of_data();
        }
        return is_at_end() ? at_end_of_data() : scsi::ScsiReply{};
    }
    static scsi::ScsiReply at_end_of_data() { return scsi::ScsiReply{Sense{.code = {0x0, 0x00, 0x05}, .information = {}}, 0, {}}; }
    bool is_at_end() {
        const auto block = scsi::current_block(drive_);
        const auto beyond = scsi::space(drive_, scsi::SpaceCode::blocks, 1);
        EXPECT_TRUE(block && beyond && scsi::locate(drive_, *block));
        return beyond && beyond->end_of_data;
    }
};

class Counted : public testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        LibraryGeometry geometry;
        geometry.medium.capacity = 64 << 20;
        geometry.medium.early_warning = 1 << 20;
        auto opened = VirtualLibrary::open(scratch_ / "library", geometry);
        ASSERT_TRUE(opened) << to_text(opened.error());
        library_ = *opened;
        changer_.emplace(library_, NexusId{1}, 0);
        drive_.emplace(library_, NexusId{1}, 1);
        settle(*changer_);
        ASSERT_EQ(told(run(*changer_, scsi::MoveMediumCdb{.source = BigEndian<2>{0x03E8}, .destination = BigEndian<2>{0x0100}})), "GOOD");
        poor_.emplace(*drive_, GetParam());
        counted_.emplace(*poor_, count_);
        settle(*counted_);
    }
    std::string where_it_is() { return to_words(scsi::current_block(*drive_)); }
    std::string where_it_says() { return to_words(scsi::current_block(*counted_)); }
    static std::string to_words(const Result<BlockNumber>& block) { return block ? std::to_string(raw(*block)) : "unknown"; }
    void fill(int blocks_and_marks) {
        for (int i = 0; i < blocks_and_marks; ++i) {
            auto written =
                i % 4 == 3 ? marks(*counted_, 1) : write(*counted_, block(static_cast<std::uint64_t>(i), 100u + 900u * (i % 7u)));
            ASSERT_EQ(told(written), "GOOD");
        }
    }

    Scratch scratch_;
    std::shared_ptr<VirtualLibrary> library_;
    std::optional<VirtualTransport> changer_, drive_;
    std::optional<PoorDrive> poor_;
    scsi::TapeCount count_;
    std::optional<scsi::CountedPosition> counted_;
};

TEST_P(Counted, NothingIsKnownBeforeARewind) {
    EXPECT_EQ(where_it_says(), "unknown");
    ASSERT_TRUE(scsi::rewind(*counted_));
    EXPECT_EQ(where_it_says(), "0");
    EXPECT_TRUE(scsi::read_position(*counted_, scsi::PositionForm::short_block)->at_beginning);
}

TEST_P(Counted, AnotherTapeOrAnErrorMakesItUnknown) {
    ASSERT_TRUE(scsi::rewind(*counted_));
    fill(8);
    EXPECT_EQ(where_it_says(), "8");
    ASSERT_TRUE(library_->power_cycle(1));
    EXPECT_EQ(settle(*counted_), "GOOD");
    EXPECT_EQ(where_it_says(), "unknown");
    EXPECT_EQ(raw(count_.furthest), 0U) << "nobody knows what of it is on the tape";
}

TEST_P(Counted, ProvenIsWhatWasSynchronised) {
    ASSERT_TRUE(scsi::rewind(*counted_));
    fill(3);
    auto position = scsi::read_position(*counted_, scsi::PositionForm::short_block);
    EXPECT_EQ(position->block, BlockNumber{3});
    EXPECT_EQ(position->on_medium, BlockNumber{0});
    ASSERT_TRUE(scsi::synchronize(*counted_));
    EXPECT_EQ(scsi::read_position(*counted_, scsi::PositionForm::short_block)->on_medium, BlockNumber{3});
}

TEST_P(Counted, TheEndOfDataIsFoundAndNotPassed) {
    ASSERT_TRUE(scsi::rewind(*counted_));
    fill(30);
    ASSERT_TRUE(scsi::locate(*counted_, BlockNumber{5}));
    ASSERT_TRUE(scsi::locate_end_of_data(*counted_));
    EXPECT_EQ(where_it_says(), "30");
    EXPECT_EQ(where_it_is(), "30");
    count_ = {};  // as after a restart of the daemon
    ASSERT_TRUE(scsi::locate_end_of_data(*counted_));
    EXPECT_EQ(where_it_says(), "30");
    auto beyond = scsi::locate(*counted_, BlockNumber{31});
    ASSERT_FALSE(beyond);
    EXPECT_EQ(to_text(beyond.error().sense->code), "08/00/05");
    EXPECT_EQ(where_it_says(), "30") << "the tape stayed at the end of data";
    EXPECT_FALSE(scsi::locate(*counted_, BlockNumber{40}));
    EXPECT_EQ(where_it_says(), "unknown");
    ASSERT_TRUE(scsi::locate(*counted_, BlockNumber{30})) << "where the next block would be appended";
    EXPECT_EQ(where_it_says(), "30");
    ASSERT_TRUE(scsi::locate(*counted_, BlockNumber{29}));
    EXPECT_EQ(where_it_is(), "29");
}

// Any walk over a tape: the count is what the drive knows, or unknown; never something else.
TEST_P(Counted, AgreesWithTheDriveOnAnyWalk) {
    std::mt19937 random(11);
    auto below = [&](std::uint32_t limit) { return random() % limit; };
    ASSERT_TRUE(scsi::rewind(*counted_));
    fill(40);
    std::uint64_t known = 0, steps = 600;
    std::vector<std::uint8_t> space(8192);
    for (std::uint64_t step = 0; step < steps; ++step) {
        SCOPED_TRACE(step);
        switch (below(9)) {
            case 0: (void)scsi::rewind(*counted_); break;
            case 1: (void)scsi::locate(*counted_, BlockNumber{below(45)}); break;
            case 2: (void)scsi::space(*counted_, SpaceCode::filemarks, 1 + below(3)); break;
            case 3: (void)scsi::space(*counted_, SpaceCode::blocks, static_cast<std::int64_t>(below(9)) - 4); break;
            case 4: (void)scsi::locate_end_of_data(*counted_); break;
            case 5: (void)scsi::read_block(*counted_, MutableBytes(space).first(1 + below(8192))); break;
            case 6: (void)scsi::read_block(*counted_, space); break;
            case 7:
                if (where_it_says() != "unknown" && below(3) == 0) (void)scsi::write_block(*counted_, block(step, 1 + below(4000)));
                break;
            case 8:
                if (where_it_says() != "unknown" && below(3) == 0) (void)scsi::write_filemarks(*counted_, below(3), scsi::Wait::until_done);
                break;
            default: break;
        }
        const auto says = where_it_says();
        if (says == "unknown") continue;
        ++known;
        ASSERT_EQ(says, where_it_is());
    }
    EXPECT_GT(known, steps / 2);
}

INSTANTIATE_TEST_SUITE_P(Poor, Counted, testing::Values(Kind::by_the_standard, Kind::like_tgt),
                         [](const auto& kind) { return kind.param == Kind::like_tgt ? "LikeTgt" : "ByTheStandard"; });

}  // namespace
}  // namespace capstan::virtual_library
