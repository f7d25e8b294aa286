// capstan pool …
#include "config/units.hpp"
#include "tools/capstan/commands.hpp"
#include "tools/capstan/text.hpp"

#include <fmt/format.h>

namespace capstan::tools {
namespace {

std::string yes_no(bool value) { return value ? "yes" : "no"; }
std::string retention_text(const api::PoolInfo& pool) {
    return pool.retention_seconds ? config::duration_text(std::chrono::seconds{*pool.retention_seconds}) : "forever";
}
std::string append_text(const api::PoolInfo& pool) {
    if (!pool.append_seconds) return "no end";
    return *pool.append_seconds == 0 ? "never" : config::duration_text(std::chrono::seconds{*pool.append_seconds});
}

void print_pool(std::ostream& out, const api::PoolInfo& pool) {
    Facts facts;
    facts.add("Pool", fmt::format("{} ({})", shown(pool.name), pool.kind));
    facts.add("Cartridges", fmt::format("{}: {} available, {} allocated, {} completed, {} other", grouped(pool.total),
                                        grouped(pool.available), grouped(pool.allocated), grouped(pool.completed),
                                        grouped(pool.other)));
    facts.add("Written", config::size_for_people(pool.bytes_written));
    facts.add("Free, about", config::size_for_people(pool.bytes_free));
    if (pool.kind != "system") {
        facts.add("Draws from Free", yes_no(pool.draw_from_free));
        facts.add("Returns to Free", yes_no(pool.return_to_free));
        facts.add("Block size", config::size_text(pool.block_size));
        facts.add("Keeps sets", retention_text(pool));
        facts.add("Appends for", append_text(pool));
        facts.add("Encryption", pool.encryption);
        if (pool.from_configuration) facts.add("Set in", "the configuration file");
    }
    facts.print(out);
}

}  // namespace

int list_pools(Session& session) {
    return session.ask(api::kPools, {}, {}, [&](const api::PoolList& list) {
        using Align = Table::Align;
        Table table({{"POOL"},
                     {"KIND"},
                     {"CARTRIDGES", Align::right},
                     {"AVAILABLE", Align::right},
                     {"ALLOCATED", Align::right},
                     {"COMPLETED", Align::right},
                     {"WRITTEN", Align::right},
                     {"KEEPS"},
                     {"APPENDS"}});
        for (const auto& pool : list.pools) {
            bool system = pool.kind == "system";
            table.row({shown(pool.name), pool.kind, grouped(pool.total), grouped(pool.available),
                       grouped(pool.allocated), grouped(pool.completed), config::size_for_people(pool.bytes_written),
                       system ? "-" : retention_text(pool), system ? "-" : append_text(pool)});
        }
        table.print(session.out, "No pool.");
    });
}

int show_pool(Session& session, const std::string& name) {
    return session.ask(api::kPool, {name}, {}, [&](const api::PoolInfo& pool) { print_pool(session.out, pool); });
}

int create_pool(Session& session, const api::PoolChange& change) {
    return session.ask(api::kPoolCreate, {}, change, [&](const api::PoolInfo& pool) { print_pool(session.out, pool); });
}

int set_pool(Session& session, const std::string& name, const api::PoolChange& change) {
    if (change == api::PoolChange{}) return session.wrong_usage("say what to change (see 'capstan pool set --help')");
    return session.ask(api::kPoolSet, {name}, change,
                       [&](const api::PoolInfo& pool) { print_pool(session.out, pool); });
}

int delete_pool(Session& session, const std::string& name) {
    return session.ask(api::kPoolDelete, {name}, {},
                       [&](const api::None&) { session.out << fmt::format("pool {} deleted\n", shown(name)); });
}

}  // namespace capstan::tools
