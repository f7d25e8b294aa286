#include "config/base/async.hpp"
#include "config/base/bytes.hpp"
#include "config/base/clock.hpp"
#include "config/base/error.hpp"
#include "config/base/file.hpp"
#include "config/base/media_types.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace capstan {
namespace {

using namespace std::chrono_literals;

TEST(Error, IsShownAsFactActAndCode) {
    Error error{Recovery::ask_operator, "drive D1: cannot write A00001L8", "Slide its tab.", Sense{{7, 0x27, 0}}};
    EXPECT_EQ(to_text(error), "drive D1: cannot write A00001L8. Slide its tab. (07/27/00)");
}

TEST(MediaTypes, BarCodesOfEightCharactersSayTheGeneration) {
    const auto name = [](const char* tag) {
        const auto* type = media_type_of(VolumeTag{tag});
        return std::string(type == nullptr ? "?" : type->name);
    };
    EXPECT_EQ(name("A00001L8"), "LTO-8");
    EXPECT_EQ(name("A00001M8"), "LTO-7 type M");
    EXPECT_EQ(name("A00001LA"), "LTO-10");
    EXPECT_EQ(name("A00001LY"), "LTO-8 WORM");
    EXPECT_EQ(name("CLN001L8"), "cleaning");
    EXPECT_EQ(name("CLNU01CU"), "cleaning");
    EXPECT_EQ(name("CLN001"), "cleaning");
    for (const auto* silent : {"", "A00001", "TAPEL8", "A00001X9", "LONGTAG001L8"}) EXPECT_EQ(name(silent), "?") << silent;
    EXPECT_EQ(name_of_density(0x5E), "LTO-8");
    EXPECT_EQ(name_of_density(0), "");
    EXPECT_EQ(name_of_density(0x1A), "");
}

// The LTO programme's table: up to LTO-7 two generations back to read and one to write, then one for both, then none.
TEST(MediaTypes, EachGenerationTakesItsOwnAndSomeOlderOnes) {
    const auto able = [](unsigned drive, unsigned cartridge) -> std::string {
        const std::uint8_t own = lto_abilities(cartridge).front().density;
        for (const auto& each : lto_abilities(drive))
            if (each.density == own) return each.writes ? "rw" : "r";
        return "-";
    };
    for (unsigned drive = 1; drive <= 10; ++drive) {
        EXPECT_EQ(able(drive, drive), "rw");
        if (drive > 1) {
            EXPECT_EQ(able(drive, drive - 1), drive == 10 ? "-" : "rw") << drive;
        }
        if (drive > 2) {
            EXPECT_EQ(able(drive, drive - 2), drive <= 7 ? "r" : "-") << drive;
        }
        if (drive < 10) {
            EXPECT_EQ(able(drive, drive + 1), "-") << drive;
        }
    }
    EXPECT_TRUE(lto_abilities(0).empty() && lto_abilities(11).empty());
}

TEST(Reader, RefusesToRunPastTheEnd) {
    std::array<std::uint8_t, 3> bytes{1, 2, 3};
    Reader reader(bytes);
    EXPECT_EQ(reader.big<2>(), 0x0102U);
    EXPECT_FALSE(reader.take(2));
    EXPECT_EQ(reader.left(), 1U);
    EXPECT_EQ(reader.little<1>(), 3U);
}

static_assert(BigEndian<3>(0x010203).value() == 0x010203);
static_assert(LittleEndian<4>(0xA1B2C3D4).value() == 0xA1B2C3D4);

Task<void> collect(Mailbox<int>& box, std::vector<int>& seen) {
    while (auto message = co_await box.receive()) seen.push_back(*message);
    seen.push_back(-1);
}

TEST(Mailbox, DeliversInOrderAndEndsWhenClosed) {
    asio::io_context context;
    Loop loop(context);
    Mailbox<int> box(loop);
    std::vector<int> seen;
    loop.spawn(collect(box, seen));
    box.send(1);
    box.send(2);
    context.poll();
    EXPECT_EQ(seen, (std::vector{1, 2}));
    box.close();
    context.restart();
    context.poll();
    EXPECT_EQ(seen, (std::vector{1, 2, -1}));
    EXPECT_EQ(loop.running(), 0U);
}

TEST(Loop, StopCompletesEveryWait) {
    asio::io_context context;
    Loop loop(context);
    Mailbox<int> box(loop);
    std::vector<int> seen;
    loop.spawn(collect(box, seen));
    context.poll();
    loop.stop();
    context.restart();
    context.poll();
    EXPECT_EQ(seen, (std::vector{-1}));
    EXPECT_EQ(loop.running(), 0U);
}

TEST(Loop, DropDestroysWaitingCoroutines) {
    asio::io_context context;
    Loop loop(context);
    auto alive = std::make_shared<int>(1);
    std::weak_ptr<int> watch = alive;
    SimClock clock{Wall{}};
    auto sleeper = [](Loop& l, Clock& c, std::shared_ptr<int> held) -> Task<void> {
        co_await sleep_for(l, c, 1h);
        *held = 2;
    };
    loop.spawn(sleeper(loop, clock, std::move(alive)));
    context.poll();
    EXPECT_FALSE(watch.expired());
    loop.drop();
    context.poll();  // Asio unwinds the coroutine's frames through its executor
    EXPECT_TRUE(watch.expired());
}

TEST(SimClock, JumpsFromTimerToTimer) {
    SimClock clock{Wall{}};
    std::vector<int> order;
    clock.at(Steady{2h}, [&] { order.push_back(2); });
    auto never = clock.at(Steady{90min}, [&] { order.push_back(9); });
    clock.at(Steady{1h}, [&] { order.push_back(1); });
    clock.cancel(never);
    while (clock.advance()) {}
    EXPECT_EQ(order, (std::vector{1, 2}));
    EXPECT_EQ(clock.now(), Steady{2h});
}

TEST(File, ReplaceIsWholeAndReadBack) {
    auto folder = std::filesystem::temp_directory_path() / "capstan-base-test";
    ASSERT_TRUE(make_directories((folder / "a/b").string()));
    auto path = (folder / "a/b/f").string();
    ASSERT_TRUE(replace_file(path, bytes_of("one")));
    ASSERT_TRUE(replace_file(path, bytes_of("two")));
    auto content = read_file(path, 100);
    ASSERT_TRUE(content);
    EXPECT_EQ(text_of(*content), "two");
    EXPECT_FALSE(read_file(path, 2));
    EXPECT_FALSE(read_file(path + ".missing", 2));
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace capstan
