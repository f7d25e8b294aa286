#include "backup/stages.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace capstan::backup {
namespace {

// What the threads still write lies in the ring: no block of it may be filled again before.
TEST_F(Stages, SmallFilesAreMadeByThreadsFromTheRing) {
    make_odd_tree(source);
    for (int i = 0; i < 400; ++i) {
        auto directory = source + "/many" + std::to_string(i / 50);
        ::mkdir(directory.c_str(), 0755);
        write_file(directory + "/" + std::to_string(i),
                   std::string(static_cast<std::size_t>(i) * 37, char('a' + i % 26)));
    }
    auto medium = encode_set({.paths = {source}}, catalog.path());
    for (unsigned threads : {0u, 1u, 3u}) {
        ScratchDirectory other;
        IssueQueue issues;
        auto sink = std::move(open_restore_target({.root = other.path(), .threads = threads}, issues).value());
        Decoding decoding(*sink, 16384);
        decoding.lags = true;
        decoding.read(medium, all_of(medium), 16384);
        decoding.end();
        EXPECT_TRUE(decoding.stage().outcome());
        EXPECT_EQ(text_of(issues.drain()) + text_of(decoding.issues.drain()), "");
        EXPECT_EQ(sink->counts().objects, medium.objects);
        EXPECT_EQ(difference(look_at(source), look_at(other.path() + source)), "");
    }
}

// A small object with more behind its data than the ring holds must not keep the ring for itself.
TEST_F(Stages, ASmallFileInHandDoesNotHoldTheRing) {
    IssueQueue issues;
    auto sink = std::move(open_restore_target({.root = to.path(), .threads = 1}, issues).value());
    std::vector<std::uint8_t> block(16384, 'x');
    Metadata metadata{.mode = 0100644, .size = 5};
    ASSERT_EQ(sink->begin({"file", metadata}), ObjectSink::Verdict::write_data);
    sink->in_block(7, block);
    ASSERT_TRUE(sink->write(0, Bytes(block).first(5)));
    EXPECT_EQ(sink->unused_below(9, false), 7u);
    EXPECT_EQ(sink->unused_below(9, true), 9u);
    std::fill(block.begin(), block.end(), 'y');
    sink->finish("");
    ASSERT_TRUE(sink->close());
    EXPECT_EQ(read_whole(to.path() + "/file"), "xxxxx");
}

}  // namespace
}  // namespace capstan::backup
