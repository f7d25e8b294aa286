#include "drives/virtual/shelf.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace capstan::virtual_library {

Result<Shelf> Shelf::open(const std::string& library_directory) {
    Shelf shelf;
    shelf.media_ = library_directory + "/media";
    CAPSTAN_TRY(shelf.places_, Places::open(library_directory + "/places"));
    std::error_code problem;
    for (std::filesystem::directory_iterator entry(shelf.media_, problem), end; !problem && entry != end;
         entry.increment(problem)) {
        auto id = entry->path().filename().string();
        if (!is_cartridge_id(id)) continue;
        // A directory without a `medium` file is a cartridge whose making was cut short: nobody has heard of it yet.
        if (!std::filesystem::exists(entry->path() / "medium", problem)) continue;
        auto info = shelf.info(id);
        // With a damaged file it is still a cartridge in a slot; the barcode is what cannot be known.
        shelf.labels_[id] = info ? Label{info->barcode, info->volume_tag} : Label{MediumInfo::Barcode::unreadable, {}};
    }
    if (problem) return fail(Recovery::give_up, fmt::format("cannot list {}: {}", shelf.media_, problem.message()));
    for (const auto& [id, place] : shelf.places_->all()) {
        if (!place.element) continue;
        if (shelf.labels_.contains(id)) shelf.elements_[raw(*place.element)] = id;
    }
    return shelf;
}

const Shelf::Label* Shelf::label(const std::string& cartridge) const {
    auto found = labels_.find(cartridge);
    return found == labels_.end() ? nullptr : &found->second;
}

Place Shelf::place(const std::string& cartridge) const {
    auto found = places_->all().find(cartridge);
    return found == places_->all().end() ? Place{} : found->second;
}

std::string Shelf::at(ElementAddress element) const {
    auto found = elements_.find(raw(element));
    return found == elements_.end() ? std::string{} : found->second;
}

Result<void> Shelf::put(std::span<const Places::Change> changes) {
    std::vector<Place> before;
    for (const auto& each : changes) before.push_back(place(each.cartridge));
    CAPSTAN_CHECK(places_->put(changes));
    for (const auto& each : before) {
        if (each.element) elements_.erase(raw(*each.element));
    }
    for (const auto& each : changes) {
        if (each.place.element) elements_[raw(*each.place.element)] = each.cartridge;
    }
    return {};
}

Result<std::unique_ptr<CartridgeFile>> Shelf::open_cartridge(const std::string& cartridge) const {
    return CartridgeFile::open(directory(cartridge));
}

Result<MediumInfo> Shelf::info(const std::string& cartridge) const {
    CAPSTAN_TRY(auto text, read_file(directory(cartridge) + "/medium", 4u << 20));
    return decode_medium_info(text_of(text));
}

Result<std::string> Shelf::add(MediumInfo info) {
    if (info.id.empty()) {
        auto base = is_cartridge_id(info.volume_tag.text) && info.volume_tag.text.size() <= 24 ? info.volume_tag.text
                                                                                               : "cartridge";
        info.id = base;
        for (unsigned n = 2; labels_.contains(info.id); ++n) info.id = fmt::format("{}-{}", base, n);
    }
    if (labels_.contains(info.id))
        return fail(Recovery::change_request,
                    fmt::format("virtual library: there is a cartridge '{}' already", info.id));
    std::error_code ignored;
    if (is_cartridge_id(info.id) && std::filesystem::exists(directory(info.id), ignored))
        std::filesystem::remove_all(directory(info.id), ignored);  // its making was cut short once
    CAPSTAN_CHECK(CartridgeFile::create(directory(info.id), info));
    labels_[info.id] = {info.barcode, info.volume_tag};
    return info.id;
}

Result<void> Shelf::change(const std::string& cartridge, const MediumInfo& info) {
    CAPSTAN_CHECK(check(info));
    CAPSTAN_CHECK(replace_file(directory(cartridge) + "/medium", bytes_of(encode(info))));
    labels_[cartridge] = {info.barcode, info.volume_tag};
    return {};
}

}  // namespace capstan::virtual_library
