// capstan mtf on the samples and on media of our own, hostile ones among them.
#include "config/base/file.hpp"
#include "drives/virtual/cartridge_file.hpp"
#include "tests/mtf/samples.hpp"
#include "tests/mtf/support.hpp"
#include "tools/mtf/mtf_command.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace capstan::tools {
namespace {

using namespace mtf;
using namespace mtf::test;
namespace fs = std::filesystem;

class MtfTool : public testing::Test {
  protected:
    MtfTool() {
        std::string pattern = (fs::temp_directory_path() / "capstan-mtf-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
    }
    ~MtfTool() override { fs::remove_all(folder_); }
    int run(std::vector<std::string> arguments) {
        out_.str(""), errors_.str("");
        return run_mtf(arguments, out_, errors_);
    }
    std::string out() const { return out_.str(); }
    std::string errors() const { return errors_.str(); }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    std::string content(const std::string& name) const {
        std::ifstream file(folder_ / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    std::string keep(const std::string& name, Bytes bytes) const {
        EXPECT_TRUE(replace_file(path(name), bytes));
        return path(name);
    }
    fs::path folder_;
    std::ostringstream out_, errors_;
};

struct Entry {
    std::string directory, name, data;
};

Buffer medium_with(const std::vector<Entry>& entries, int sets = 1) {
    KeptOutput output(65536);
    SetWriter writer(output, {.output_size = 65536, .soft_filemarks = true});
    until_ready(writer, output);
    writer.media_header(some_medium());
    for (int set = 1; set <= sets; ++set) {
        until_ready(writer, output);
        writer.begin_set({.number = static_cast<std::uint16_t>(set), .name = "s"});
        until_ready(writer, output);
        writer.volume(some_volume());
        for (const auto& entry : entries) {
            until_ready(writer, output);
            writer.directory({.path = entry.directory});
            writer.end_object();
            until_ready(writer, output);
            writer.file({.header = {.type = BlockType::file, .displayable_size = entry.data.size()},
                         .modified = from_unix(1700000000),
                         .name = entry.name});
            writer.small_stream({StreamId::data, bytes_of(entry.data), 0});
            writer.end_object();
        }
        until_ready(writer, output);
        writer.end_set({.number = static_cast<std::uint16_t>(set)});
    }
    writer.finish();
    Buffer image;
    for (const auto& block : output.blocks) image.insert(image.end(), block.bytes.begin(), block.bytes.end());
    return image;
}

TEST_F(MtfTool, SaysHowItIsUsed) {
    EXPECT_EQ(run({}), 2);
    EXPECT_EQ(run({"list"}), 2);
    EXPECT_EQ(run({"burn", "x"}), 2);
    EXPECT_EQ(run({"list", "x", "--set", "zero"}), 2);
    EXPECT_EQ(run({"--help"}), 0);
    EXPECT_NE(out().find("example"), std::string::npos);
    EXPECT_EQ(run({"list", path("nowhere")}), 1);
    EXPECT_NE(errors().find("nowhere"), std::string::npos);
}

TEST_F(MtfTool, TheNtbackupSample) {
    CAPSTAN_SAMPLE(bytes, "ntbackup-2003-boot-ini.bkf");
    const auto file = sample_path("ntbackup-2003-boot-ini.bkf");
    EXPECT_EQ(run({"list", file}), 0) << errors();
    EXPECT_NE(out().find("--hs-             210  2011-07-22 11:32:40  boot.ini"), std::string::npos) << out();
    EXPECT_EQ(run({"list", file, "--json"}), 0);
    EXPECT_NE(out().find("\"path\":\"boot.ini\",\"size\":210"), std::string::npos) << out();
    EXPECT_EQ(run({"check", file}), 0) << errors();
    EXPECT_NE(out().find("5 checksums"), std::string::npos) << out();
    EXPECT_EQ(run({"extract", file, "--to", path("x")}), 0) << errors();
    EXPECT_EQ(content("x/boot.ini").size(), 210U);
    EXPECT_EQ(content("x/boot.ini"),
              std::string(text_of(Bytes(*bytes).subspan(0x6400 + 128 + 124 + 24 + 28 + 22, 210))));
}

TEST_F(MtfTool, TheSqlServerSamples) {
    for (const auto* name : {"sqlserver-sw9-512sector-northwind.bak", "sqlserver-sw12-4096sector-northwind.bak"}) {
        CAPSTAN_SAMPLE(bytes, name);
        const auto file = sample_path(name);
        EXPECT_EQ(run({"list", file}), 0) << errors();
        EXPECT_EQ(run({"check", file}), 0) << errors();
        EXPECT_EQ(run({"extract", file, "--to", path(name)}), 0) << errors();
        EXPECT_GT(fs::file_size(folder_ / name / "set-1-MSDA-2-MQDA"), 2000000U);
    }
}

TEST_F(MtfTool, ExtractsAndChecksOurOwn) {
    const auto file =
        keep("a.bkf", medium_with({{"", "top", "1"}, {"d/e", "odd\xFF:name", "hello"}, {"d", "empty", ""}}));
    EXPECT_EQ(run({"check", file}), 0) << errors();
    EXPECT_EQ(run({"extract", file, "--to", path("all")}), 0) << errors();
    EXPECT_EQ(content("all/d/e/odd\xFF:name"), "hello");
    EXPECT_TRUE(fs::exists(folder_ / "all/d/empty"));
    EXPECT_EQ(run({"extract", file, "--to", path("some"), "d/e/"}), 0) << errors();
    EXPECT_TRUE(fs::exists(folder_ / "some/d/e"));
    EXPECT_FALSE(fs::exists(folder_ / "some/top"));
    EXPECT_EQ(run({"extract", file, "--to", path("all")}), 1);  // nothing that exists is replaced
    EXPECT_NE(errors().find("exists"), std::string::npos) << errors();
}

TEST_F(MtfTool, ChoosesOneSet) {
    const auto file = keep("a.bkf", medium_with({{"", "f", "x"}}, 2));
    EXPECT_EQ(run({"extract", file, "--to", path("x"), "--set", "2"}), 0) << errors();
    EXPECT_EQ(run({"list", file, "--set", "2"}), 0);
    EXPECT_EQ(out().find("Set 1"), std::string::npos);
    EXPECT_EQ(run({"extract", file, "--to", path("y"), "--set", "9"}), 1);
    EXPECT_NE(errors().find("there is no set 9"), std::string::npos) << errors();
    EXPECT_EQ(run({"extract", file, "--to", path("z"), "f", "nowhere"}), 1);
    EXPECT_NE(errors().find("nothing is named nowhere"), std::string::npos) << errors();
    EXPECT_EQ(run({"check", file, "--set", "9"}), 1);
}

TEST_F(MtfTool, ReadsTheDirectoryOfAVirtualCartridge) {
    using virtual_library::CartridgeFile;
    const auto file = keep("plain", medium_with({{"", "f", "x"}}, 1));
    const auto bytes = read_file(file, 1 << 20);
    ASSERT_TRUE(bytes);
    const auto directory = path("CAP001L8");
    virtual_library::MediumInfo info;
    info.id = "CAP001L8";
    ASSERT_TRUE(CartridgeFile::create(directory, info));
    {
        auto cartridge = CartridgeFile::open(directory);
        ASSERT_TRUE(cartridge) << to_text(cartridge.error());
        constexpr std::size_t kBlock = 1024;  // as a drive would have it: records, one after the other
        std::uint64_t number = 0;
        for (std::size_t at = 0; at < bytes->size(); at += kBlock) {
            const Bytes part[] = {Bytes(*bytes).subspan(at, std::min(kBlock, bytes->size() - at))};
            ASSERT_TRUE((*cartridge)->append_block(BlockNumber{number++}, part));
        }
        ASSERT_TRUE((*cartridge)->synchronise());
    }
    EXPECT_EQ(run({"extract", directory, "--to", path("from-cartridge")}), 0) << errors();
    EXPECT_TRUE(fs::exists(folder_ / "from-cartridge/f"));
    EXPECT_EQ(run({"list", path("from-cartridge")}), 1) << "a directory that is no cartridge";
}

TEST_F(MtfTool, NeverWritesOutsideItsTarget) {
    const auto file = keep("bad.bkf", medium_with({{"../out", "a", "1"},
                                                   {"", "..", "2"},
                                                   {"d/../../out", "b", "3"},
                                                   {"/abs", "c", "4"},
                                                   {"link", "d", "5"},
                                                   {"", "target", "6"},
                                                   {"good", "e", "7"}}));
    fs::create_directories(folder_ / "x");
    fs::create_directories(folder_ / "elsewhere");
    fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "x/link");
    fs::create_symlink(folder_ / "elsewhere/target", folder_ / "x/target");
    EXPECT_EQ(run({"extract", file, "--to", path("x")}), 1);
    EXPECT_FALSE(fs::exists(folder_ / "out"));
    EXPECT_TRUE(fs::is_empty(folder_ / "elsewhere"));
    EXPECT_EQ(content("x/good/e"), "7");
    EXPECT_NE(errors().find("could lead elsewhere"), std::string::npos) << errors();
}

TEST_F(MtfTool, NamesEveryFault) {
    const auto image = medium_with({{"", "f", std::string(3000, 'x')}});
    auto flipped = image;
    const std::string run_of_x(500, 'x');
    const auto hit = std::search(flipped.begin(), flipped.end(), run_of_x.begin(), run_of_x.end());
    ASSERT_NE(hit, flipped.end());
    *(hit + 10) ^= 1;
    EXPECT_EQ(run({"check", keep("flipped.bkf", flipped)}), 1);
    EXPECT_NE(errors().find("f: STAN stream: its checksum is wrong"), std::string::npos) << errors();
    EXPECT_NE(errors().find("offset"), std::string::npos);
    EXPECT_EQ(run({"check", path("flipped.bkf"), "--json"}), 1);
    EXPECT_NE(out().find("\"kind\":\"fault\""), std::string::npos);
    const Buffer cut(image.begin(), image.begin() + 8000);
    EXPECT_EQ(run({"check", keep("cut.bkf", cut)}), 1);
    EXPECT_EQ(run({"check", keep("noise.bkf", Buffer(5000, 7))}), 1);
    EXPECT_EQ(run({"check", keep("empty.bkf", {})}), 1);
}

}  // namespace
}  // namespace capstan::tools
