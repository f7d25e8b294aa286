// capstan backup, capstan restore
#include "tools/capstan/commands.hpp"
#include "tools/capstan/text.hpp"
#include "tools/capstan/watch.hpp"

#include <fmt/format.h>

namespace capstan::tools {

int back_up(Session& session, api::BackupRequest request) {
    if (request.pool.empty() == request.file.empty())
        return session.wrong_usage("say where to: --pool POOL or --file FILE (one of them)");
    for (auto& path : request.paths) {
        if (path.empty()) return session.wrong_usage("a path is empty");
        path = absolute(path);
    }
    if (!request.file.empty()) request.file = absolute(request.file);
    auto accepted = session.client.call(api::kBackup, {}, request);
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

int restore(Session& session, const RestoreOptions& options) {
    api::RestoreRequest request;
    bool whole = false;
    for (const auto& text : options.what) {
        auto [set, path] = split_set(text);
        if (set && request.set && *set != *request.set)
            return session.wrong_usage("the paths name more than one set; restore one set at a time");
        if (set) request.set = set;
        if (path.empty() && !set) return session.wrong_usage("a path is empty");
        if (path.empty())
            whole = true;
        else
            request.paths.push_back(absolute(set && path[0] != '/' ? "/" + path : path));
    }
    if (whole) request.paths.clear();
    if (request.set && !options.at.empty())
        return session.wrong_usage("--at chooses the set; it does not go with SET:");
    if (!options.at.empty()) {
        auto at = api::parse_time(options.at);
        if (!at) return session.wrong_usage(to_text(at.error()));
        request.at = *at;
    }
    for (auto choice : {api::Existing::never, api::Existing::older, api::Existing::always})
        if (api::name_of(choice) == options.existing) request.existing = choice;
    if (!options.to.empty()) request.to = absolute(options.to);
    if (!options.file.empty()) request.file = absolute(options.file);
    auto accepted = session.client.call(api::kRestore, {}, request);
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

}  // namespace capstan::tools
