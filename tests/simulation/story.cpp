#include "simulation/story.hpp"

#include "backup/tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <stdexcept>

namespace capstan::simulation {

namespace fs = std::filesystem;

using namespace std::chrono_literals;

namespace {

void set_time(const std::string& path, std::int64_t seconds) {
    timespec times[2]{{seconds, 0}, {seconds, 123456789}};
    if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
        throw std::runtime_error("utimensat " + path);
}

std::string random_content(Chance& chance, std::uint64_t size) {
    std::string content;
    content.reserve(size + 8);
    while (content.size() < size) {
        auto bits = chance.next();
        for (int i = 0; i < 8; ++i, bits >>= 8) content.push_back(static_cast<char>(bits & 0xFF));
    }
    content.resize(size);
    return content;
}

}  // namespace

std::string Story::make_tree(const std::string& name, unsigned files, std::uint64_t size_max) {
    Chance chance(seed_ ^ fnv(name));
    auto root = scratch_root() + "/trees/" + name;
    fs::remove_all(root);
    std::set<std::string> directories{root};
    constexpr std::int64_t kFirstDay = 1'600'000'000;
    for (unsigned i = 0; i < files; ++i) {
        auto directory = fmt::format("{}/d{}", root, chance.below(3));
        if (chance.below(3) == 0) directory += fmt::format("/e{}", chance.below(2));
        fs::create_directories(directory);
        for (fs::path above = directory; above != root; above = above.parent_path()) directories.insert(above);
        auto path = fmt::format("{}/file-{}", directory, i);
        backup::write_file(path, i == 0 ? std::string() : random_content(chance, chance.below(size_max)));
        set_time(path, kFirstDay + static_cast<std::int64_t>(chance.below(1'000'000)));
        if (i % 8 == 1) {
            fs::create_symlink("../nowhere", path + ".link");
            set_time(path + ".link", kFirstDay);
        }
        if (i % 8 == 2) fs::create_hard_link(path, path + ".same");
    }
    for (const auto& directory : directories) set_time(directory, kFirstDay);
    return root;
}

std::vector<std::int64_t> Story::start_label(std::vector<std::string> media) {
    api::LabelRequest request;
    request.media = std::move(media);
    auto accepted = machine.ask(api::kLabel, {}, request);
    if (accepted) return accepted->work_items;
    oracle.violation("label: " + to_text(accepted.error()));
    return {};
}

void Story::label_all() { wait_items(start_label()); }

std::int64_t Story::start_inventory(bool full) {
    auto accepted = machine.ask(api::kInventory, {"LIB1"}, api::InventoryRequest{full});
    if (accepted) return accepted->work_item;
    oracle.violation("inventory: " + to_text(accepted.error()));
    return 0;
}

std::int64_t Story::start_backup(const std::string& tree, const std::string& name) {
    api::BackupRequest request;
    request.paths = {tree};
    request.pool = "Nightly";
    request.name = name;
    auto accepted = machine.ask(api::kBackup, {}, request);
    if (accepted) return accepted->job;
    oracle.violation(name + ": " + to_text(accepted.error()));
    return 0;
}

std::string Story::wait_item(std::int64_t id, std::chrono::seconds limit) {
    auto end = machine.now() + limit;
    api::WatchRequest watch{0, 0};
    while (id != 0) {
        machine.run_for(std::chrono::seconds(1 + machine.chance().below(20)));
        auto item = machine.ask(api::kQueueItem, {std::to_string(id)}, watch);
        if (!item) return to_text(item.error());
        if (item->state == "completed" || item->state == "failed" || item->state == "cancelled") return item->state;
        if (machine.now() > end) {
            oracle.violation(fmt::format("work item {} {} {}: {}: not done in time", id, item->operation, item->state,
                                         item->reason));
            return item->state;
        }
        watch.after = item->version;
    }
    return "refused";
}

void Story::wait_items(const std::vector<std::int64_t>& ids) {
    for (auto id : ids) wait_item(id);
}

api::JobInfo Story::wait_job(std::int64_t id, std::chrono::seconds limit) {
    auto end = machine.now() + limit;
    api::WatchRequest watch{0, 0};
    while (id != 0) {
        machine.run_for(std::chrono::seconds(1 + machine.chance().below(20)));
        auto job = machine.ask(api::kJobProgress, {std::to_string(id)}, watch);
        if (!job) {
            oracle.violation(fmt::format("job {}: {}", id, to_text(job.error())));
            break;
        }
        if (api::finished(job->state)) return *job;
        if (machine.now() > end) {
            oracle.violation(fmt::format("job {} {} {}: {}: not done in time", id, job->kind, api::name_of(job->state),
                                         job->reason));
            return *job;
        }
        watch.after = job->version;
    }
    return {};
}

bool Story::finish_backup(std::int64_t id, const std::string& tree, const std::string& name) {
    auto files = files_of(tree);
    auto job = wait_job(id);
    machine.trace().line(fmt::format("job {} {} {} {}", id, name, api::name_of(job.state), job.reason));
    if (job.state != api::JobState::completed) return false;
    oracle.reported(ReportedSet{name, tree, std::move(files)});
    return true;
}

void Story::must_backup(const std::string& tree, const std::string& name) {
    auto id = start_backup(tree, name);
    if (finish_backup(id, tree, name)) return;
    oracle.violation(name + ": " + log_of_newest_job());
}

std::int64_t Story::start_restore(const std::string& tree) {
    api::RestoreRequest request;
    request.paths = {tree};
    request.to = fmt::format("{}/restored-{}", scratch_root(), ++restores_);
    fs::remove_all(request.to);
    fs::create_directories(request.to);
    auto accepted = machine.ask(api::kRestore, {}, request);
    if (accepted) return accepted->job;
    oracle.violation("restore of " + tree + ": " + to_text(accepted.error()));
    return 0;
}

bool Story::restore(const std::string& tree) {
    auto job = wait_job(start_restore(tree));
    auto target = fmt::format("{}/restored-{}", scratch_root(), restores_);
    machine.trace().line(fmt::format("job {} restore {} {}", job.id, api::name_of(job.state), job.reason));
    if (job.state == api::JobState::completed) {
        auto different = backup::difference(backup::look_at(tree), backup::look_at(target + tree));
        if (!different.empty())
            oracle.violation("the restore of " + tree + " reported success and differs: " + different);
    }
    fs::remove_all(target);
    return job.state == api::JobState::completed;
}

void Story::must_restore(const std::string& tree) {
    if (!restore(tree)) oracle.violation("the restore of " + tree + " failed: " + log_of_newest_job());
}

void Story::must_go_on(const std::string& tree) {
    settle();
    oracle.check();
    must_backup(tree, "after");
    must_restore(tree);
    settle();
    oracle.check();
}

std::string Story::log_of_newest_job() {
    auto jobs = machine.ask(api::kJobs);
    if (!jobs || jobs->jobs.empty()) return "there is no job";
    const auto& job = jobs->jobs.front();
    auto text = fmt::format("{} {}", api::name_of(job.state), job.reason);
    auto log = machine.ask(api::kJobLog, {std::to_string(job.id)});
    for (std::size_t i = 0; log && i < std::min<std::size_t>(log->lines.size(), 5); ++i)
        text += fmt::format("; {} {}", log->lines[i].path, log->lines[i].text);
    return text;
}

void Story::verify_all() {
    auto listed = machine.ask(api::kSets);
    if (!listed) return oracle.violation("the sets cannot be listed: " + to_text(listed.error()));
    for (const auto& set : listed->sets) {
        if (set.state != "complete" || set.type == "catalog") continue;
        auto accepted = machine.ask(api::kVerify, {std::to_string(set.set)});
        if (!accepted)
            oracle.violation(fmt::format("verify of set {}: {}", set.set, to_text(accepted.error())));
        else if (wait_job(accepted->job).state != api::JobState::completed)
            oracle.violation(fmt::format("verify of set {} ({}): {}", set.set, set.name, log_of_newest_job()));
    }
}

void Story::settle() {
    auto idle = [this] {
        auto work = pools::WorkItems(machine.plane().context().store).unfinished();
        return machine.plane().jobs().running().empty() && work && work->empty();
    };
    if (!machine.run_until(idle, 48h)) oracle.violation("work is left after two days");
}

bool Story::with_cut(const std::function<void()>& told) {
    try {
        told();
        machine.no_cut();
        return true;
    } catch (const PowerCut&) {
        machine.lose_power();
    }
    machine.boot();
    return false;
}

std::vector<std::string> Story::tags() const {
    std::vector<std::string> tags;
    for (unsigned i = 1; i <= machine.settings().geometry.cartridges; ++i) tags.push_back(fmt::format("CAP{:03}L8", i));
    return tags;
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

std::uint64_t tell_one(std::uint64_t seed, const MachineSettings& settings, const std::function<void(Story&)>& story) {
    Story told(seed, settings);
    try {
        story(told);
    } catch (const PowerCut&) {
        told.oracle.violation("the power was cut where the story did not expect it");
    } catch (const std::exception& error) {
        told.oracle.violation(error.what());
    }
    std::string text;
    for (const auto& violation : told.oracle.violations()) text += "\n  " + violation;
    if (!text.empty())
        ADD_FAILURE() << "seed " << seed << " (again: CAPSTAN_SIMULATION_FIRST=" << seed
                      << " CAPSTAN_SIMULATION_SEEDS=1):" << text << "\nlast of the trace:\n"
                      << told.machine.trace().last();
    return told.machine.trace().hash();
}

void tell(unsigned seeds, const MachineSettings& settings, const std::function<void(Story&)>& story) {
    auto first = number_from("CAPSTAN_SIMULATION_FIRST", 1);
    auto count = number_from("CAPSTAN_SIMULATION_SEEDS", seeds);
    std::optional<std::uint64_t> of_first;
    for (auto seed = first; seed < first + count && !testing::Test::HasFailure(); ++seed) {
        auto hash = tell_one(seed, settings, story);
        if (of_first) {
            EXPECT_NE(hash, *of_first) << "seeds " << first << " and " << seed << " gave one trace";
            continue;
        }
        of_first = hash;
        EXPECT_EQ(tell_one(seed, settings, story), hash)
            << "seed " << seed << " gave another trace when it was told again";
    }
}

}  // namespace capstan::simulation
