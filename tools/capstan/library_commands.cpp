// capstan library …, capstan drive …
#include "config/units.hpp"
#include "tools/capstan/commands.hpp"
#include "tools/capstan/text.hpp"
#include "tools/capstan/watch.hpp"

#include <fmt/format.h>

namespace capstan::tools {

using Align = Table::Align;

namespace {
// Words of another version are shown as they are.
std::string reservation(const std::string& word) {
    if (word == "held") return "exclusive access";
    if (word == "not_offered") return "not offered";
    if (word == "off") return "none";
    if (word == "of_another") return "another host's";
    return shown(word);
}
std::string encryption(const std::string& word) {
    if (word == "library") return "with the library's key";
    if (word == "another_program") return "with another program's key; nothing is written until it is taken away";
    return shown(word);
}
}  // namespace

namespace {
// "loading" alone, or how far it is: a new LTO-9 cartridge takes up to two hours.
std::string doing(const api::DriveInfo& drive) {
    if (drive.loading.empty()) return drive.activity;
    const auto left = config::duration_for_people(std::chrono::seconds{drive.loading_left_seconds});
    if (!drive.loading_percent) return fmt::format("loading, {} left at most", left);
    return fmt::format("loading, {} %, about {} left", *drive.loading_percent, left);
}
std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + shown(word);
    return text;
}
}  // namespace

int list_libraries(Session& session) {
    return session.ask(api::kLibraries, {}, {}, [&](const api::LibraryList& list) {
        Table table({{"LIBRARY"},
                     {"STATE"},
                     {"KIND"},
                     {"DRIVES", Align::right},
                     {"SLOTS", Align::right},
                     {"FULL", Align::right},
                     {"INVENTORIED"},
                     {"TROUBLE"}});
        for (const auto& library : list.libraries)
            table.row({shown(library.name), library.enabled ? library.state : "disabled", library.kind,
                       std::to_string(library.drives), std::to_string(library.slots),
                       std::to_string(library.slots_full), local_time(library.inventoried),
                       shown(library.enabled ? library.trouble : library.disabled)});
        table.print(session.out, "No library is configured.");
    });
}

int show_library(Session& session, const std::string& name) {
    return session.ask(api::kLibrary, {name}, {}, [&](const api::LibraryDetails& details) {
        const auto& library = details.library;
        Facts facts;
        facts.add("Library", shown(library.name));
        facts.add("State", library.enabled ? library.state : shown(library.disabled));
        facts.add("Trouble", shown(library.trouble));
        facts.add("Kind", library.kind);
        facts.add("Device", shown(fmt::format("{} {} {}", library.vendor, library.product, library.revision)));
        facts.add("Serial number", shown(library.serial));
        facts.add("Reservation", reservation(library.reservation));
        if (!library.not_offered.empty()) facts.add("Not offered", listed(library.not_offered));
        facts.add("Cartridges", grouped(library.cartridges));
        if (library.foreign != 0) facts.add("Foreign", fmt::format("{} elements, as configured: never moved or counted", library.foreign));
        facts.add("Inventoried", local_time(library.inventoried, "never"));
        facts.print(session.out);
        session.out << "\n";
        Table table({{"ELEMENT"},
                     {"ADDRESS", Align::right},
                     {"STATE"},
                     {"VOLUME"},
                     {"CARTRIDGE", Align::right},
                     {"POOL"},
                     {"TROUBLE"}});
        for (const auto& element : details.elements) {
            auto kind = element.kind == "ie_port" ? "IE port" : element.kind;
            auto title = fmt::format("{} {}", kind, element.number) +
                         (element.drive.empty() ? "" : " (" + shown(element.drive) + ")");
            table.row({title, fmt::format("{}", element.address), element.state, or_dash(shown(element.volume_tag)),
                       number_or_dash(element.cartridge), or_dash(shown(element.pool)), shown(element.trouble)});
        }
        table.print(session.out);
    });
}

int take_inventory(Session& session, std::string name, bool full) {
    if (name.empty()) {
        auto list = session.client.call(api::kLibraries);
        if (!list) return session.failed(list.error());
        if (list->libraries.size() != 1)
            return session.wrong_usage(
                fmt::format("there are {} libraries: name one (see 'capstan library list')", list->libraries.size()));
        name = list->libraries[0].name;
    }
    auto accepted = session.client.call(api::kInventory, {name}, {.full = full});
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

int list_drives(Session& session) {
    return session.ask(api::kDrives, {}, {}, [&](const api::DriveList& list) {
        Table table({{"DRIVE"},
                     {"LIBRARY"},
                     {"ELEMENT", Align::right},
                     {"STATE"},
                     {"DOING"},
                     {"VOLUME"},
                     {"JOB", Align::right},
                     {"TROUBLE"}});
        for (const auto& drive : list.drives)
            table.row({shown(drive.name), shown(drive.library), std::to_string(drive.element),
                       drive.enabled ? drive.state : "disabled", or_dash(doing(drive)),
                       drive.cartridge == 0 ? "-" : or_dash(shown(drive.volume_tag)), number_or_dash(drive.job),
                       shown(drive.enabled ? drive.trouble : drive.disabled)});
        table.print(session.out, "No drive is configured.");
    });
}

int show_drive(Session& session, const std::string& name) {
    return session.ask(api::kDrive, {name}, {}, [&](const api::DriveInfo& drive) {
        Facts facts;
        facts.add("Drive", shown(drive.name));
        facts.add("Library", fmt::format("{}, drive element {}", shown(drive.library), drive.element));
        facts.add("State", drive.enabled ? drive.state : shown(drive.disabled));
        facts.add("Doing", doing(drive));
        if (!drive.loading.empty()) facts.add("It says", shown(drive.loading));
        facts.add("Trouble", shown(drive.trouble));
        facts.add("Device", shown(fmt::format("{} {} {}", drive.vendor, drive.product, drive.revision)));
        auto serial = shown(drive.serial);
        if (!drive.replaced_serial.empty())
            serial += fmt::format(" (since {}; before that {})", local_time(drive.serial_since), shown(drive.replaced_serial));
        facts.add("Serial number", serial);
        facts.add("Reservation", reservation(drive.reservation));
        if (!drive.reads.empty()) {
            facts.add("Reads", listed(drive.reads));
            facts.add("Writes", or_dash(listed(drive.writes)));
        }
        if (drive.cartridges_with_errors > 0)
            facts.add("Errors", fmt::format("{} hard, {} recovered, with {} cartridge{}", drive.hard_errors, drive.recovered_errors,
                                            drive.cartridges_with_errors, drive.cartridges_with_errors == 1 ? "" : "s"));
        facts.add("Encryption", encryption(drive.encryption));
        if (!drive.not_offered.empty()) facts.add("Not offered", listed(drive.not_offered));
        if (drive.counts_position) facts.add("Position", "counted: LOCATE is not offered, so places are found by reading on");
        if (drive.cartridge != 0)
            facts.add("Cartridge", fmt::format("{} (id:{})", or_dash(shown(drive.volume_tag)), drive.cartridge));
        if (drive.job != 0) facts.add("Job", std::to_string(drive.job));
        if (drive.bytes_per_second != 0) facts.add("Rate", config::size_for_people(drive.bytes_per_second) + "/s");
        if (drive.dismount_in_seconds)
            facts.add("Dismount in", config::duration_for_people(std::chrono::seconds{*drive.dismount_in_seconds}));
        facts.print(session.out);
    });
}

int disable_drive(Session& session, const std::string& name, const api::DisableRequest& request) {
    auto accepted = session.client.call(api::kDriveDisable, {name}, request);
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

int enable_library(Session& session, const std::string& name) {
    auto accepted = session.client.call(api::kLibraryEnable, {name});
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

int disable_library(Session& session, const std::string& name, const api::DisableRequest& request) {
    auto accepted = session.client.call(api::kLibraryDisable, {name}, request);
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

int enable_drive(Session& session, const std::string& name) {
    auto accepted = session.client.call(api::kDriveEnable, {name});
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

}  // namespace capstan::tools
