#include "config/load.hpp"

#include "config/base/file.hpp"
#include "config/base/split.hpp"
#include "config/load_foreign.hpp"
#include "config/map_reader.hpp"
#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace capstan::config {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// A name that another setting refers to, or that must be unique: what was read and where it stands.
struct Mention {
    std::string name;
    Place place;
    std::string where;
};

class Loader {
    Errors errors_;
    Settings settings_;
    std::vector<Mention> pools_used_, pool_names_, devices_;

  public:
    Settings read(const YamlNode& root) {
        MapReader file(errors_, root, "");
        file.absolute_path("state_directory", settings_.state_directory);
        file.size("reserve_file", settings_.reserve_file, {0, kGiB});
        read_groups(file);
        read_libraries(file);
        read_pools(file);
        read_jobs(file);
        file.finish();
        check_pools_used();
        return std::move(settings_);
    }
    std::vector<ConfigError> errors() && { return std::move(errors_).sorted(); }

  private:
    void read_groups(MapReader& file) {
        static const YamlNode kNothing;
        auto group = [&](std::string_view key) {
            const auto* node = file.take_map(key);
            return MapReader(errors_, node ? *node : kNothing, std::string(key));
        };
        auto api = group("api");
        constexpr std::size_t kSocketPathMax = 107;  // sun_path of unix(7), with its end
        if (const auto* node = api.absolute_path("socket", settings_.api.socket);
            node && node->text.size() > kSocketPathMax)
            api.error(*node, "socket", "the path is too long for a socket",
                      fmt::format("It may have {} bytes at most.", kSocketPathMax));
        api.text("group", settings_.api.group);
        api.finish();

        auto log = group("log");
        log.choice<LogLevel>("level", settings_.log.level,
                             {{"debug", LogLevel::debug},
                              {"info", LogLevel::info},
                              {"warning", LogLevel::warning},
                              {"error", LogLevel::error}});
        log.finish();

        auto memory = group("memory");
        memory.size("ring", settings_.memory.ring, {32 * kMiB, 64 * kGiB});
        memory.finish();

        auto checkpoint = group("checkpoint");
        checkpoint.size("bytes", settings_.checkpoint.bytes, {64 * kMiB, kTiB});
        checkpoint.duration("time", settings_.checkpoint.time, {seconds{10}, hours{1}});
        checkpoint.finish();

        auto waits = group("waits");
        waits.duration("default", settings_.waits.default_limit, {minutes{1}, days{365}});
        waits.finish();

        auto bootstrap = group("bootstrap");
        read_paths(bootstrap, "files", Need::optional, "/mnt/usb/capstan-bootstrap.txt", settings_.bootstrap.files);
        bootstrap.finish();
    }

    // Says it where a name is used a second time.
    void add_unique(std::vector<Mention>& seen, std::string_view kind, Mention mention) {
        for (const auto& other : seen) {
            if (other.name != mention.name || mention.name.empty()) continue;
            errors_.add(
                mention.place, mention.where, fmt::format("a {} is named {} already", kind, in_quotes(mention.name)),
                fmt::format("The other one stands in line {}; give one of them another name.", other.place.line));
        }
        seen.push_back(std::move(mention));
    }

    void read_libraries(MapReader& file) {
        std::vector<Mention> names, drive_names, directories;
        for (const auto& [node, where] : file.take_list("libraries", Need::required)) {
            MapReader map(errors_, *node, where);
            LibrarySettings library;
            if (const auto* name = map.name("name", library.name))
                add_unique(names, "library", {name->text, name->place, map.where("name")});
            map.flag("enabled", library.enabled);
            map.flag("reserve", library.reserve);
            if (const auto* changer = map.take_map("changer", Need::required))
                read_changer(*changer, map.where("changer"), library.changer, directories);
            read_drives(map, library, drive_names);
            if (const auto* foreign = map.take_map("foreign"))
                read_foreign(errors_, *foreign, map.where("foreign"), library.changer.virtual_library, library.foreign);
            map.finish();
            settings_.libraries.push_back(std::move(library));
        }
    }

    void read_changer(const YamlNode& node, const std::string& where, ChangerSettings& changer,
                      std::vector<Mention>& directories) {
        MapReader map(errors_, node, where);
        const auto* directory_library = map.take_map("virtual");
        const auto* sg = map.text("sg", changer.sg);
        if (sg) check_device(map, *sg, changer.sg);
        const auto* iscsi = map.take_map("iscsi");
        if ((directory_library != nullptr) + (sg != nullptr) + (iscsi != nullptr) > 1)
            errors_.add(node.place, where, "names more than one kind of changer",
                        "Keep one of 'virtual', 'sg' and 'iscsi'.");
        map.finish();
        if (directory_library) {
            changer.virtual_library.emplace();
            read_virtual(*directory_library, map.where("virtual"), *changer.virtual_library, directories);
        } else if (iscsi) {
            read_iscsi(*iscsi, map.where("iscsi"), changer.iscsi.emplace());
        } else if (node.entries.empty()) {
            errors_.add(node.place, where, "does not say what the changer is", "Add 'sg:' with its device or serial number, 'iscsi:' with portal and target, or 'virtual:' with a directory. "
                        "'capstan library probe' finds libraries and prints these lines.");
        }
    }

    // A device of this machine: a path or a serial number, and each device in one place.
    void check_device(MapReader& map, const YamlNode& node, const std::string& device) {
        if (device.empty() || (device.find('/') != std::string::npos && !device.starts_with("/dev/")))
            map.error(node, "sg", fmt::format("{} is neither a path below /dev nor a serial number", in_quotes(device)),
                      "'capstan library probe' lists the devices with their serial numbers.");
        else
            add_unique(devices_, "device", {node.text, node.place, map.where("sg")});
    }

    void read_iscsi(const YamlNode& node, const std::string& where, IscsiChanger& changer) {
        MapReader map(errors_, node, where);
        map.text("portal", changer.portal, Need::required);
        map.text("target", changer.target, Need::required);
        map.number("lun", changer.lun, {0, 255});
        const auto* user = map.text("user", changer.user);
        const auto* secret = map.absolute_path("secret_file", changer.secret_file);
        map.text("initiator", changer.initiator);
        map.flag("header_digest", changer.header_digest);
        if ((user != nullptr) != (secret != nullptr))
            errors_.add(node.place, where, "has one of 'user' and 'secret_file'", "CHAP needs both; without CHAP leave both out.");
        map.finish();
    }

    void read_virtual(const YamlNode& node, const std::string& where, VirtualChanger& changer,
                      std::vector<Mention>& directories) {
        MapReader map(errors_, node, where);
        if (const auto* directory = map.absolute_path("directory", changer.directory, Need::required))
            add_unique(directories, "library's directory", {directory->text, directory->place, map.where("directory")});
        map.number("slots", changer.slots, {1, 10'000});
        map.number("drives", changer.drives, {1, 64});
        map.number("ie_ports", changer.ie_ports, {0, 64});
        changer.cartridges = std::min(changer.cartridges, changer.slots);
        map.number("cartridges", changer.cartridges, {0, changer.slots});
        read_models(map, changer);
        map.size("cartridge_capacity", changer.cartridge_capacity, {16 * kMiB, 100 * kTiB});
        changer.early_warning = std::min(changer.early_warning, changer.cartridge_capacity / 2);
        map.size("early_warning", changer.early_warning, {kMiB, changer.cartridge_capacity / 2});
        map.choice<VirtualTiming>("timing", changer.timing,
                                  {{"none", VirtualTiming::none}, {"real", VirtualTiming::real}});
        if (const auto* prefix = map.text("volume_tag_prefix", changer.volume_tag_prefix)) {
            bool good = prefix->text.size() <= 5 && std::all_of(prefix->text.begin(), prefix->text.end(), [](char c) {
                            return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
                        });
            if (!good)
                map.error(*prefix, "volume_tag_prefix",
                          fmt::format("{} cannot begin a volume tag", in_quotes(prefix->text)),
                          "Write 1 to 5 of A-Z and 0-9.");
        }
        map.finish();
    }

    // Which models and media ids there are, the library itself knows.
    void read_models(MapReader& map, VirtualChanger& changer) {
        std::string models;
        map.text("model", models);
        for (auto part : split(models, ',')) {
            std::string name(part);
            std::erase(name, ' ');
            if (!name.empty()) changer.model.push_back(std::move(name));
        }
        map.text("media", changer.media);
        std::erase(changer.media, ' ');
    }

    void read_drives(MapReader& library_map, LibrarySettings& library, std::vector<Mention>& names) {
        const auto& virtual_library = library.changer.virtual_library;
        std::uint32_t elements = virtual_library ? virtual_library->drives : 512;
        std::vector<std::pair<std::uint32_t, Place>> taken;
        for (const auto& [node, where] : library_map.take_list("drives", Need::required)) {
            MapReader map(errors_, *node, where);
            DriveSettings drive;
            if (const auto* name = map.name("name", drive.name))
                add_unique(names, "drive", {name->text, name->place, map.where("name")});
            drive.element = 0;
            map.number("element", drive.element, {1, elements}, Need::required);
            auto other =
                std::find_if(taken.begin(), taken.end(), [&](const auto& t) { return t.first == drive.element; });
            if (drive.element != 0 && other != taken.end())
                errors_.add(
                    node->place, map.where("element"),
                    fmt::format("drive element {} has a name already", drive.element),
                    fmt::format("The other one stands in line {}; each drive is listed once.", other->second.line));
            taken.emplace_back(drive.element, node->place);
            if (library.changer.iscsi) {
                map.number("lun", drive.lun, {0, 255}, Need::required);
                map.text("target", drive.target);
            }
            if (!virtual_library) map.text("serial", drive.serial);
            if (!library.changer.sg.empty())
                if (const auto* sg = map.text("sg", drive.sg, Need::required)) check_device(map, *sg, drive.sg);
            map.flag("expects_key", drive.expects_key);
            map.duration("dismount_delay", drive.dismount_delay, {seconds{0}, days{1}});
            map.finish();
            library.drives.push_back(std::move(drive));
        }
    }

    void read_pools(MapReader& file) {
        for (const auto& [node, where] : file.take_list("pools")) {
            MapReader map(errors_, *node, where);
            PoolSettings pool;
            if (const auto* name = map.name("name", pool.name)) {
                if (pool.name == "Free" || pool.name == "Import" || pool.name == "Unrecognized")
                    map.error(*name, "name", fmt::format("the pool {} belongs to the system", in_quotes(pool.name)),
                              "It exists by itself; choose another name.");
                add_unique(pool_names_, "pool", {name->text, name->place, map.where("name")});
            }
            map.flag("draw_from_free", pool.draw_from_free);
            map.flag("return_to_free", pool.return_to_free);
            std::uint64_t block_size = pool.block_size;
            if (const auto* size = map.size("block_size", block_size, {64 * kKiB, kMiB})) {
                if (!std::has_single_bit(block_size))
                    map.error(*size, "block_size", fmt::format("{} is not a power of two", in_quotes(size->text)),
                              "Allowed: 64KiB, 128KiB, 256KiB, 512KiB, 1MiB.");
                pool.block_size = static_cast<std::uint32_t>(block_size);
            }
            read_retention(map, pool);
            read_append(map, pool);
            map.choice<PoolEncryption>("encryption", pool.encryption, {{"none", PoolEncryption::none}});
            map.finish();
            settings_.pools.push_back(std::move(pool));
        }
    }

    void read_retention(MapReader& map, PoolSettings& pool) {
        const auto* node = map.take_scalar("retention", Need::optional, "a time, or forever");
        if (!node || node->text == "forever") return;
        auto time = parse_duration(node->text);
        if (!time)
            map.error(*node, "retention", fmt::format("{} is not a time", in_quotes(node->text)),
                      "Write one with its unit, such as 30d or 7y, or forever.");
        else if (*time < hours{1} || *time > days{36500})
            map.error(*node, "retention", fmt::format("{} is out of its limits", in_quotes(node->text)),
                      "It may be from 1h to 100y, or forever.");
        else
            pool.retention = time;
    }

    void read_append(MapReader& map, PoolSettings& pool) {
        const auto* node = map.take_scalar("append", Need::optional, "a time, true or false");
        if (!node) return;
        auto time = parse_duration(node->text);
        if (node->text == "true")
            pool.append.reset();
        else if (node->text == "false")
            pool.append = seconds{0};
        else if (!time || *time > days{36500})
            map.error(
                *node, "append", fmt::format("{} is neither a time nor true or false", in_quotes(node->text)),
                "Write a time up to 100y, such as 30d; true: cartridges take further sets with no end; false: never.");
        else
            pool.append = time;
    }

    void read_paths(MapReader& map, std::string_view key, Need need, std::string_view example,
                    std::vector<std::string>& paths) {
        for (const auto& [item, where] : map.take_list(key, need)) {
            if (auto why =
                    item->kind == YamlNode::Kind::scalar ? why_not_absolute(item->text) : "is not an absolute path")
                errors_.add(item->place, where, fmt::format("{} {}", in_quotes(item->text), *why),
                            fmt::format("Write a path from the root, such as {}.", example));
            paths.push_back(item->text);
        }
    }

    void read_jobs(MapReader& file) {
        std::vector<Mention> names;
        for (const auto& [node, where] : file.take_list("jobs")) {
            MapReader map(errors_, *node, where);
            JobSettings job;
            if (const auto* name = map.name("name", job.name))
                add_unique(names, "job", {name->text, name->place, map.where("name")});
            if (const auto* pool = map.text("pool", job.pool, Need::required))
                pools_used_.push_back({pool->text, pool->place, map.where("pool")});
            map.choice<JobType>("type", job.type, {{"normal", JobType::normal}});
            read_paths(map, "paths", Need::required, "/etc", job.paths);
            for (const auto& [item, pattern_where] : map.take_list("exclude")) {
                if (item->kind != YamlNode::Kind::scalar || item->text.empty())
                    errors_.add(item->place, pattern_where, "is not a pattern",
                                "Write a shell pattern between quotes, such as \"*.tmp\".");
                job.exclude.push_back(item->text);
            }
            map.flag("cross_file_systems", job.cross_file_systems);
            map.finish();
            settings_.jobs.push_back(std::move(job));
        }
    }

    void check_pools_used() {
        std::vector<std::string> names;
        for (const auto& pool : pool_names_) names.push_back(pool.name);
        for (const auto& used : pools_used_) {
            if (std::find(names.begin(), names.end(), used.name) != names.end()) continue;
            auto near = nearest(used.name, names);
            auto advice = near            ? fmt::format("Did you mean '{}'?", *near)
                          : names.empty() ? "The file has no 'pools:' yet; add the pool there."
                                          : fmt::format("The file has the pools {}.", join(names));
            errors_.add(used.place, used.where, fmt::format("there is no pool {}", in_quotes(used.name)), advice);
        }
    }
};

}  // namespace

LoadOutcome load_text(std::string_view text, std::string file_name) {
    LoadOutcome outcome{std::move(file_name), {}, {}};
    if (text.size() > kFileSizeMax) {
        outcome.errors.push_back(
            {0, 0, "", fmt::format("the file is larger than {}", size_text(kFileSizeMax)), "Is this the right file?"});
        return outcome;
    }
    auto tree = parse_yaml(text);
    if (!tree) {
        auto& problem = tree.error();
        outcome.errors.push_back({problem.place.line, problem.place.column, "", problem.problem, problem.advice});
        return outcome;
    }
    Loader loader;
    outcome.settings = loader.read(*tree);
    outcome.errors = std::move(loader).errors();
    return outcome;
}

LoadOutcome load_file(const std::string& path) {
    auto bytes = read_file(path, kFileSizeMax + 1);
    if (bytes) return load_text(text_of(*bytes), path);
    LoadOutcome outcome{path, {}, {}};
    outcome.errors.push_back({0, 0, "", bytes.error().happened, bytes.error().advice});
    return outcome;
}

std::string check_text(const LoadOutcome& outcome) {
    if (outcome.ok()) {
        std::size_t drives = 0;
        for (const auto& library : outcome.settings.libraries) drives += library.drives.size();
        return fmt::format("{}: no errors; libraries: {}, drives: {}, pools: {}, jobs: {}\n", outcome.file,
                           outcome.settings.libraries.size(), drives, outcome.settings.pools.size(),
                           outcome.settings.jobs.size());
    }
    std::string text;
    for (const auto& error : outcome.errors) {
        text += outcome.file;
        if (error.line > 0) text += fmt::format(":{}:{}", error.line, error.column);
        text += ": ";
        if (!error.where.empty()) text += error.where + ": ";
        text += error.problem + (error.advice.empty() ? "" : ". " + error.advice) + "\n";
    }
    return text +
           fmt::format("{}: {} error{}\n", outcome.file, outcome.errors.size(), outcome.errors.size() == 1 ? "" : "s");
}

}  // namespace capstan::config
