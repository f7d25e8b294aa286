// `capstan status`: one screen.
#include "config/units.hpp"
#include "tools/capstan/commands.hpp"
#include "tools/capstan/text.hpp"
#include "tools/capstan/watch.hpp"

#include <fmt/format.h>

namespace capstan::tools {
namespace {

using Align = Table::Align;

void print_libraries(std::ostream& out, const api::StatusReply& status) {
    Table table({{"LIBRARY"},
                 {"STATE"},
                 {"SLOTS", Align::right},
                 {"FULL", Align::right},
                 {"IE FULL", Align::right},
                 {"TROUBLE"}});
    for (const auto& library : status.libraries)
        table.row({shown(library.name), library.enabled ? library.state : "disabled", std::to_string(library.slots),
                   std::to_string(library.slots_full), fmt::format("{}/{}", library.ie_ports_full, library.ie_ports),
                   shown(library.enabled ? library.trouble : library.disabled)});
    table.print(out, "No library.");
    out << "\n";
    Table drives(
        {{"DRIVE"}, {"STATE"}, {"VOLUME"}, {"DOING"}, {"JOB", Align::right}, {"RATE", Align::right}, {"TROUBLE"}});
    for (const auto& drive : status.drives)
        drives.row({shown(drive.name), drive.enabled ? drive.state : "disabled",
                    drive.cartridge == 0 ? "-" : or_dash(shown(drive.volume_tag)), or_dash(drive.activity),
                    number_or_dash(drive.job),
                    drive.bytes_per_second == 0 ? "-" : config::size_for_people(drive.bytes_per_second) + "/s",
                    shown(drive.enabled ? drive.trouble : drive.disabled)});
    drives.print(out, "No drive.");
}

void print_pools(std::ostream& out, const api::StatusReply& status) {
    Table table({{"POOL"},
                 {"CARTRIDGES", Align::right},
                 {"AVAILABLE", Align::right},
                 {"ALLOCATED", Align::right},
                 {"COMPLETED", Align::right},
                 {"WRITTEN", Align::right}});
    for (const auto& pool : status.pools)
        table.row({shown(pool.name), grouped(pool.total), grouped(pool.available), grouped(pool.allocated),
                   grouped(pool.completed), config::size_for_people(pool.bytes_written)});
    table.print(out, "No pool.");
}

}  // namespace

int show_status(Session& session) {
    return session.ask(api::kStatus, {}, {}, [&](const api::StatusReply& status) {
        auto& out = session.out;
        out << fmt::format("capstand {} on {}, running since {}\n\n", status.version, shown(status.host),
                           local_time(status.started));
        print_libraries(out, status);
        out << "\n";
        print_pools(out, status);
        out << "\n";
        for (const auto& job : status.jobs) out << progress_text(job) << "\n";
        if (status.jobs.empty()) out << "No job is running.\n";
        out << fmt::format("Work queue: {} running, {} waiting.\n", status.queue_running, status.queue_waiting);
        if (status.requests.empty()) out << "Nothing waits for an operator.\n";
        for (const auto& request : status.requests)
            out << fmt::format("OPERATOR: request {}: {} ('capstan request show {}')\n", request.id,
                               shown(request.message), request.id);
        for (const auto& warning : status.warnings) out << "WARNING: " << shown(warning) << "\n";
    });
}

}  // namespace capstan::tools
