#include "backup/stages.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

namespace capstan::backup {
namespace {

TEST_F(Stages, EveryOddObjectComesBackThroughMtf) {
    make_odd_tree(source);
    for (std::uint32_t block_size : {16384u, 262144u}) {
        ScratchDirectory other, segments;
        auto medium = encode_set({.paths = {source}}, segments.path(), {.block_size = block_size});
        EXPECT_EQ(text_of(medium.issues), "");
        IssueQueue issues;
        auto sink = std::move(open_restore_target({.root = other.path()}, issues).value());
        Decoding decoding(*sink, block_size);
        auto wanted = all_of(medium);
        EXPECT_EQ(wanted.size(), medium.objects);
        decoding.read(medium, std::move(wanted), block_size);
        decoding.end();
        EXPECT_EQ(text_of(issues.drain()) + text_of(decoding.issues.drain()), "");
        EXPECT_EQ(difference(look_at(source), look_at(other.path() + source)), "");
        ASSERT_EQ(medium.parts.size(), 1u);
        EXPECT_TRUE(medium.parts[0].last);
        EXPECT_EQ(medium.parts[0].objects, medium.objects);
        EXPECT_EQ(medium.items.back().kind, Kind::filemark);
        EXPECT_EQ(medium.items[medium.items.size() - 2].kind, Kind::end_block);
    }
}

TEST_F(Stages, PathsLongerThanABlockComeBack) {
    make_deep_tree(source, 500);
    auto medium = encode_set({.paths = {source}}, catalog.path());
    EXPECT_EQ(restore(medium, all_of(medium), 16384), "");
    EXPECT_EQ(difference(look_at(source), look_at(target)), "");
}

TEST_F(Stages, TheStreamIsTheSameInlineAndWithThreads) {
    make_odd_tree(source);
    for (int i = 0; i < 2000; ++i) write_file(source + "/plain/" + std::to_string(i), std::string(i, 'x'));
    encode_set({.paths = {source}}, to.path());  // reading a symbolic link sets its access time, once
    auto first = encode_set({.paths = {source}}, catalog.path());
    for (unsigned threads : {1u, 3u}) {
        ScratchDirectory other;
        auto again = encode_set({.paths = {source}, .threads = threads}, other.path(), {.slots = 64});
        ASSERT_EQ(again.items.size(), first.items.size());
        for (std::size_t i = 1; i < first.items.size(); ++i)  // the first holds the ancestors, which others may change
            ASSERT_TRUE(again.items[i].bytes == first.items[i].bytes) << "block " << i;
    }
}

TEST_F(Stages, CheckpointsCoverExactlyWhatLiesBeforeThem) {
    for (int i = 0; i < 40; ++i) write_file(source + "/f" + std::to_string(i), std::string(3000 + 400 * i, 'a'));
    ::mkdir((source + "/sub").c_str(), 0755);
    for (int i = 0; i < 30; ++i) write_file(source + "/sub/g" + std::to_string(i), std::string(2000, 'b'));
    auto medium = encode_set({.paths = {source}}, catalog.path(), {.checkpoint_bytes = 50000});
    ASSERT_GT(medium.parts.size(), 5u);
    std::uint64_t objects = 0;
    for (std::size_t i = 0; i < medium.parts.size(); ++i) {
        const auto& part = medium.parts[i];
        objects += part.objects;
        EXPECT_EQ(part.last, i + 1 == medium.parts.size());
        if (!part.last) {
            EXPECT_EQ(part.end_address, medium.part_items[i] * 16);
        }
        // Everything that the segments so far name is whole in what was written so far.
        Medium cut;
        cut.segments.assign(medium.segments.begin(), medium.segments.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                                   i + 1, medium.segments.size())));
        cut.items.assign(medium.items.begin(),
                         medium.items.begin() + static_cast<std::ptrdiff_t>(medium.part_items[i]));
        auto wanted = all_of(cut);
        EXPECT_EQ(wanted.size(), objects);
        ScratchDirectory other;
        IssueQueue issues;
        auto sink = std::move(open_restore_target({.root = other.path()}, issues).value());
        Decoding decoding(*sink, 16384);
        decoding.read(cut, std::move(wanted), 16384);
        decoding.end();
        EXPECT_EQ(text_of(issues.drain()) + text_of(decoding.issues.drain()), "");
        EXPECT_EQ(sink->counts().objects, objects);
    }
    EXPECT_EQ(objects, medium.objects);
}

TEST_F(Stages, OneFileIsReadFromItsOwnBlocks) {
    for (int i = 0; i < 50; ++i)
        write_file(source + "/f" + std::to_string(i), std::string(30000, static_cast<char>('a' + i % 26)));
    auto medium = encode_set({.paths = {source}}, catalog.path());
    std::vector<WantedObject> wanted;
    for (auto& object : all_of(medium)) {
        if (object.path.ends_with("/f33")) wanted.push_back(object);
    }
    ASSERT_EQ(wanted.size(), 1u);
    std::size_t blocks = 0;
    EXPECT_EQ(restore(medium, wanted, 16384, &blocks), "");
    EXPECT_LE(blocks, 3u);
    EXPECT_EQ(read_whole(target + "/f33"), read_whole(source + "/f33"));
}

TEST_F(Stages, ALinkWhoseFirstNameWasNotChosenGetsTheData) {
    write_file(source + "/first", "the data");
    for (const char* name : {"/second", "/third"})
        ASSERT_EQ(::link((source + "/first").c_str(), (source + name).c_str()), 0);
    auto medium = encode_set({.paths = {source}}, catalog.path());
    std::map<std::string, WantedObject> all;
    for (auto& object : all_of(medium)) all[object.path.substr(object.path.rfind('/') + 1)] = object;
    IssueQueue issues;
    auto sink = std::move(open_restore_target({.root = to.path()}, issues).value());
    Decoding decoding(*sink, 16384);
    decoding.read(medium, {all["second"], all["third"]}, 16384);
    auto links = decoding.stage().take_unresolved_links();
    ASSERT_EQ(links.size(), 2u);
    EXPECT_EQ("/" + links[0].first_name, source + "/first");
    auto first = all["first"];
    first.recorded_path = first.path;
    first.path = links[0].path;
    first.further_names = {links[1].path};
    decoding.read(medium, {first}, 16384);
    decoding.end();
    EXPECT_EQ(text_of(issues.drain()) + text_of(decoding.issues.drain()), "");
    EXPECT_EQ(read_whole(target + "/third"), "the data");
    EXPECT_TRUE(std::filesystem::equivalent(target + "/second", target + "/third"));
    EXPECT_FALSE(std::filesystem::exists(target + "/first"));
}

TEST_F(Stages, AFlippedByteIsFoundAndNamed) {
    write_file(source + "/good", std::string(20000, 'g'));
    write_file(source + "/victim", std::string(20000, 'v'));
    auto medium = encode_set({.paths = {source}}, catalog.path());
    for (auto& item : medium.items) {
        auto at = std::find(item.bytes.begin(), item.bytes.end(), 'v');
        for (; at != item.bytes.end(); ++at) {
            if (at + 100 < item.bytes.end() && std::all_of(at, at + 100, [](auto b) { return b == 'v'; })) break;
        }
        if (at == item.bytes.end()) continue;
        *(at + 50) = 'w';
        break;
    }
    auto told = restore(medium, all_of(medium), 16384);
    EXPECT_NE(told.find("/victim: checksum of STAN is wrong; its data do not have the hash"), std::string::npos)
        << told;
    EXPECT_EQ(told.find("/good"), std::string::npos);
    EXPECT_EQ(read_whole(target + "/good"), read_whole(source + "/good"));
}

TEST_F(Stages, ACutMediumIsNamedForWhatItDoesNotHold) {
    for (int i = 0; i < 10; ++i) write_file(source + "/f" + std::to_string(i), std::string(20000, 'x'));
    auto medium = encode_set({.paths = {source}}, catalog.path());
    auto wanted = all_of(medium);
    medium.items.resize(5);
    auto told = restore(medium, std::move(wanted), 16384);
    EXPECT_NE(told.find("/f9: it was not found"), std::string::npos) << told;
    EXPECT_NE(told.find("the medium ends inside"), std::string::npos) << told;
    EXPECT_EQ(read_whole(target + "/f0"), read_whole(source + "/f0"));
}

TEST_F(Stages, FilesThatChangeWhileTheyAreReadAreWholeOnTheMedium) {
    for (const char* name : {"/grows", "/shrinks", "/after"}) write_file(source + name, std::string(300000, 'x'));
    Encoding how;
    // The ring holds less than one file: both are changed while they are open.
    int changes = 0;
    how.at_block = [&](EncoderStage&, std::size_t blocks) {
        if (blocks == 25 && changes++ == 0) {
            ASSERT_EQ(::truncate((source + "/grows").c_str(), 400000), 0);
        }
        if (blocks == 45 && changes++ == 1) {
            ASSERT_EQ(::truncate((source + "/shrinks").c_str(), 1000), 0);
        }
    };
    auto medium = encode_set({.paths = {source}}, catalog.path(), how);
    auto told = text_of(medium.issues);
    EXPECT_NE(told.find("grew"), std::string::npos) << told;
    EXPECT_NE(told.find("shrank"), std::string::npos) << told;
    EXPECT_EQ(medium.parts.back().changed, 2u);
    EXPECT_EQ(restore(medium, all_of(medium), 16384), "");
    EXPECT_EQ(read_whole(target + "/grows"), std::string(300000, 'x'));
    auto shrunk = read_whole(target + "/shrinks");
    EXPECT_EQ(shrunk.size(), 300000u);
    EXPECT_EQ(shrunk.back(), '\0');
    EXPECT_EQ(read_whole(target + "/after"), std::string(300000, 'x'));
}

TEST_F(Stages, AStoppedSetIsEndedAsAborted) {
    for (int i = 0; i < 50; ++i) write_file(source + "/f" + std::to_string(i), std::string(30000, 'x'));
    auto medium = encode_set({.paths = {source}}, catalog.path(), {.stop_after = 20});
    EXPECT_LT(medium.objects, 50u);
    EXPECT_EQ(medium.items[medium.items.size() - 2].kind, Kind::end_block);
    EXPECT_EQ(restore(medium, all_of(medium), 16384), "");
    EXPECT_EQ(all_of(medium).size(), medium.objects);
}

// The set is cut before every block in turn and goes on behind a continuation, as on a further cartridge.
TEST_F(Stages, ASetGoesOnOnAnotherMediumWhereverItIsCut) {
    write_file(source + "/a", std::string(70000, 'a'));
    write_file(source + "/b", std::string(500, 'b'));
    write_file(source + "/empty", "");
    ::mkdir((source + "/directory").c_str(), 0750);
    for (int i = 0; i < 12; ++i) write_file(source + "/directory/" + std::to_string(i), std::string(2500 * i, 'c'));
    int fd = ::open((source + "/sparse").c_str(), O_RDWR | O_CREAT, 0644);
    ASSERT_EQ(::pwrite(fd, "middle", 6, 1 << 20), 6);
    ASSERT_EQ(::ftruncate(fd, 2 << 20), 0);
    ::close(fd);
    auto medium = encode_set({.paths = {source}}, catalog.path());
    auto before = look_at(source);
    auto settings = settings_for({}, "");
    std::size_t cuts = 0;
    for (std::size_t cut = 1; cut < medium.items.size(); ++cut) {
        const auto& item = medium.items[cut];
        if (item.kind != Kind::block || item.resume.inside == mtf::ResumePoint::Inside::nothing) continue;
        ++cuts;
        ScratchDirectory other;
        IssueQueue issues;
        auto sink = std::move(open_restore_target({.root = other.path()}, issues).value());
        Decoding decoding(*sink, 16384);
        Stretch stretch;
        stretch.wanted = all_of(medium);
        stretch.first_address = stretch.wanted.front().address;
        stretch.offset = static_cast<std::uint32_t>(stretch.first_address * 1024);
        decoding.stage().begin_stretch(std::move(stretch));
        decoding.feed(medium, 0, cut);
        decoding.push(Kind::filemark, {});
        if (!decoding.stage().satisfied()) {
            decoding.push(Kind::checkpoint, {});
            decoding.stage().begin_stretch({.continues = true});
            std::vector<std::uint8_t> prefix(16384);
            mtf::encode_continuation(item.resume, settings.set, settings.volume, prefix);
            decoding.push(Kind::block, prefix);
            decoding.feed(medium, cut, medium.items.size());
        }
        decoding.end();
        ASSERT_EQ(text_of(issues.drain()) + text_of(decoding.issues.drain()), "") << "cut before block " << cut;
        ASSERT_EQ(difference(before, look_at(other.path() + source)), "") << "cut before block " << cut;
    }
    EXPECT_GE(cuts, 15u);
}

}  // namespace
}  // namespace capstan::backup
