#include "drives/scsi/sg_io/sg_nodes.hpp"

#include "config/base/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

namespace capstan::scsi {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kAttributeMax = 4096;  // a page, as sysfs gives it

std::string trimmed(std::string text) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\n' || c == '\0'; };
    while (!text.empty() && is_blank(text.back())) text.pop_back();
    text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_blank));
    return text;
}

std::optional<std::string> attribute(const fs::path& path) {
    const auto bytes = read_file(path.string(), kAttributeMax);
    if (!bytes) return std::nullopt;
    return std::string(text_of(*bytes));
}

// A kernel directory has few entries, and they may go while we look.
std::vector<std::string> names_in(const fs::path& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
        names.push_back(at->path().filename().string());
    return names;
}

unsigned number_of(const std::string& name) {
    unsigned number = 0;
    const auto digits = name.find_first_of("0123456789");
    if (digits != std::string::npos) std::from_chars(name.data() + digits, name.data() + name.size(), number);
    return number;
}

// Unit serial number page (80h): a header of four bytes, the last two of them the length (SPC-4 clause 7.8.19).
std::string serial_from_page(const std::string& page) {
    constexpr std::size_t kHeader = 4;
    if (page.size() < kHeader) return {};
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(page[2]) << 8 | static_cast<unsigned char>(page[3]));
    return trimmed(page.substr(kHeader, length));
}

std::optional<SgNode> read_node(const std::string& name, const SystemRoots& roots) {
    const fs::path device = fs::path(roots.sys) / "class/scsi_generic" / name / "device";
    const auto type = attribute(device / "type");
    if (!type) return std::nullopt;
    const unsigned number = number_of(*type);
    if (number != raw(DeviceType::tape) && number != raw(DeviceType::changer)) return std::nullopt;
    SgNode node;
    node.sg = roots.dev + "/" + name;
    node.type = static_cast<DeviceType>(number);
    node.vendor = trimmed(attribute(device / "vendor").value_or(""));
    node.product = trimmed(attribute(device / "model").value_or(""));
    node.serial = serial_from_page(attribute(device / "vpd_pg80").value_or(""));
    for (const auto& tape : names_in(device / "scsi_tape")) {
        const bool is_plain = tape.starts_with("nst") && tape.find_first_not_of("0123456789", 3) == std::string::npos;  // not nst0a
        if (is_plain) node.tape = roots.dev + "/" + tape;
    }
    return node;
}

// The generic node of what an st, nst, sch or sg node belongs to.
std::optional<std::string> generic_name(const std::string& node, const SystemRoots& roots) {
    if (node.starts_with("sg")) return node;
    for (const char* kind : {"scsi_tape", "scsi_changer"}) {
        const auto names = names_in(fs::path(roots.sys) / "class" / kind / node / "device/scsi_generic");
        if (!names.empty()) return names.front();
    }
    return std::nullopt;
}

Result<SgNode> find_by_path(const std::string& path, const SystemRoots& roots) {
    std::error_code error;
    const auto real = fs::canonical(path, error);
    if (error) {
        return fail(
            Recovery::retry_later, fmt::format("{} is not there: {}", path, error.message()),
            "Switch the device on and look with 'capstan library probe'; the path must be a /dev/sg, /dev/nst or /dev/sch node, or a link to one.");
    }
    const auto generic = generic_name(real.filename().string(), roots);
    auto node = generic ? read_node(*generic, roots) : std::nullopt;
    if (!node) {
        return fail(Recovery::change_request, fmt::format("{} is neither a tape drive nor a changer", path),
                    "'capstan library probe' lists the devices of this machine; if it finds none, load the module sg.");
    }
    return std::move(*node);
}

}  // namespace

Result<std::vector<SgNode>> list_sg_nodes(const SystemRoots& roots) {
    const fs::path all = fs::path(roots.sys) / "class/scsi_generic";
    std::error_code error;
    if (!fs::is_directory(all, error)) {
        return fail(Recovery::ask_operator, fmt::format("{} is not there: the kernel has no generic SCSI devices", all.string()),
                    "Load the module with 'modprobe sg'.");
    }
    auto names = names_in(all);
    std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return number_of(a) < number_of(b); });
    std::vector<SgNode> nodes;
    for (const auto& name : names)
        if (auto node = read_node(name, roots)) nodes.push_back(std::move(*node));
    return nodes;
}

Result<SgNode> find_sg_node(const std::string& which, const SystemRoots& roots) {
    if (which.empty()) return fail(Recovery::change_request, "the device has no name", "Write its serial number, or a path below /dev.");
    if (which.starts_with('/')) return find_by_path(which, roots);
    CAPSTAN_TRY(auto nodes, list_sg_nodes(roots));
    std::erase_if(nodes, [&](const SgNode& node) { return node.serial != which; });
    if (nodes.empty()) {
        return fail(Recovery::retry_later, fmt::format("no device of this machine has the serial number {}", which),
                    "Switch the device on; 'capstan library probe' lists what the kernel sees.");
    }
    if (nodes.size() > 1) {
        return fail(Recovery::change_request,
                    fmt::format("{} devices have the serial number {}: {}, {}…", nodes.size(), which, nodes[0].sg, nodes[1].sg),
                    "Name the device by a path below /dev/tape/by-path instead.");
    }
    return std::move(nodes.front());
}

}  // namespace capstan::scsi
