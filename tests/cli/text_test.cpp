#include "tools/capstan/text.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace capstan::tools {
namespace {

TEST(Shown, LetsNoNameCommandTheTerminal) {
    EXPECT_EQ(shown("plain café €"), "plain café €");
    EXPECT_EQ(shown("a\nb\x1B[2J"), "a\\x0Ab\\x1B[2J");
    EXPECT_EQ(shown("a\xFFz\xC3"), "a\\xFFz\\xC3");
    EXPECT_EQ(shown("\xC2\x9B"), "\\xC2\\x9B");
    EXPECT_EQ(shown("dev\\x2d"), "dev\\\\x2d");
    EXPECT_EQ(shown("\xED\xA0\x80"), "\\xED\\xA0\\x80");
    EXPECT_EQ(shown(""), "");
}

TEST(Table, AlignsByCharacters) {
    Table table({{"NAME"}, {"SIZE", Table::Align::right}, {"NOTE"}});
    table.row({"café", "1", ""});
    table.row({"a", "1,000", "x"});
    std::ostringstream out;
    table.print(out);
    EXPECT_EQ(out.str(), "NAME   SIZE  NOTE\ncafé      1\na     1,000  x\n");
    std::ostringstream none;
    Table({{"A"}}).print(none, "Nothing.");
    EXPECT_EQ(none.str(), "Nothing.\n");
}

TEST(Facts, LeaveEmptyOnesOut) {
    Facts facts;
    facts.add("A", "1");
    facts.add("Longer", "2");
    facts.add("Empty", "");
    std::ostringstream out;
    facts.print(out);
    EXPECT_EQ(out.str(), "A:       1\nLonger:  2\n");
}

TEST(SplitSet, TakesDigitsBeforeTheFirstColon) {
    struct Case {
        const char* text;
        std::optional<std::uint64_t> set;
        const char* path;
    };
    for (const auto& c : {Case{"7:/etc", 7, "/etc"}, Case{"7:", 7, ""}, Case{"7", {}, "7"}, Case{"/a:b", {}, "/a:b"},
                          Case{"7a:b", {}, "7a:b"}, Case{":a", {}, ":a"}, Case{"12:a:b", 12, "a:b"},
                          Case{"99999999999999999999:a", {}, "99999999999999999999:a"}, Case{"-1:a", {}, "-1:a"}}) {
        EXPECT_EQ(split_set(c.text).set, c.set) << c.text;
        EXPECT_EQ(split_set(c.text).path, c.path) << c.text;
    }
}

TEST(Texts, ReadWell) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(1234567), "1,234,567");
    EXPECT_EQ(mode_text("directory", 01777), "drwxrwxrwt");
    EXPECT_EQ(mode_text("file", 04711), "-rws--x--x");
    EXPECT_EQ(mode_text("file", 06000), "---S--S---");
    EXPECT_EQ(absolute("/a/./b/../c/"), "/a/c");
    EXPECT_EQ(absolute("//a"), "/a");
    EXPECT_EQ(absolute("/"), "/");
    EXPECT_EQ(absolute("/a\xFF"), "/a\xFF");
    EXPECT_EQ(absolute("x").front(), '/');
}

}  // namespace
}  // namespace capstan::tools
