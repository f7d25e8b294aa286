// How devices of this machine are found: from a directory that looks as Linux 6.1's sysfs does.
#include "drives/scsi/sg_io/sg_nodes.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace capstan::scsi {
namespace {

namespace fs = std::filesystem;

class SgNodes : public testing::Test {
  protected:
    SgNodes() : root_(fs::temp_directory_path() / ("capstan-sg-nodes." + std::to_string(::getpid()))) {
        fs::create_directories(root_ / "sys/class/scsi_generic");
        fs::create_directories(root_ / "dev/tape/by-id");
        roots_ = {(root_ / "sys").string(), (root_ / "dev").string()};
    }
    ~SgNodes() override { fs::remove_all(root_); }

    static void write(const fs::path& path, const std::string& text) {
        fs::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
    }
    // `driver`: st0 or sch0; empty: no driver has it.
    void add(const std::string& sg, unsigned type, const std::string& serial, const std::string& driver) {
        const auto device = root_ / "sys/devices" / sg;
        write(device / "type", std::to_string(type) + "\n");
        write(device / "vendor", "CAPSTAN \n");
        write(device / "model", "ULT3580-TD9     \n");
        if (!serial.empty()) write(device / "vpd_pg80", std::string("\x01\x80\x00", 3) + static_cast<char>(serial.size()) + serial);
        write(device / "scsi_generic" / sg / "dev", "21:0\n");
        fs::create_directories(root_ / "sys/class/scsi_generic" / sg);
        fs::create_directory_symlink(device, root_ / "sys/class/scsi_generic" / sg / "device");
        write(root_ / "dev" / sg, "");
        if (driver.empty()) return;
        const bool is_tape = driver.starts_with("st");
        const auto all =
            is_tape ? std::vector<std::string>{driver, "n" + driver, "n" + driver + "a", "n" + driver + "l"} : std::vector{driver};
        for (const auto& name : all) {
            fs::create_directories(device / (is_tape ? "scsi_tape" : "scsi_changer") / name);
            fs::create_directories(root_ / "sys/class" / (is_tape ? "scsi_tape" : "scsi_changer") / name);
            fs::create_directory_symlink(device, root_ / "sys/class" / (is_tape ? "scsi_tape" : "scsi_changer") / name / "device");
            write(root_ / "dev" / name, "");
        }
    }
    std::string dev(const std::string& name) const { return (root_ / "dev" / name).string(); }

    fs::path root_;
    SystemRoots roots_;
};

TEST_F(SgNodes, TapesAndChangersAreListedInOrder) {
    add("sg10", 1, "TAPE-2", "st1");
    add("sg2", 1, "TAPE-1", "st0");
    add("sg1", 8, " LIB-1  ", "sch0");
    add("sg0", 0, "DISK", "");
    auto nodes = list_sg_nodes(roots_);
    ASSERT_TRUE(nodes) << to_text(nodes.error());
    ASSERT_EQ(nodes->size(), 3U);
    EXPECT_EQ((*nodes)[0].sg, dev("sg1"));
    EXPECT_EQ((*nodes)[0].type, DeviceType::changer);
    EXPECT_EQ((*nodes)[0].serial, "LIB-1");
    EXPECT_EQ((*nodes)[0].tape, "");
    EXPECT_EQ((*nodes)[0].vendor, "CAPSTAN");
    EXPECT_EQ((*nodes)[0].product, "ULT3580-TD9");
    EXPECT_EQ((*nodes)[1].tape, dev("nst0"));
    EXPECT_EQ((*nodes)[2].sg, dev("sg10"));
    EXPECT_EQ((*nodes)[2].tape, dev("nst1"));
}

TEST_F(SgNodes, ADeviceIsFoundByEveryName) {
    add("sg3", 1, "TAPE-1", "st0");
    add("sg4", 8, "LIB-1", "sch0");
    fs::create_symlink("../../nst0", root_ / "dev/tape/by-id/scsi-TAPE-1-nst");
    for (const auto& which :
         {std::string("TAPE-1"), dev("sg3"), dev("st0"), dev("nst0"), dev("nst0a"), dev("tape/by-id/scsi-TAPE-1-nst")}) {
        auto node = find_sg_node(which, roots_);
        ASSERT_TRUE(node) << which << ": " << to_text(node.error());
        EXPECT_EQ(node->sg, dev("sg3")) << which;
        EXPECT_EQ(node->tape, dev("nst0")) << which;
    }
    EXPECT_EQ(find_sg_node(dev("sch0"), roots_)->sg, dev("sg4"));
}

TEST_F(SgNodes, WhatIsNotFoundSaysWhy) {
    add("sg0", 0, "DISK", "");
    add("sg1", 1, "TWIN", "st0");
    add("sg2", 1, "TWIN", "st1");
    add("sg3", 1, "", "");
    const auto words = [&](const std::string& which) {
        auto node = find_sg_node(which, roots_);
        return node ? node->sg : std::string(name_of(node.error().recovery)) + ": " + node.error().happened;
    };
    EXPECT_EQ(words("NONE"), "retry-later: no device of this machine has the serial number NONE");
    EXPECT_EQ(words("TWIN"), "change-request: 2 devices have the serial number TWIN: " + dev("sg1") + ", " + dev("sg2") + "…");
    EXPECT_EQ(words(dev("sg0")), "change-request: " + dev("sg0") + " is neither a tape drive nor a changer");
    EXPECT_EQ(words(dev("sg9")), "retry-later: " + dev("sg9") + " is not there: No such file or directory");
    EXPECT_EQ(words(dev("sg3")), dev("sg3"));
    EXPECT_EQ(words(""), "change-request: the device has no name") << "not the one without a serial number";
}

TEST_F(SgNodes, AKernelWithoutThemIsSaid) {
    fs::remove_all(root_ / "sys");
    auto nodes = list_sg_nodes(roots_);
    ASSERT_FALSE(nodes);
    EXPECT_EQ(nodes.error().recovery, Recovery::ask_operator);
    EXPECT_EQ(nodes.error().advice, "Load the module with 'modprobe sg'.");
}

TEST_F(SgNodes, DamagedPagesGiveNoSerialNumber) {
    add("sg1", 1, "", "");
    for (const auto& page :
         {std::string(), std::string("\x01\x80", 2), std::string("\x01\x80\x00\x00", 4), std::string("\x01\x80\xFF\xFF", 4)}) {
        write(root_ / "sys/devices/sg1/vpd_pg80", page);
        auto nodes = list_sg_nodes(roots_);
        ASSERT_TRUE(nodes && nodes->size() == 1);
        EXPECT_EQ(nodes->front().serial, "");
    }
    write(root_ / "sys/devices/sg1/vpd_pg80", std::string("\x01\x80\x00\x09SHORT", 9));
    EXPECT_EQ(list_sg_nodes(roots_)->front().serial, "SHORT");
}

}  // namespace
}  // namespace capstan::scsi
