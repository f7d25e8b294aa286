#include "config/load.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace capstan::config {
namespace {

using namespace std::chrono_literals;

const std::string kSmall =
    "libraries:\n"
    "  - name: LIB1\n"
    "    changer: {virtual: {directory: /lib}}\n"
    "    drives: [{name: D1, element: 1}]\n";

TEST(Example, HasNoErrorAndSaysTheDefaults) {
    auto outcome = load_file(CAPSTAN_SOURCE "/config/example.yaml");
    ASSERT_TRUE(outcome.ok()) << check_text(outcome);
    const auto& s = outcome.settings;
    Settings defaults;
    EXPECT_EQ(s.state_directory, defaults.state_directory);
    EXPECT_EQ(s.reserve_file, defaults.reserve_file);
    EXPECT_EQ(s.api.socket, defaults.api.socket);
    EXPECT_EQ(s.api.group, "capstan");
    EXPECT_EQ(s.memory.ring, defaults.memory.ring);
    EXPECT_EQ(s.checkpoint.bytes, defaults.checkpoint.bytes);
    EXPECT_EQ(s.checkpoint.time, defaults.checkpoint.time);
    EXPECT_EQ(s.waits.default_limit, 24h);
    ASSERT_EQ(s.libraries.size(), 3U);
    ASSERT_TRUE(s.libraries[1].changer.iscsi);
    EXPECT_FALSE(s.libraries[1].enabled) << "an example must not reach out";
    EXPECT_EQ(s.libraries[1].drives[0].lun, 1U);
    EXPECT_FALSE(s.libraries[1].drives[0].expects_key);
    EXPECT_EQ(s.libraries[1].drives[0].serial, "00L4U78F1235");
    EXPECT_EQ(s.libraries[1].changer.iscsi->header_digest, IscsiChanger{}.header_digest);
    const auto& changer = *s.libraries[0].changer.virtual_library;
    VirtualChanger plain;
    EXPECT_EQ(changer.slots, plain.slots);
    EXPECT_EQ(changer.cartridges, plain.cartridges);
    EXPECT_EQ(changer.cartridge_capacity, plain.cartridge_capacity);
    EXPECT_EQ(changer.early_warning, plain.early_warning);
    EXPECT_EQ(changer.volume_tag_prefix, plain.volume_tag_prefix);
    ASSERT_EQ(s.libraries[0].drives.size(), 2U);
    EXPECT_EQ(s.libraries[0].drives[1].name, "D2");
    EXPECT_EQ(s.libraries[0].drives[1].dismount_delay, 5min);
    ASSERT_EQ(s.pools.size(), 2U);
    EXPECT_EQ(s.pools[0].retention, std::chrono::days{90});
    EXPECT_EQ(s.pools[0].append, std::chrono::days{30});
    EXPECT_EQ(s.pools[1].retention, std::nullopt);
    EXPECT_EQ(s.pools[1].append, std::nullopt);
    ASSERT_EQ(s.jobs.size(), 1U);
    EXPECT_EQ(s.jobs[0].paths, (std::vector<std::string>{"/etc", "/home"}));
    EXPECT_EQ(check_text(outcome),
              CAPSTAN_SOURCE "/config/example.yaml: no errors; libraries: 3, drives: 4, pools: 2, jobs: 1\n");
}

TEST(Virtual, ModelsAndMediaAreLists) {
    auto outcome = load_text(
        "libraries:\n  - name: L\n    changer: {virtual: {directory: /l, model: \"lto-9, lto-6\", media: \"L9:3, CU:1\"}}\n"
        "    drives: [{name: D, element: 1}]\n",
        "capstan.yaml");
    ASSERT_TRUE(outcome.ok()) << check_text(outcome);
    const auto& changer = *outcome.settings.libraries[0].changer.virtual_library;
    EXPECT_EQ(changer.model, (std::vector<std::string>{"lto-9", "lto-6"}));
    EXPECT_EQ(changer.media, "L9:3,CU:1");
}

TEST(Small, TakesDefaultsAndAdaptsThemToEachOther) {
    auto outcome = load_text(
        "libraries:\n  - name: L\n    changer: {virtual: {directory: /l, slots: 4, cartridge_capacity: 16MiB}}\n"
        "    drives: [{name: D, element: 1}]\npools:\n  - {name: P, append: false}\n",
        "f");
    ASSERT_TRUE(outcome.ok()) << check_text(outcome);
    const auto& changer = *outcome.settings.libraries[0].changer.virtual_library;
    EXPECT_EQ(changer.cartridges, 4U);
    EXPECT_EQ(changer.early_warning, 8 * kMiB);
    EXPECT_EQ(outcome.settings.pools[0].append, 0s);
}

struct Case {
    const char* name;
    std::string text;      // the whole file, or, where it begins with '+', what follows kSmall
    const char* expected;  // one line of check_text, without the file's name
};
class LoadErrors : public testing::TestWithParam<Case> {};

std::string whole(const Case& c) { return c.text.starts_with('+') ? kSmall + c.text.substr(1) : c.text; }

TEST_P(LoadErrors, SayPlaceFactAndAdvice) {
    auto outcome = load_text(whole(GetParam()), "f");
    EXPECT_FALSE(outcome.ok());
    EXPECT_EQ(check_text(outcome), "f" + std::string(GetParam().expected) + "\nf: 1 error\n");
}

std::string library(std::string_view changer, std::string_view drives = "[{name: D1, element: 1}]") {
    return "libraries:\n  - name: LIB1\n    changer: " + std::string(changer) + "\n    drives: " + std::string(drives) +
           "\n";
}
// One with this declared foreign.
std::string foreign(std::string_view what) {
    return "libraries:\n  - name: a\n    changer: {virtual: {directory: /l}}\n    foreign: " + std::string(what) +
           "\n    drives: [{name: D, element: 1}]\n";
}

INSTANTIATE_TEST_SUITE_P(
    Files, LoadErrors,
    testing::Values(Case{"Empty", "", ": libraries: is missing. Add 'libraries:' here."},
                    Case{"NotYaml", "a: [1,\n",
                         ":2:1: not YAML: end of sequence flow not found. Look at the indentation and the quotes here "
                         "and in the line above."},
                    Case{"NulByte", std::string("a:\n b\0c", 7),
                         ":2:3: the byte 00h, which no YAML file may hold. Is this a text file?"},
                    Case{"TwoDocuments", "+---\na: 1\n",
                         ":5:1: a second YAML document begins here. Only one may be here: remove the line '---', or "
                         "what follows the closing bracket."},
                    Case{"TwoMapsInALine", "{a: 1}, {b: 2}\n",
                         ":1:7: a second YAML document begins here. Only one may be here: remove the line '---', or "
                         "what follows the closing bracket."},
                    Case{"List", "- a\n- b\n",
                         ":1:1: is a list. Write settings here, each as 'key: value' on its own line."},
                    Case{"StrangeKey", "+? [a]\n: b\n",
                         ":5:3: a key that is not a word. Put text with special characters between quotes."},
                    Case{"UnknownKey", "+pool: 1\n", ":5:1: the key 'pool' is not known. Did you mean 'pools'?"},
                    Case{"UnknownKeyFarFromAll", "+waits: {quite_else: 1}\n",
                         ":5:9: waits: the key 'quite_else' is not known. Known here: default."},
                    Case{"TwiceTheSameKey", "+log: {level: info}\nlog: {level: info}\n",
                         ":6:1: log: is set twice. It stands in line 5 already; remove one of the two."},
                    Case{"NoValue", "+state_directory:\n",
                         ":5:1: state_directory: has no value. Give it one, or remove the line to take the default."},
                    Case{"RelativeDirectory", "+state_directory: var\n",
                         ":5:18: state_directory: 'var' is not an absolute path. Write a path from the root, such as "
                         "/var/lib/capstan."},
                    Case{"DotsInPath", "+state_directory: /var/../etc\n",
                         ":5:18: state_directory: '/var/../etc' has the part '.' or '..'. Write a path from the root, "
                         "such as /var/lib/capstan."},
                    Case{"ListForText", "+state_directory: [a]\n",
                         ":5:18: state_directory: is a list. Write text behind the colon."},
                    Case{"GroupForText", "+api: {group: {a: b}}\n",
                         ":5:14: api.group: is a group of settings. Write text behind the colon."},
                    Case{"TextForGroup", "+api: here\n",
                         ":5:6: api: is a single value. Write settings below it, indented, each as 'key: value'."},
                    Case{"Size", "+reserve_file: lots\n",
                         ":5:15: reserve_file: 'lots' is not a size. Write a number with its unit (KiB, MiB, GiB, "
                         "TiB), from 0 to 1GiB."},
                    Case{"SizeBeyond", "+memory: {ring: 1MiB}\n",
                         ":5:16: memory.ring: '1MiB' is out of its limits. It may be from 32MiB to 64GiB."},
                    Case{"Duration", "+waits: {default: 24}\n",
                         ":5:18: waits.default: '24' is not a time. Write a number with its unit (s, min, h, d, w, y), "
                         "from 1min to 365d."},
                    Case{"DurationBeyond", "+checkpoint: {time: 1d}\n",
                         ":5:20: checkpoint.time: '1d' is out of its limits. It may be from 10s to 1h."},
                    Case{"Word", "+log: {level: infos}\n",
                         ":5:14: log.level: 'infos' is not one of the allowed words. Did you mean 'info'? Allowed: "
                         "debug, info, warning, error."},
                    Case{"LongSocket", "+api: {socket: /" + std::string(107, 'a') + "}\n",
                         ":5:15: api.socket: the path is too long for a socket. It may have 107 bytes at most."}),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Libraries, LoadErrors,
    testing::Values(
        Case{"NoLibrary", "libraries: []\n", ":1:12: libraries: is empty. At least one element is needed."},
        Case{"NotAList", "libraries: {name: a}\n",
             ":1:12: libraries: is not a list. Write each element on its own line, with '- ' before it."},
        Case{"NoName", "libraries:\n  - changer: {virtual: {directory: /l}}\n    drives: [{name: D, element: 1}]\n",
             ":2:5: libraries[0].name: is missing. Add 'name:' here."},
        Case{
            "BadName",
            "libraries:\n  - name: a/b\n    changer: {virtual: {directory: /l}}\n    drives: [{name: D, element: 1}]\n",
            ":2:11: libraries[0].name: 'a/b' is not a name. A name has 1 to 64 letters, digits, '.', '_', '-' or "
            "blanks, with no blank at either end."},
        Case{"NoChanger", "libraries:\n  - name: a\n    drives: [{name: D, element: 1}]\n",
             ":2:5: libraries[0].changer: is missing. Add 'changer:' here."},
        Case{"EmptyChanger", library("{}"),
             ":3:14: libraries[0].changer: does not say what the changer is. Add 'sg:' with its device or serial number, "
             "'iscsi:' with portal and target, or 'virtual:' with a directory. 'capstan library probe' finds libraries and prints these lines."},
        Case{"DriveWithoutDevice", library("{sg: /dev/sg3}"), ":4:14: libraries[0].drives[0].sg: is missing. Add 'sg:' here."},
        Case{"DeviceElsewhere", library("{sg: ../sg3}", "[{name: D, element: 1, sg: 1234}]"),
             ":3:19: libraries[0].changer.sg: '../sg3' is neither a path below /dev nor a serial number. 'capstan library "
             "probe' lists the devices with their serial numbers."},
        Case{"ForeignWord", foreign("{slots: [1-4, two]}"),
             ":4:28: libraries[0].foreign.slots[1]: 'two' is neither a number nor a range of numbers. Write slots as 'capstan library show' "
             "counts them, from 1: 40, or 1-20."},
        Case{"ForeignBackwards", foreign("{slots: [4-1]}"),
             ":4:23: libraries[0].foreign.slots[0]: '4-1' is neither a number nor a range of numbers. Write slots as 'capstan library show' "
             "counts them, from 1: 40, or 1-20."},
        Case{"ForeignTwice", foreign("{slots: [1-4, 3]}"),
             ":4:28: libraries[0].foreign.slots[1]: '3' overlaps 1-4. Name each once."},
        Case{"ForeignBeyond", foreign("{ports: [2]}"),
             ":4:23: libraries[0].foreign.ports[0]: '2' goes beyond the library's 1 IE ports. Correct the number, or make the library larger."},
        Case{"ForeignOpenSet", foreign("{barcodes: ['A[BC']}"),
             ":4:26: libraries[0].foreign.barcodes[0]: 'A[BC' has a '[' that is never closed. Write a shell pattern in quotes, such as "
             "\"ABC*\" or \"[X-Z]?????L8\"."},
        Case{"ForeignAll", foreign("{barcodes: ['*']}"),
             ":4:26: libraries[0].foreign.barcodes[0]: '*' would make every cartridge foreign. Write a shell pattern in quotes, such as "
             "\"ABC*\" or \"[X-Z]?????L8\"."},
        Case{"DeviceTwice", library("{sg: L1}", "[{name: D, element: 1, sg: L1}]"),
             ":4:40: libraries[0].drives[0].sg: a device is named 'L1' already. The other one stands in line 3; give one of them another name."},
        Case{"NetworkWithoutTarget", library("{iscsi: {portal: a}}", "[{name: D, element: 1, lun: 1}]"),
             ":3:22: libraries[0].changer.iscsi.target: is missing. Add 'target:' here."},
        Case{"DriveWithoutLun", library("{iscsi: {portal: a, target: b}}"),
             ":4:14: libraries[0].drives[0].lun: is missing. Add 'lun:' here."},
        Case{"UserWithoutSecret", library("{iscsi: {portal: a, target: b, user: c}}", "[{name: D, element: 1, lun: 1}]"),
             ":3:22: libraries[0].changer.iscsi: has one of 'user' and 'secret_file'. CHAP needs both; without CHAP leave both out."},
        Case{"NoDirectory", library("{virtual: {slots: 12}}"),
             ":3:24: libraries[0].changer.virtual.directory: is missing. Add 'directory:' here."},
        Case{"Slots", library("{virtual: {directory: /l, slots: many}}"),
             ":3:47: libraries[0].changer.virtual.slots: 'many' is not a number from 1 to 10000. The least is 1, the "
             "most 10000."},
        Case{"MoreCartridgesThanSlots", library("{virtual: {directory: /l, slots: 4, cartridges: 5}}"),
             ":3:62: libraries[0].changer.virtual.cartridges: '5' is not a number from 0 to 4. The least is 0, the "
             "most 4."},
        Case{"Prefix", library("{virtual: {directory: /l, volume_tag_prefix: abc}}"),
             ":3:59: libraries[0].changer.virtual.volume_tag_prefix: 'abc' cannot begin a volume tag. Write 1 to 5 of "
             "A-Z and 0-9."},
        Case{"EarlyWarning", library("{virtual: {directory: /l, cartridge_capacity: 16MiB, early_warning: 9MiB}}"),
             ":3:82: libraries[0].changer.virtual.early_warning: '9MiB' is out of its limits. It may be from 1MiB to "
             "8MiB."},
        Case{"NoDrive", library("{virtual: {directory: /l}}", "[]"),
             ":4:13: libraries[0].drives: is empty. At least one element is needed."},
        Case{"DriveBeyond", library("{virtual: {directory: /l}}", "[{name: D, element: 3}]"),
             ":4:33: libraries[0].drives[0].element: '3' is not a number from 1 to 2. The least is 1, the most 2."},
        Case{"ElementTwice", library("{virtual: {directory: /l}}", "[{name: D, element: 1}, {name: E, element: 1}]"),
             ":4:37: libraries[0].drives[1].element: drive element 1 has a name already. The other one stands in line "
             "4; each drive is listed once."},
        Case{"DriveNameTwice", library("{virtual: {directory: /l}}", "[{name: D, element: 1}, {name: D, element: 2}]"),
             ":4:44: libraries[0].drives[1].name: a drive is named 'D' already. The other one stands in line 4; give "
             "one of them another name."},
        Case{"LibraryTwice",
             kSmall +
                 "  - name: LIB1\n    changer: {virtual: {directory: /other}}\n    drives: [{name: D2, element: 1}]\n",
             ":5:11: libraries[1].name: a library is named 'LIB1' already. The other one stands in line 2; give one of "
             "them another name."},
        Case{"DirectoryTwice",
             kSmall +
                 "  - name: LIB2\n    changer: {virtual: {directory: /lib}}\n    drives: [{name: D2, element: 1}]\n",
             ":6:36: libraries[1].changer.virtual.directory: a library's directory is named '/lib' already. The other "
             "one stands in line 3; give one of them another name."}),
    [](const auto& each) { return each.param.name; });

INSTANTIATE_TEST_SUITE_P(
    PoolsAndJobs, LoadErrors,
    testing::Values(
        Case{"SystemPool", "+pools: [{name: Free}]\n",
             ":5:16: pools[0].name: the pool 'Free' belongs to the system. It exists by itself; choose another name."},
        Case{"PoolTwice", "+pools: [{name: A}, {name: A}]\n",
             ":5:27: pools[1].name: a pool is named 'A' already. The other one stands in line 5; give one of them "
             "another name."},
        Case{
            "BlockSize", "+pools: [{name: A, block_size: 96KiB}]\n",
            ":5:31: pools[0].block_size: '96KiB' is not a power of two. Allowed: 64KiB, 128KiB, 256KiB, 512KiB, 1MiB."},
        Case{"BlockSizeBeyond", "+pools: [{name: A, block_size: 2MiB}]\n",
             ":5:31: pools[0].block_size: '2MiB' is out of its limits. It may be from 64KiB to 1MiB."},
        Case{
            "Retention", "+pools: [{name: A, retention: long}]\n",
            ":5:30: pools[0].retention: 'long' is not a time. Write one with its unit, such as 30d or 7y, or forever."},
        Case{"RetentionBeyond", "+pools: [{name: A, retention: 5min}]\n",
             ":5:30: pools[0].retention: '5min' is out of its limits. It may be from 1h to 100y, or forever."},
        Case{"Append", "+pools: [{name: A, append: maybe}]\n",
             ":5:27: pools[0].append: 'maybe' is neither a time nor true or false. Write a time up to 100y, such as "
             "30d; true: cartridges take further sets with no end; false: never."},
        Case{"Flag", "+pools: [{name: A, draw_from_free: yes}]\n",
             ":5:35: pools[0].draw_from_free: 'yes' is not one of the allowed words. Allowed: true, false."},
        Case{"Encryption", "+pools: [{name: A, encryption: aes256}]\n",
             ":5:31: pools[0].encryption: 'aes256' is not one of the allowed words. Allowed: none."},
        Case{"NoSuchPool", "+pools: [{name: Nightly}]\njobs: [{name: J, pool: nightly, paths: [/a]}]\n",
             ":6:24: jobs[0].pool: there is no pool 'nightly'. Did you mean 'Nightly'?"},
        Case{"NoPools", "+jobs: [{name: J, pool: P, paths: [/a]}]\n",
             ":5:24: jobs[0].pool: there is no pool 'P'. The file has no 'pools:' yet; add the pool there."},
        Case{"RelativePath", "+pools: [{name: P}]\njobs: [{name: J, pool: P, paths: [/a, b]}]\n",
             ":6:39: jobs[0].paths[1]: 'b' is not an absolute path. Write a path from the root, such as /etc."},
        Case{"NoPaths", "+pools: [{name: P}]\njobs: [{name: J, pool: P}]\n",
             ":6:8: jobs[0].paths: is missing. Add 'paths:' here."},
        Case{"Type", "+pools: [{name: P}]\njobs: [{name: J, pool: P, paths: [/a], type: daily}]\n",
             ":6:46: jobs[0].type: 'daily' is not one of the allowed words. Allowed: normal."},
        Case{"EmptyPattern", "+pools: [{name: P}]\njobs: [{name: J, pool: P, paths: [/a], exclude: [\"\"]}]\n",
             ":6:50: jobs[0].exclude[0]: is not a pattern. Write a shell pattern between quotes, such as \"*.tmp\"."}),
    [](const auto& each) { return each.param.name; });

TEST(Errors, AreSaidAllAtOnceInTheOrderOfTheFile) {
    auto outcome = load_text("jobs: [{name: J, pool: P}]\nlog: {level: loud}\napi: {sockt: /a}\nlibraries: 3\n", "f");
    std::vector<int> lines;
    for (const auto& error : outcome.errors) lines.push_back(error.line);
    EXPECT_EQ(lines, (std::vector{1, 1, 2, 3, 4}));
}

TEST(Errors, AreLimited) {
    std::string text;
    for (int i = 0; i < 2000; ++i) text += "key" + std::to_string(i) + ": 1\n";
    EXPECT_EQ(load_text(text, "f").errors.size(), kErrorsMax);
}

TEST(Files, ThatCannotBeReadAreErrors) {
    auto outcome = load_file("/nonexistent/capstan.yaml");
    ASSERT_EQ(outcome.errors.size(), 1U);
    EXPECT_NE(check_text(outcome).find("/nonexistent/capstan.yaml"), std::string::npos);
    EXPECT_FALSE(load_text(std::string(kFileSizeMax + 1, 'a'), "f").ok());
}

TEST(Aliases, DoNotGrowWithoutEnd) {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; ++i) {
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 10; ++j) text += (j ? ", *a" : "*a") + std::to_string(i - 1);
        text += "]\n";
    }
    auto outcome = load_text(text, "f");
    ASSERT_EQ(outcome.errors.size(), 1U);
    EXPECT_NE(outcome.errors[0].problem.find("more than 100000 values"), std::string::npos);
    EXPECT_FALSE(load_text(std::string(5000, '['), "f").ok());
}

// A file cut at every byte is an error or a smaller file, never a crash.
TEST(Cut, AtEveryByte) {
    auto example = load_file(CAPSTAN_SOURCE "/config/example.yaml");
    std::string text =
        kSmall + "pools:\n  - {name: P, retention: 30d}\njobs:\n  - {name: J, pool: P, paths: [\"/a\"]}\n";
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(check_text(load_text(text.substr(0, size), "f")).empty());
}

}  // namespace
}  // namespace capstan::config
