#include "drives/virtual/cartridge_memory.hpp"

#include "config/base/file.hpp"
#include "drives/virtual/text_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace capstan::virtual_library {
namespace {

constexpr std::string_view kFirstLine = "capstan cartridge memory 1";
constexpr std::size_t kFileMax = 64 * 1024, kDriveMax = 40;

std::string hex(Bytes bytes) {
    std::string text;
    for (auto byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}
std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::vector<std::uint8_t> bytes;
    for (std::size_t at = 0; at < text.size(); at += 2) {
        std::uint8_t byte = 0;
        const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 2, byte, 16);
        if (error != std::errc{} || end != text.data() + at + 2) return std::nullopt;
        bytes.push_back(byte);
    }
    return bytes;
}

// "2048 1 4361…": id, format, value.
std::optional<scsi::Attribute> decode_attribute(std::string_view text) {
    const auto first = text.find(' ');
    const auto second = first == std::string_view::npos ? first : text.find(' ', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const auto id = Lines::number_of(text.substr(0, first)), format = Lines::number_of(text.substr(first + 1, second - first - 1));
    auto value = from_hex(text.substr(second + 1));
    constexpr unsigned kFormatMax = 2;
    if (!id || *id > 0xFFFF || !format || *format > kFormatMax || !value || value->empty()) return std::nullopt;
    scsi::Attribute attribute{static_cast<scsi::AttributeId>(*id), static_cast<scsi::AttributeFormat>(*format), false, std::move(*value)};
    if (!scsi::is_host_attribute(attribute.id)) return std::nullopt;
    return attribute;
}

bool is_drive_name(std::string_view text) {
    return text.size() <= kDriveMax && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

std::size_t host_bytes(const CartridgeMemory& memory) {
    std::size_t bytes = 0;
    for (const auto& each : memory.host) bytes += each.value.size();
    return bytes;
}

std::string encode(const CartridgeMemory& memory) {
    auto text =
        fmt::format("{}\nloads {}\nchanges {}\nwritten {}\nread {}\nwrite-errors {}\nread-errors {}\nlast-drive ={}\n", kFirstLine,
                    memory.loads, memory.changes, memory.written, memory.read, memory.write_errors, memory.read_errors, memory.last_drive);
    for (const auto& each : memory.host) text += fmt::format("attribute {} {} {}\n", raw(each.id), raw(each.format), hex(each.value));
    return with_checksum(std::move(text));
}

Result<CartridgeMemory> decode_cartridge_memory(std::string_view text) {
    const auto damaged = [] { return fail(Recovery::replace_medium, "the file of the cartridge's memory is damaged"); };
    const auto body = checked(text);
    if (!body) return damaged();
    Lines lines(*body);
    CartridgeMemory memory;
    const auto first = lines.line();
    const auto loads = lines.number("loads"), changes = lines.number("changes"), written = lines.number("written"),
               read = lines.number("read"), write_errors = lines.number("write-errors"), read_errors = lines.number("read-errors");
    const auto drive = lines.value("last-drive");
    if (first != kFirstLine || !loads || !changes || *changes > UINT32_MAX || !written || !read || !write_errors || !read_errors ||
        !drive || !drive->starts_with('=') || !is_drive_name(drive->substr(1)))
        return damaged();
    memory = {*loads,       static_cast<std::uint32_t>(*changes), *written, *read, *write_errors,
              *read_errors, std::string(drive->substr(1)),        {}};
    while (!lines.done()) {
        const auto line = lines.value("attribute");
        auto attribute = line ? decode_attribute(*line) : std::nullopt;
        if (!attribute || (!memory.host.empty() && memory.host.back().id >= attribute->id)) return damaged();
        memory.host.push_back(std::move(*attribute));
    }
    if (host_bytes(memory) > kMemorySize) return damaged();
    return memory;
}

Result<CartridgeMemory> read_memory(const std::string& cartridge_directory) {
    const auto path = cartridge_directory + "/memory";
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return CartridgeMemory{};
    CAPSTAN_TRY(const auto bytes, read_file(path, kFileMax));
    auto memory = decode_cartridge_memory(text_of(bytes));
    if (!memory) memory.error().happened = fmt::format("{}: {}", path, memory.error().happened);
    return memory;
}

Result<void> write_memory(const std::string& cartridge_directory, const CartridgeMemory& memory) {
    return replace_file(cartridge_directory + "/memory", bytes_of(encode(memory)));
}

}  // namespace capstan::virtual_library
