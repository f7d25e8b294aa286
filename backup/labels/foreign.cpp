#include "backup/labels/foreign.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace capstan::labels {

namespace {

using Recogniser = std::optional<OtherFormat> (*)(Bytes);

bool has_at(Bytes record, std::size_t offset, std::string_view text) {
    return record.size() >= offset + text.size() && text_of(record.subspan(offset, text.size())) == text;
}

// Text of a foreign label for a message: printable ASCII, blanks trimmed.
std::string clean(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '\0') break;
        out.push_back(c >= ' ' && c <= '~' ? c : '?');
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

std::string field(Bytes record, std::size_t offset, std::size_t size) {
    return offset < record.size() ? clean(text_of(record.subspan(offset, std::min(size, record.size() - offset)))) : "";
}

std::optional<OtherFormat> ansi(Bytes record) {  // ANSI X3.27: VOL1, volume at 4-9, implementation id at 24-36
    if (record.size() < 80 || !has_at(record, 0, "VOL1")) return std::nullopt;
    const auto format = has_at(record, 24, "LTFS") ? Format::ltfs : Format::ansi_vol1;
    return OtherFormat{format, field(record, 4, 6)};
}

char from_ebcdic(std::uint8_t c) {  // letters and digits, all that a volume serial holds
    if (c >= 0xF0 && c <= 0xF9) return static_cast<char>('0' + c - 0xF0);
    if (c >= 0xC1 && c <= 0xC9) return static_cast<char>('A' + c - 0xC1);
    if (c >= 0xD1 && c <= 0xD9) return static_cast<char>('J' + c - 0xD1);
    if (c >= 0xE2 && c <= 0xE9) return static_cast<char>('S' + c - 0xE2);
    return c == 0x40 ? ' ' : '?';
}

std::optional<OtherFormat> ebcdic(Bytes record) {
    if (record.size() < 80 || !has_at(record, 0, "\xE5\xD6\xD3\xF1")) return std::nullopt;
    std::string serial;
    for (auto c : record.subspan(4, 6)) serial.push_back(from_ebcdic(c));
    return OtherFormat{Format::ebcdic_vol1, clean(serial)};
}

// Block header of 24 (BB02) or 16 bytes (BB01), record header of 12 or 20, then the label: id text, version, four times of
// 8 bytes, volume name. Texts end with NUL.
std::optional<OtherFormat> bacula(Bytes record) {
    if (!has_at(record, 12, "BB02") && !has_at(record, 12, "BB01")) return std::nullopt;
    constexpr std::size_t kLabel = 36;
    const auto format = has_at(record, kLabel, "Bareos") ? Format::bareos : Format::bacula;
    const auto label = record.size() > kLabel ? record.subspan(kLabel) : Bytes{};
    const auto end = std::ranges::find(label.first(std::min<std::size_t>(label.size(), 64)), std::uint8_t{0});
    const auto name_at = static_cast<std::size_t>(end - label.begin()) + 1 + 4 + 4 * 8;
    return OtherFormat{format, field(label, name_at, 128)};
}

std::optional<OtherFormat> amanda(Bytes record) {  // "AMANDA: TAPESTART DATE X TAPE name"
    constexpr std::string_view kStart = "AMANDA: TAPESTART DATE";
    if (!has_at(record, 0, kStart)) return std::nullopt;
    auto line = text_of(record.first(std::min<std::size_t>(record.size(), 512)));
    line = line.substr(0, line.find('\n'));
    const auto tape = line.find(" TAPE ", kStart.size());
    if (tape == std::string_view::npos) return OtherFormat{Format::amanda, ""};
    const auto name = line.substr(tape + 6);
    return OtherFormat{Format::amanda, clean(name.substr(0, name.find(' ')))};
}

std::optional<OtherFormat> proxmox(Bytes record) {  // 8 bytes of magic; the label itself is JSON
    if (!has_at(record, 0, "\xDC\xBD\xAF\xCA\xEB\xA0\xA5\x28")) return std::nullopt;
    constexpr std::string_view kField = "\"label-text\":\"";
    const auto text = text_of(record.first(std::min<std::size_t>(record.size(), 4096)));
    const auto at = text.find(kField);
    if (at == std::string_view::npos) return OtherFormat{Format::proxmox, ""};
    const auto name = text.substr(at + kField.size());
    return OtherFormat{Format::proxmox, clean(name.substr(0, name.find('"')))};
}

std::optional<OtherFormat> tar(Bytes record) {  // POSIX and GNU: "ustar" at 257; older ones: the header's checksum alone
    constexpr std::size_t kHeader = 512, kSumAt = 148, kSumSize = 8;
    if (record.size() < kHeader) return std::nullopt;
    unsigned stored = 0, sum = 0;
    bool digits = false, octal = true;
    for (auto c : record.subspan(kSumAt, kSumSize)) {
        if (c >= '0' && c <= '7') stored = stored * 8 + (c - '0'), digits = true;
        else if (c != ' ' && c != 0) octal = false;
    }
    for (std::size_t i = 0; i < kHeader; ++i) sum += i >= kSumAt && i < kSumAt + kSumSize ? ' ' : record[i];
    const bool old = digits && octal && stored == sum && record[0] != 0;
    if (!has_at(record, 257, "ustar") && !old) return std::nullopt;
    return OtherFormat{Format::tar, field(record, 0, 100)};
}

std::optional<OtherFormat> cpio(Bytes record) {
    for (std::string_view magic : {"070701", "070702", "070707", "\xC7\x71", "\x71\xC7"}) {
        if (!has_at(record, 0, magic)) continue;
        if (magic == "070707") return OtherFormat{Format::cpio, field(record, 76, 100)};
        if (magic.size() == 6) return OtherFormat{Format::cpio, field(record, 110, 100)};
        return OtherFormat{Format::cpio, field(record, 26, 100)};
    }
    return std::nullopt;
}

std::optional<OtherFormat> dump(Bytes record) {  // magic at 24: 60011 old, 60012 new, 0x19540119 UFS2; either byte order
    if (record.size() < 1024) return std::nullopt;
    Reader little(record.subspan(24)), big(record.subspan(24));
    for (auto magic : {little.little<4>().value_or(0), big.big<4>().value_or(0)}) {
        if (magic == 60011 || magic == 60012 || magic == 0x19540119) return OtherFormat{Format::dump, field(record, 676, 16)};
    }
    return std::nullopt;
}

std::optional<OtherFormat> zeros(Bytes record) {
    if (record.empty() || std::ranges::any_of(record, [](auto b) { return b != 0; })) return std::nullopt;
    return OtherFormat{Format::zeros, ""};
}

constexpr std::array<Recogniser, 9> kRecognisers{zeros, ansi, ebcdic, bacula, amanda, proxmox, tar, cpio, dump};

}  // namespace

OtherFormat recognise_other(Bytes record) {
    for (auto recogniser : kRecognisers) {
        if (auto format = recogniser(record)) return *format;
    }
    return {};
}

std::string_view name_of(Format format) {
    switch (format) {
        case Format::ansi_vol1: return "ANSI labelled tape";
        case Format::ebcdic_vol1: return "EBCDIC labelled tape (IBM)";
        case Format::ltfs: return "LTFS volume";
        case Format::bacula: return "Bacula volume";
        case Format::bareos: return "Bareos volume";
        case Format::amanda: return "Amanda tape";
        case Format::proxmox: return "Proxmox Backup Server tape";
        case Format::tar: return "tar archive";
        case Format::cpio: return "cpio archive";
        case Format::dump: return "dump archive";
        case Format::zeros: return "record of zeros only";
        case Format::unknown: return "unknown data";
    }
    return "unknown data";
}

}  // namespace capstan::labels
