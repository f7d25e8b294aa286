#include "drives/virtual/geometry_format.hpp"

#include "config/base/split.hpp"
#include "drives/virtual/models/model.hpp"
#include "drives/virtual/text_lines.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace capstan::virtual_library {
namespace {

constexpr std::string_view kFirstLine = "capstan virtual library 1";
constexpr unsigned kElementsMax = 60000;

bool printable(std::string_view text, std::size_t size_max, bool blanks) {
    return text.size() <= size_max &&
           std::ranges::all_of(text, [&](char c) { return c > ' ' ? c <= '~' : blanks && c == ' '; });
}

std::string encode(const ElementRange& range) {
    return fmt::format("{} {} {}", range.first, range.count, range.stride);
}

std::optional<ElementRange> decode_range(std::optional<std::string_view> text) {
    if (!text) return std::nullopt;
    std::array<std::uint16_t, 3> numbers{};
    for (std::size_t i = 0; i < 3; ++i) {
        auto end = i < 2 ? text->find(' ') : text->size();
        if (end == std::string_view::npos) return std::nullopt;
        auto number = Lines::number_of(text->substr(0, end));
        if (!number || *number > 0xFFFF) return std::nullopt;
        numbers[i] = static_cast<std::uint16_t>(*number);
        text->remove_prefix(std::min(end + 1, text->size()));
    }
    return ElementRange{numbers[0], numbers[1], numbers[2]};
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

std::vector<std::string> strings(const std::vector<std::string_view>& words) { return {words.begin(), words.end()}; }

// The lines that older libraries do not have. False: one is cut off.
bool decode_models(Lines& lines, LibraryGeometry& g) {
    if (lines.rest().starts_with("models ")) {
        const auto models = lines.value("models");
        if (!models) return false;
        g.models = strings(split(*models, ' '));
    }
    if (lines.rest().starts_with("media ")) {
        const auto media = lines.value("media");
        if (!media) return false;
        g.media = *media;
    }
    return true;
}

}  // namespace

Result<std::vector<std::string>> media_of(const LibraryGeometry& g) {
    if (g.media.empty()) {
        const auto* first = g.models.empty() ? nullptr : find_model(g.models.front());
        return std::vector<std::string>(g.cartridges, first == nullptr ? "L8" : std::string(first->media_id));
    }
    std::vector<std::string> media;
    for (const auto& part : split(g.media, ',')) {
        const auto colon = part.find(':');
        const auto id = part.substr(0, colon);
        const auto count = colon == std::string_view::npos ? std::optional<std::uint64_t>(1) : Lines::number_of(part.substr(colon + 1));
        if (media_type_of(id) == nullptr || !count || *count > kElementsMax || media.size() + *count > kElementsMax)
            return fail(Recovery::change_request, fmt::format("virtual library: '{}' says no cartridges", part),
                        "Write media ids and how many of each: L8:10,L7:2,CU:1.");
        media.insert(media.end(), *count, std::string(id));
    }
    return media;
}

Result<void> check(const LibraryGeometry& g) {
    auto refuse = [](std::string what) {
        return fail(Recovery::change_request, "virtual library: " + std::move(what));
    };
    if (g.serial.empty() || !printable(g.serial, 20, false))
        return refuse("a serial number has 1 to 20 characters and no blank");
    if (!printable(g.vendor, 8, true) || !printable(g.changer_product, 16, true) ||
        !printable(g.drive_product, 16, true) || !printable(g.revision, 4, true))
        return refuse("vendor (8), product (16) and revision (4) are printable ASCII");
    if (!printable(g.barcode_prefix, 16, false))
        return refuse("a barcode prefix has at most 16 characters and no blank");
    if (g.pickers.count == 0) return refuse("there is no picker");
    if (g.drives.count == 0 || g.drives.count > 254) return refuse("there are 1 to 254 drives");
    std::set<unsigned> taken;
    for (const auto* range : {&g.pickers, &g.drives, &g.ports, &g.slots}) {
        if (range->stride == 0) return refuse("a stride is at least 1");
        for (unsigned i = 0; i < range->count; ++i) {
            auto address = range->first + i * range->stride;
            if (address > 0xFFFF || address == 0)
                return refuse(fmt::format("element address {} is not in 1 to 65535", address));
            if (!taken.insert(address).second)
                return refuse(fmt::format("two elements have the address 0x{:04x}", address));
        }
    }
    if (taken.size() > kElementsMax) return refuse("there are more than 60000 elements");
    for (const auto& model : g.models)
        if (find_model(model) == nullptr)
            return fail(Recovery::change_request, fmt::format("virtual library: there is no drive model '{}'", model),
                        fmt::format("There are {}.", model_names()));
    CAPSTAN_TRY(const auto media, media_of(g));
    if (media.size() > g.slots.count)
        return refuse(fmt::format("{} cartridges do not go into {} slots", media.size(), g.slots.count));
    auto medium = g.medium;
    medium.id = "x";
    return check(medium);
}

std::string encode(const LibraryGeometry& g) {
    auto medium = g.medium;
    if (medium.id.empty()) medium.id = "x";  // each cartridge gets its own
    return with_checksum(
        fmt::format("{}\nserial {}\nvendor {}\nchanger-product {}\ndrive-product {}\nrevision {}\ndrive-density "
                    "{}\npickers {}\ndrives {}\n"
                    "ports {}\nslots {}\nauto-unload {}\ncartridges {}\nbarcode-prefix {}\n{}{}{}",
                    kFirstLine, g.serial, g.vendor, g.changer_product, g.drive_product, g.revision, g.drive_density,
                    encode(g.pickers), encode(g.drives), encode(g.ports), encode(g.slots), g.auto_unload ? "yes" : "no",
                    g.cartridges, g.barcode_prefix, g.models.empty() ? "" : fmt::format("models {}\n", joined(g.models)),
                    g.media.empty() ? "" : fmt::format("media {}\n", g.media), encode(medium)));
}

Result<LibraryGeometry> decode_geometry(std::string_view text) {
    auto bad = [](const char* what) {
        return fail(Recovery::give_up, fmt::format("virtual library: its file 'geometry' is damaged: {}", what),
                    "Restore the file.");
    };
    auto body = checked(text);
    if (!body) return bad("the checksum is wrong");
    Lines lines(*body);
    if (lines.line() != kFirstLine) return bad("the first line names another format");
    LibraryGeometry g;
    for (auto [key, field] : {std::pair{"serial", &g.serial},
                              {"vendor", &g.vendor},
                              {"changer-product", &g.changer_product},
                              {"drive-product", &g.drive_product},
                              {"revision", &g.revision}}) {
        auto value = lines.value(key);
        if (!value) return bad("an identity line is missing");
        *field = *value;
    }
    auto density = lines.number("drive-density");
    auto pickers = decode_range(lines.value("pickers"));
    auto drives = decode_range(lines.value("drives"));
    auto ports = decode_range(lines.value("ports"));
    auto slots = decode_range(lines.value("slots"));
    auto auto_unload = lines.value("auto-unload");
    auto cartridges = lines.number("cartridges");
    auto prefix = lines.value("barcode-prefix");
    if (!density || *density > 255 || !pickers || !drives || !ports || !slots || !auto_unload || !cartridges || !prefix)
        return bad("a line is missing or has no value");
    if ((*auto_unload != "yes" && *auto_unload != "no") || *cartridges > kElementsMax)
        return bad("a value is out of range");
    if (!decode_models(lines, g)) return bad("the line of the models or the media is cut off");
    auto medium = decode_medium_info(lines.rest());
    if (!medium) return bad("the medium's part");
    g.drive_density = static_cast<std::uint8_t>(*density);
    g.pickers = *pickers;
    g.drives = *drives;
    g.ports = *ports;
    g.slots = *slots;
    g.auto_unload = *auto_unload == "yes";
    g.cartridges = static_cast<unsigned>(*cartridges);
    g.barcode_prefix = *prefix;
    g.medium = std::move(*medium);
    if (auto limits = check(g); !limits) return bad(limits.error().happened.c_str());
    return g;
}

}  // namespace capstan::virtual_library
