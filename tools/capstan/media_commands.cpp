// capstan media …
#include "config/units.hpp"
#include "tools/capstan/commands.hpp"
#include "tools/capstan/text.hpp"
#include "tools/capstan/watch.hpp"

#include <fmt/format.h>

namespace capstan::tools {
namespace {

using Align = Table::Align;

std::string name_of_medium(const api::MediaInfo& medium) {
    return medium.volume_tag.empty() ? fmt::format("id:{}", medium.cartridge) : shown(medium.volume_tag);
}

template <class RouteType>
int start(Session& session, const RouteType& route, const std::vector<std::string>& parameters,
          const typename RouteType::Request& request) {
    auto accepted = session.client.call(route, parameters, request);
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

Facts facts_of(const api::MediaInfo& medium) {
    Facts facts;
    facts.add("Cartridge", fmt::format("{} (id:{})", name_of_medium(medium), medium.cartridge));
    facts.add("Label", shown(medium.label));
    facts.add("Media id", medium.media_id);
    facts.add("Pool", shown(medium.pool));
    facts.add("State", medium.state + (medium.physical_state.empty() ? "" : ", " + medium.physical_state));
    facts.add("Place", shown(medium.place));
    facts.add("Trouble", shown(medium.trouble));
    facts.add("Write protected", medium.write_protected ? "yes" : "");
    facts.add("Written", config::size_for_people(medium.written) +
                             (medium.capacity > 0 ? " of " + config::size_for_people(medium.capacity) : ""));
    facts.add("Sets", fmt::format("{}, of them {} expired", medium.sets, medium.sets_expired));
    facts.add("Labelled", local_time(medium.labelled, ""));
    facts.add("Last written", local_time(medium.last_written, ""));
    if (medium.labelled) facts.add("Takes sets until", local_time(medium.append_until, "for ever"));
    if (medium.sets > 0) facts.add("Kept until", local_time(medium.keep_until, "for ever"));
    return facts;
}

}  // namespace

int list_media(Session& session, const api::MediaQuery& query) {
    auto list = session.all_pages(api::kMedia, {}, query, &api::MediaList::media);
    if (!list) return session.failed(list.error());
    if (session.json) return session.print_json(*list);
    Table table({{"VOLUME"},
                 {"POOL"},
                 {"STATE"},
                 {"PLACE"},
                 {"SETS", Align::right},
                 {"WRITTEN", Align::right},
                 {"CAPACITY", Align::right},
                 {"KEPT UNTIL"},
                 {"TROUBLE"}});
    for (const auto& medium : list->media)
        table.row({name_of_medium(medium), shown(medium.pool), medium.state, shown(medium.place),
                   std::to_string(medium.sets), config::size_for_people(medium.written),
                   medium.capacity == 0 ? "-" : config::size_for_people(medium.capacity),
                   medium.sets == 0 ? "-" : local_time(medium.keep_until, "for ever"), shown(medium.trouble)});
    table.print(session.out, "No cartridge.");
    return kDone;
}

int show_medium(Session& session, const std::string& medium) {
    return session.ask(api::kMedium, {medium}, {}, [&](const api::MediaDetails& details) {
        auto facts = facts_of(details.medium);
        if (details.block_size != 0) {
            facts.add("Family", fmt::format("{:08X}, medium {} of it, written {} times", details.family,
                                            details.sequence, details.generation));
            facts.add("Blocks", fmt::format("{} each, recorded to {}", config::size_text(details.block_size),
                                            grouped(details.recorded_end)));
        }
        facts.print(session.out);
        if (!details.sets.empty()) {
            session.out << "\n";
            Table table({{"SET", Align::right},
                         {"NAME"},
                         {"PART", Align::right},
                         {"FROM BLOCK", Align::right},
                         {"TO", Align::right},
                         {"WRITTEN"},
                         {"KEPT UNTIL"}});
            for (const auto& set : details.sets)
                table.row({std::to_string(set.set), shown(set.name), std::to_string(set.part), grouped(set.first_block),
                           grouped(set.end_block), local_time(set.written), local_time(set.keep_until, "for ever")});
            table.print(session.out);
        }
        if (!details.errors.empty()) {
            session.out << "\n";
            Table table({{"ERRORS IN DRIVE"}, {"HARD", Align::right}, {"RECOVERED", Align::right}, {"LAST"}});
            for (const auto& each : details.errors)
                table.row({shown(each.drive), std::to_string(each.hard), std::to_string(each.recovered), local_time(each.last)});
            table.print(session.out);
        }
        if (!details.history.empty()) session.out << "\n";
        for (const auto& line : details.history) session.out << shown(line) << "\n";
    });
}

int label_media(Session& session, const api::LabelRequest& request) {
    if (request.overwrite && request.media.empty())
        return session.wrong_usage("--overwrite needs the names of the cartridges whose content may be lost");
    auto accepted = session.client.call(api::kLabel, {}, request);
    if (!accepted) return session.failed(accepted.error());
    for (const auto& note : accepted->notes) session.errors << shown(note) << "\n";
    if (session.detach || (session.json && accepted->work_items.empty())) {
        if (session.json) return session.print_json(*accepted);
        for (auto item : accepted->work_items) session.out << fmt::format("work item {}\n", item);
        return kDone;
    }
    if (accepted->work_items.empty()) session.out << "Nothing to label.\n";
    return follow_work(session, accepted->work_items);
}

int move_medium(Session& session, const std::string& medium, const api::MoveRequest& request) {
    if (!request.pool.empty() + (request.slot != 0) + request.home != 1)
        return session.wrong_usage("give exactly one of --pool, --slot and --home");
    return start(session, api::kMove, {medium}, request);
}

int import_media(Session& session, const api::ImportRequest& request) {
    return start(session, api::kImport, {}, request);
}

int export_medium(Session& session, const std::string& medium) {
    return start(session, api::kExport, {medium}, {});
}

int erase_medium(Session& session, const std::string& medium, const api::EraseRequest& request) {
    return start(session, api::kErase, {medium}, request);
}

int adopt_medium(Session& session, const std::string& medium, const api::AdoptRequest& request) {
    return start(session, api::kAdopt, {medium}, request);
}

int retire_medium(Session& session, const std::string& medium) {
    return session.ask(api::kRetire, {medium}, {},
                       [&](const api::MediaInfo& info) { facts_of(info).print(session.out); });
}

}  // namespace capstan::tools
