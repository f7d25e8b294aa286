// capstan catalog …
#include "config/units.hpp"
#include "tools/capstan/commands.hpp"
#include "tools/capstan/text.hpp"
#include "tools/capstan/watch.hpp"

#include <fmt/format.h>

namespace capstan::tools {

int rebuild_catalog(Session& session, const std::vector<std::string>& media) {
    auto accepted = session.client.call(api::kCatalogRebuild, {}, {.media = media});
    return accepted ? follow(session, *accepted) : session.failed(accepted.error());
}

int check_catalog(Session& session) {
    auto check = session.client.call(api::kCatalogCheck);
    if (!check) return session.failed(check.error());
    if (session.json) {
        session.print_json(*check);
    } else {
        session.out << fmt::format("{} sets, {} objects, {} on disk\n", grouped(check->sets), grouped(check->objects),
                                   config::size_for_people(check->bytes_on_disk));
        for (const auto& problem : check->problems)
            session.out << fmt::format("set {}: {}. {}\n", problem.set, shown(problem.problem), shown(problem.advice));
        if (check->problems.empty()) session.out << "No problem found.\n";
    }
    return check->problems.empty() ? kDone : kFailed;
}

}  // namespace capstan::tools
