// A drive against a model of a tape that is three lines long: random commands, power cuts and restarts, seeds printed.
#include "support.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

namespace capstan::virtual_library {
namespace {

struct Model {  // 0: a filemark; else a block made of this seed
    std::vector<std::uint64_t> objects;
    std::size_t safe = 0;  // synchronised
    std::size_t at = 0;
    void append(std::uint64_t object) {
        if (at < objects.size()) objects.resize(at);
        safe = std::min(safe, at);
        objects.push_back(object);
        ++at;
    }
};
std::size_t size_of(std::uint64_t seed) { return 1 + seed % 5000; }

struct Tape {
    Scratch scratch;
    std::shared_ptr<VirtualLibrary> library;
    std::unique_ptr<VirtualTransport> robot, drive;
    void open() {
        drive.reset(), robot.reset(), library.reset();
        LibraryGeometry geometry;
        geometry.medium.segment_size = 50'000;
        auto opened = VirtualLibrary::open(scratch / "library", geometry);
        ASSERT_TRUE(opened) << to_text(opened.error());
        library = *opened;
        robot = std::make_unique<VirtualTransport>(library, NexusId{1}, 0);
        drive = std::make_unique<VirtualTransport>(library, NexusId{1}, 1);
        settle(*robot);
        settle(*drive);
    }
};

void read_one(scsi::Transport& drive, Model& model) {
    std::vector<std::uint8_t> space(6000);
    auto outcome = scsi::read_block(drive, space);
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    if (model.at == model.objects.size()) {
        ASSERT_TRUE(outcome->end_of_data);
        return;
    }
    auto object = model.objects[model.at++];
    ASSERT_EQ(outcome->filemark, object == 0);
    if (object == 0) return;
    ASSERT_EQ(outcome->bytes, size_of(object));
    space.resize(outcome->bytes);
    ASSERT_EQ(space, block(object, size_of(object)));
}

// SPACE over blocks, one object after the other, as the standard tells it.
void space_blocks(scsi::Transport& drive, Model& model, std::int64_t count) {
    auto outcome = scsi::space(drive, scsi::SpaceCode::blocks, count);
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    std::int64_t moved = 0;
    bool mark = false;
    while (moved != count && !mark) {
        if (count > 0 ? model.at == model.objects.size() : model.at == 0) break;
        auto object = count > 0 ? model.objects[model.at++] : model.objects[--model.at];
        if (object == 0)
            mark = true;
        else
            moved += count > 0 ? 1 : -1;
    }
    ASSERT_EQ(outcome->filemark, mark);
    ASSERT_EQ(outcome->moved, moved);
    ASSERT_EQ(outcome->end_of_data, !mark && moved != count && count > 0);
}

void space_marks(scsi::Transport& drive, Model& model, std::int64_t count) {
    auto outcome = scsi::space(drive, scsi::SpaceCode::filemarks, count);
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    for (std::int64_t left = count; left != 0;) {
        if (left > 0 ? model.at == model.objects.size() : model.at == 0) break;
        auto object = left > 0 ? model.objects[model.at++] : model.objects[--model.at];
        if (object == 0) left += left > 0 ? -1 : 1;
    }
}

void step(Tape& tape, Model& model, std::mt19937_64& random) {
    auto& drive = *tape.drive;
    switch (random() % 14) {
        case 0:
        case 1:
        case 2:
        case 3: {
            for (auto n = 1 + random() % 8; n > 0; --n) {
                auto seed = 1 + random() % 1'000'000;
                ASSERT_EQ(told(write(drive, block(seed, size_of(seed)))), "GOOD");
                model.append(seed);
            }
            break;
        }
        case 4: {
            auto count = static_cast<unsigned>(random() % 3);
            ASSERT_EQ(told(marks(drive, count)), "GOOD");
            for (unsigned i = 0; i < count; ++i) model.append(0);
            model.safe = model.objects.size();
            break;
        }
        case 5:
            ASSERT_EQ(told(marks(drive, 1, true)), "GOOD");
            model.append(0);
            break;
        case 6:
        case 7:
            for (auto n = 1 + random() % 10; n > 0; --n) read_one(drive, model);
            model.safe = model.objects.size();
            break;
        case 8:
            ASSERT_TRUE(scsi::rewind(drive));
            model.at = 0;
            model.safe = model.objects.size();
            break;
        case 9: {
            auto target = random() % (model.objects.size() + 1);
            ASSERT_TRUE(scsi::locate(drive, BlockNumber{target}));
            model.at = target;
            model.safe = model.objects.size();
            break;
        }
        case 10:
            space_blocks(drive, model, static_cast<std::int64_t>(random() % 21) - 10);
            model.safe = model.objects.size();
            break;
        case 11:
            space_marks(drive, model, static_cast<std::int64_t>(random() % 7) - 3);
            model.safe = model.objects.size();
            break;
        case 12:
            ASSERT_TRUE(scsi::locate_end_of_data(drive));
            model.at = model.safe = model.objects.size();
            break;
        default:
            if (random() % 2 == 0) {
                ASSERT_TRUE(tape.library->power_cycle(1));
            } else {
                tape.open();
            }
            ASSERT_EQ(settle(*tape.drive), "GOOD");
            model.objects.resize(model.safe);
            model.at = 0;
            break;
    }
}

class TapeModel : public testing::TestWithParam<std::uint64_t> {};
TEST_P(TapeModel, TheDriveAgrees) {
    std::mt19937_64 random(GetParam());
    Tape tape;
    tape.open();
    auto load =
        run(*tape.robot, scsi::MoveMediumCdb{.source = BigEndian<2>{0x3E8}, .destination = BigEndian<2>{0x100}});
    ASSERT_EQ(told(load), "GOOD");
    ASSERT_EQ(settle(*tape.drive), "GOOD");
    Model model;
    for (int i = 0; i < 1500; ++i) {
        ASSERT_NO_FATAL_FAILURE(step(tape, model, random)) << "seed " << GetParam() << " step " << i;
        auto position = scsi::read_position(*tape.drive, scsi::PositionForm::extended);
        ASSERT_TRUE(position);
        ASSERT_EQ(position->block, BlockNumber{model.at}) << "seed " << GetParam() << " step " << i;
        ASSERT_EQ(position->on_medium, BlockNumber{std::min(model.at, model.safe)})
            << "seed " << GetParam() << " step " << i;
    }
    marks(*tape.drive, 0);
    ASSERT_TRUE(scsi::rewind(*tape.drive));
    model.at = 0;
    while (model.at < model.objects.size()) ASSERT_NO_FATAL_FAILURE(read_one(*tape.drive, model));
}
INSTANTIATE_TEST_SUITE_P(Seeds, TapeModel, testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace capstan::virtual_library
