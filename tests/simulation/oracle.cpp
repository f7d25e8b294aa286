#include "simulation/oracle.hpp"

#include "drives/virtual/cartridge_file.hpp"
#include "pools/store/cartridges.hpp"
#include "pools/store/set_rows.hpp"
#include "pools/store/work_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::simulation {

namespace vl = virtual_library;

namespace {

// The first `blocks` objects of a medium, as far as they were synchronised; fewer: empty.
std::optional<std::uint64_t> hash_of(const std::string& directory, std::uint64_t blocks) {
    auto file = vl::CartridgeFile::open_read_only(directory);
    if (!file || raw((*file)->end()) < blocks) return std::nullopt;
    std::vector<std::uint8_t> block(1 << 20);
    std::uint64_t hash = fnv("");
    for (std::uint64_t n = 0; n < blocks; ++n) {
        auto object = (*file)->object(BlockNumber{n});
        if (!object) return std::nullopt;
        if (object->filemark) {
            hash = fnv("filemark", hash);
            continue;
        }
        auto got = (*file)->read(BlockNumber{n}, block);
        if (!got) return std::nullopt;
        hash = fnv(text_of(Bytes(block).first(*got)), hash);
    }
    return hash;
}

}  // namespace

void Oracle::note_media() {
    auto media = pools::Cartridges(machine_.plane().context().store).in_library(LibraryName{"LIB1"});
    if (!media) return violation("the cartridges cannot be listed: " + to_text(media.error()));
    for (const auto& medium : *media) {
        auto name = medium.volume_tag.text;
        auto directory = machine_.library_directory() + "/media/" + name;
        if (auto known = media_.find(name); known != media_.end()) {
            auto before = hash_of(directory, known->second.blocks);
            if (!before || *before != known->second.hash)
                violation(fmt::format("{}: what lay before block {} has changed", name, known->second.blocks));
            if (medium.side.media_id.text != known->second.media_id)
                violation(name + ": a cartridge with sets got another media id");
            if (raw(medium.side.recorded_end) < known->second.blocks) violation(name + ": its recorded end went back");
        }
        auto sets = pools::Sets(machine_.plane().context().store).on_cartridge(medium.id);
        if (!sets || sets->empty()) continue;  // without a set its label may still be written anew
        auto hash = hash_of(directory, raw(medium.side.recorded_end));
        if (!hash)
            violation(fmt::format("{}: the recorded end is block {}, and the medium does not hold so much", name,
                                  raw(medium.side.recorded_end)));
        else
            media_[name] = Noted{medium.side.media_id.text, raw(medium.side.recorded_end), *hash};
    }
}

void Oracle::check(bool in_trouble) {
    note_media();
    check_sets();
    if (!in_trouble) check_places();
    check_work(in_trouble);
}

void Oracle::check_sets() {
    auto tapes = read_tapes(machine_.library_directory());
    for (const auto& wanted : reported_) {
        const SetOnTape* found = nullptr;
        for (const auto& set : tapes.sets)
            if (set.name == wanted.name && set.closed && !set.aborted) found = &set;
        if (found == nullptr) {
            violation(wanted.name + " was reported as saved and no medium holds it complete");
            continue;
        }
        for (const auto& fault : found->faults) violation(wanted.name + ": " + fault);
        for (const auto& [path, file] : wanted.files) {
            auto on_tape = found->files.find(path);
            if (on_tape == found->files.end())
                violation(fmt::format("{}: {} is not on the medium", wanted.name, path));
            else if (!file.link && on_tape->second != file)
                violation(fmt::format("{}: {} has other content on the medium", wanted.name, path));
        }
        if (found->files.size() != wanted.files.size())
            violation(fmt::format("{}: {} files on the medium, not {}", wanted.name, found->files.size(),
                                  wanted.files.size()));
    }
    // The database's complete sets are on the media, whoever was told of them.
    auto listed = machine_.ask(api::kSets);
    if (!listed) return violation("the sets cannot be listed: " + to_text(listed.error()));
    for (const auto& set : listed->sets) {
        if (set.state == "writing") violation(fmt::format("set {} is being written, says the list", set.set));
        if (set.state != "complete") continue;
        auto there = std::ranges::any_of(tapes.sets, [&](const SetOnTape& one) {
            return one.name == set.name && one.closed && !one.aborted && one.faults.empty();
        });
        if (!there)
            violation(fmt::format("set {} ({}) is complete, says the database, and no medium holds it so", set.set,
                                  set.name));
    }
}

void Oracle::check_places() {
    const auto& geometry = machine_.library().geometry();
    auto address = [&](const pools::Place& place) -> std::uint32_t {
        auto of = [](const vl::ElementRange& range, std::uint32_t number) {
            return range.first + (number - 1U) * range.stride;
        };
        if (place.kind == pools::PlaceKind::drive)
            return of(geometry.drives, static_cast<std::uint32_t>(std::stoul(place.id.substr(1))));
        if (place.kind == pools::PlaceKind::offline) return 0;
        auto number = static_cast<std::uint32_t>(std::stoul(place.id));
        return of(place.kind == pools::PlaceKind::slot      ? geometry.slots
                  : place.kind == pools::PlaceKind::ie_port ? geometry.ports
                                                            : geometry.pickers,
                  number);
    };
    auto media = pools::Cartridges(machine_.plane().context().store).in_library(LibraryName{"LIB1"});
    if (!media) return violation("the cartridges cannot be listed: " + to_text(media.error()));
    std::map<std::string, std::uint32_t> recorded;
    std::map<std::uint32_t, std::string> taken;
    for (const auto& medium : *media) {
        auto at = address(medium.place);
        if (!recorded.emplace(medium.volume_tag.text, at).second)
            violation(medium.volume_tag.text + " stands twice in the database");
        if (!taken.emplace(at, medium.volume_tag.text).second)
            violation(fmt::format("{} and {} are in one place", taken[at], medium.volume_tag.text));
    }
    for (const auto& cartridge : machine_.library().cartridges()) {
        if (!cartridge.element) continue;
        auto found = recorded.find(cartridge.volume_tag.text);
        if (found == recorded.end())
            violation(cartridge.volume_tag.text + " is in the library and not in the database");
        else if (found->second != raw(*cartridge.element))
            violation(fmt::format("{} is in element {}, the database says {}", cartridge.volume_tag.text,
                                  raw(*cartridge.element), found->second));
        if (found != recorded.end()) recorded.erase(found);
    }
    for (const auto& [tag, at] : recorded)
        violation(fmt::format("{} is in the database (element {}) and not in the library", tag, at));
}

void Oracle::check_work(bool may_wait) {
    auto work = machine_.ask(api::kQueue);
    auto jobs = machine_.ask(api::kJobs);
    if (!work || !jobs) return violation("queue or jobs cannot be listed");
    for (const auto& item : work->items) {
        auto text = fmt::format("work item {} {} {}: {}", item.id, item.operation, item.state, item.reason);
        auto ended = item.state == "completed" || item.state == "failed" || item.state == "cancelled";
        if (!ended && !may_wait) violation(text + ": not ended");
        if (!ended && item.reason.empty() && item.doing.empty()) violation(text + ": hangs without a reason");
        if (item.state == "failed" && item.reason.empty()) violation(text + ": failed without a word");
    }
    for (const auto& job : jobs->jobs) {
        auto text = fmt::format("job {} {} {}: {}", job.id, job.kind, api::name_of(job.state), job.reason);
        if (!api::finished(job.state) && !may_wait) violation(text + ": not ended");
        if (!api::finished(job.state) && may_wait && job.reason.empty()) violation(text + ": waits without a reason");
        if ((job.state == api::JobState::failed || job.state == api::JobState::cancelled) && job.reason.empty())
            violation(text + ": ended without a word");
    }
    auto& store = machine_.plane().context().store;
    auto open = pools::WorkItems(store).unfinished();
    if (!open) return violation("the work items cannot be read: " + to_text(open.error()));
    if (!open->empty() && !may_wait)
        violation(fmt::format("{} work items stand as unfinished in the database", open->size()));
    auto journal = pools::Journal(store).open_of(LibraryName{"LIB1"});
    if (!journal) return violation("the journal cannot be read: " + to_text(journal.error()));
    if (!journal->empty() && !may_wait) violation(fmt::format("{} journal entries are open", journal->size()));
}

}  // namespace capstan::simulation
