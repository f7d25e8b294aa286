// Writes or reads one tape behind an iSCSI target, one command at a time, and prints the rate in MiB/s: the program of campaigns/iscsi-rate.
//   iscsi_rate write|read PORTAL/TARGET/CHANGER-LUN DRIVE-LUN BLOCK-SIZE MIB      the library's first cartridge is overwritten, or read
#include "drives/scsi/attentions.hpp"
#include "drives/scsi/iscsi/iscsi_transport.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace capstan;
using namespace capstan::scsi;
using Clock = std::chrono::steady_clock;

struct Wishes {
    IscsiAddress changer;
    std::uint16_t drive = 0;
    std::size_t block = 0;
    std::uint64_t blocks = 0;
    bool writes = false;
};

template <class Number>
bool read_number(const char* text, Number& number) {
    const std::string_view digits(text);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && end == digits.data() + digits.size();
}

double mib_per_second(const Wishes& wishes, Clock::duration took) {
    return static_cast<double>(wishes.block * wishes.blocks) / (1 << 20) / std::chrono::duration<double>(took).count();
}

// Where the first drive and the first full slot are: asked for each kind alone, as every robot understands it.
Result<void> load_first(Transport& changer) {
    CAPSTAN_CHECK(take_attentions(changer));
    CAPSTAN_TRY(const auto drives, read_element_status(changer, {.type = ElementType::data_transfer}));
    CAPSTAN_TRY(const auto slots, read_element_status(changer, {.type = ElementType::storage}));
    CAPSTAN_TRY(const auto pickers, read_element_status(changer, {.type = ElementType::medium_transport}));
    if (drives.elements.empty() || slots.elements.empty() || pickers.elements.empty())
        return fail(Recovery::change_request, "the library lacks elements");
    if (drives.elements.front().full) return {};
    const auto full = std::ranges::find_if(slots.elements, [](const auto& one) { return one.full; });
    if (full == slots.elements.end()) return fail(Recovery::change_request, "every slot is empty");
    return move_medium(changer, pickers.elements.front().address, full->address, drives.elements.front().address);
}

std::vector<std::uint8_t> block_of(const Wishes& wishes) {
    std::vector<std::uint8_t> block(wishes.block);
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
    return block;
}

Result<void> write_all(Transport& drive, const Wishes& wishes) {
    const auto block = block_of(wishes);
    for (std::uint64_t i = 0; i < wishes.blocks; ++i) CAPSTAN_CHECK(write_block(drive, block));
    CAPSTAN_CHECK(write_filemarks(drive, 1, Wait::until_done));
    return {};
}

Result<void> read_all(Transport& drive, const Wishes& wishes) {
    std::vector<std::uint8_t> space(wishes.block);
    for (std::uint64_t i = 0; i < wishes.blocks; ++i) {
        CAPSTAN_TRY(const auto read, read_block(drive, space));
        if (read.bytes != space.size()) return fail(Recovery::give_up, "a block came back with another length");
    }
    if (space != block_of(wishes)) return fail(Recovery::give_up, "the last block came back with other content");
    return {};
}

Result<void> run(const Wishes& wishes) {
    IscsiOptions options;
    options.initiator = "iqn.2026-11.org.capstan:rate";
    IscsiTransport changer(wishes.changer, options), drive({wishes.changer.portal, wishes.changer.target, wishes.drive}, options);
    CAPSTAN_CHECK(load_first(changer));
    CAPSTAN_CHECK(take_attentions(drive));
    CAPSTAN_CHECK(rewind(drive));
    const auto begun = Clock::now();
    CAPSTAN_CHECK(wishes.writes ? write_all(drive, wishes) : read_all(drive, wishes));
    const auto took = Clock::now() - begun;
    CAPSTAN_CHECK(rewind(drive));
    std::printf("%.1f\n", mib_per_second(wishes, took));
    return {};
}

}  // namespace

int main(int count, char** words) {
    Wishes wishes;
    std::uint64_t mib = 0;
    const std::string act = count > 1 ? words[1] : "";
    wishes.writes = act == "write";
    const auto address = count == 6 ? iscsi_address(words[2]) : fail(Recovery::change_request, "");
    if ((!wishes.writes && act != "read") || !address || !read_number(words[3], wishes.drive) || !read_number(words[4], wishes.block) ||
        !read_number(words[5], mib) || wishes.block == 0) {
        std::fprintf(stderr, "iscsi_rate write|read PORTAL/TARGET/CHANGER-LUN DRIVE-LUN BLOCK-SIZE MIB\n");
        return 2;
    }
    wishes.changer = *address;
    wishes.blocks = (mib << 20) / wishes.block;
    const auto done = run(wishes);
    if (!done) std::fprintf(stderr, "iscsi_rate: %s\n", to_text(done.error()).c_str());
    return done ? 0 : 1;
}
