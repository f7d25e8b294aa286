// capstan set …, ls, find, versions
#include "config/units.hpp"
#include "tools/capstan/commands.hpp"
#include "tools/capstan/text.hpp"
#include "tools/capstan/watch.hpp"

#include <fmt/format.h>

#include <charconv>

namespace capstan::tools {
namespace {

using Align = Table::Align;

// "7", "7:" or "7:/etc".
Result<SetAndPath> parse_set(const std::string& text) {
    auto parsed = split_set(text.find(':') == std::string::npos ? text + ":" : text);
    if (parsed.set) return parsed;
    return fail(Recovery::change_request, fmt::format("'{}' names no set", shown(text)),
                "Write SET or SET:PATH with the set's number ('capstan set list').");
}

std::string object_name(const api::ObjectInfo& object) {
    auto name = shown(object.name);
    return object.kind == "directory" || object.kind == "path_only" ? name + "/" : name;
}

std::string owner_of(const std::string& name, std::uint32_t id) {
    return name.empty() ? std::to_string(id) : shown(name);
}

int print_objects(Session& session, const Result<api::ObjectList>& list, std::string_view if_empty) {
    if (!list) return session.failed(list.error());
    if (session.json) {
        session.print_json(*list);
        return list->warnings.empty() ? kDone : kIncomplete;
    }
    Table table({{"SET", Align::right},
                 {"MODE"},
                 {"OWNER"},
                 {"GROUP"},
                 {"SIZE", Align::right},
                 {"MODIFIED"},
                 {"STATE"},
                 {"NAME"}});
    for (const auto& object : list->objects)
        table.row({std::to_string(object.set), mode_text(object.kind, object.mode), owner_of(object.user, object.uid),
                   owner_of(object.group, object.gid), grouped(object.size), local_time(object.modified),
                   or_dash(object.state), object_name(object)});
    table.print(session.out, if_empty);
    for (const auto& warning : list->warnings) session.warn(warning);
    return list->warnings.empty() ? kDone : kIncomplete;
}

std::string join_shown(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + shown(word);
    return text;
}

}  // namespace

int list_sets(Session& session, const api::SetQuery& query) {
    auto list = session.all_pages(api::kSets, {}, query, &api::SetList::sets);
    if (!list) return session.failed(list.error());
    if (session.json) return session.print_json(*list);
    Table table({{"SET", Align::right},
                 {"NAME"},
                 {"TYPE"},
                 {"STATE"},
                 {"STARTED"},
                 {"OBJECTS", Align::right},
                 {"BYTES", Align::right},
                 {"KEPT UNTIL"},
                 {"ON"}});
    for (const auto& set : list->sets)
        table.row({std::to_string(set.set), shown(set.name), set.type, set.expired ? "expired" : set.state,
                   local_time(set.started), grouped(set.objects), config::size_for_people(set.bytes),
                   local_time(set.keep_until, "for ever"), set.file.empty() ? join_shown(set.media) : shown(set.file)});
    table.print(session.out, "No set.");
    return kDone;
}

int show_set(Session& session, std::uint64_t set) {
    return session.ask(api::kSet, {std::to_string(set)}, {}, [&](const api::SetInfo& info) {
        Facts facts;
        facts.add("Set", fmt::format("{} ({})", info.set, shown(info.name)));
        facts.add("State", info.expired ? info.state + ", expired" : info.state);
        facts.add("Type", info.type);
        facts.add("Host", shown(info.host));
        facts.add("Paths", join_shown(info.paths));
        facts.add("Pool", shown(info.pool));
        facts.add("File", shown(info.file));
        facts.add("Media", join_shown(info.media));
        facts.add("Objects", grouped(info.objects));
        facts.add("Bytes", fmt::format("{} ({})", config::size_for_people(info.bytes), grouped(info.bytes)));
        if (info.objects_failed > 0) facts.add("Not saved", grouped(info.objects_failed));
        facts.add("Started", local_time(info.started, ""));
        facts.add("Ended", local_time(info.ended, ""));
        facts.add("Kept until", local_time(info.keep_until, "for ever"));
        facts.add("Catalog", info.catalog);
        if (info.job != 0) facts.add("Job", std::to_string(info.job));
        facts.print(session.out);
    });
}

int verify_set(Session& session, const std::string& what) {
    auto parsed = parse_set(what);
    if (!parsed) return session.wrong_usage(to_text(parsed.error()));
    api::VerifyRequest request;
    if (!parsed->path.empty())
        request.paths.push_back(absolute(parsed->path[0] == '/' ? parsed->path : "/" + parsed->path));
    auto accepted = session.client.call(api::kVerify, {std::to_string(*parsed->set)}, request);
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

int list_objects(Session& session, const std::string& what) {
    auto parsed = parse_set(what);
    if (!parsed) return session.wrong_usage(to_text(parsed.error()));
    api::BrowseQuery query;
    if (!parsed->path.empty()) query.path = absolute(parsed->path[0] == '/' ? parsed->path : "/" + parsed->path);
    return print_objects(
        session, session.all_pages(api::kBrowse, {std::to_string(*parsed->set)}, query, &api::ObjectList::objects),
        "The directory is empty.");
}

int find_objects(Session& session, const std::string& pattern, std::optional<std::uint64_t> set) {
    api::FindQuery query;
    query.pattern = pattern;
    query.set = set;
    return print_objects(session, session.all_pages(api::kFind, {}, query, &api::ObjectList::objects),
                         "Nothing found.");
}

int list_versions(Session& session, const std::string& path) {
    api::VersionsQuery query;
    query.path = absolute(path);
    return print_objects(session, session.all_pages(api::kVersions, {}, query, &api::ObjectList::objects),
                         "No set has it.");
}

}  // namespace capstan::tools
