#include "tools/capstan/arguments.hpp"

#include "tools/capstan/commands.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <sstream>

namespace capstan::tools {
namespace {

using Run = std::function<int(Session&)>;

// One group of commands after the other; the values of the options live in shared objects that the calls keep.
class Arguments {
    CLI::App app_{"capstan: tape libraries, media pools, backup and restore", "capstan"};
    GlobalOptions global_;
    Run run_;

  public:
    Arguments() {
        app_.fallthrough();
        app_.require_subcommand(0, 1);
        app_.add_option("--socket", global_.socket, "the daemon's socket")->envname("CAPSTAN_SOCKET");
        app_.add_flag("--json", global_.json, "answer in JSON");
        app_.add_flag("--no-wait", global_.no_wait, "do not wait for an operator: exit status 4");
        app_.add_flag("--detach", global_.detach, "start the work and do not wait for its end");
        app_.set_version_flag("--version", "capstan 0.1.0");
        app_.footer(
            "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 done but some objects were not saved or "
            "restored,\n"
            "4 waiting for an operator (with --no-wait). Each command has its own --help with an example.");
        command(app_, "status", "libraries, drives, jobs, and what waits for an operator", "capstan status",
                show_status);
        libraries();
        media();
        pools();
        requests_and_queue();
        jobs();
        backup();
        restoring();
        sets();
        catalog();
        app_.add_subcommand("mtf", "list|extract|check FILE: reads any MTF file, needs no daemon")
            ->footer("Example: capstan mtf list backup.bkf");
    }

    std::variant<ParsedCommand, ParsedText> parse(std::span<const std::string> arguments) {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
        try {
            app_.parse(std::move(reversed));
        } catch (const CLI::ParseError& error) {
            std::ostringstream out, errors;
            bool good = app_.exit(error, out, errors) == 0;
            return ParsedText{good ? out.str() : "capstan: " + errors.str(), good ? kDone : kWrongUsage};
        }
        if (run_) return ParsedCommand{global_, run_};
        const CLI::App* deepest = &app_;  // a noun without its verb
        while (!deepest->get_subcommands().empty()) deepest = deepest->get_subcommands().front();
        return ParsedText{deepest->help(), kWrongUsage};
    }

  private:
    CLI::App* command(CLI::App& parent, const std::string& name, const std::string& what, const std::string& example,
                      Run run) {
        auto* app = parent.add_subcommand(name, what);
        app->footer("Example: " + example);
        app->callback([this, run = std::move(run)] { run_ = run; });
        return app;
    }
    CLI::App& noun(const std::string& name, const std::string& what) {
        auto* app = app_.add_subcommand(name, what);
        app->require_subcommand(0, 1);
        return *app;
    }

    void libraries() {
        auto& library = noun("library", "tape libraries");
        command(library, "list", "all libraries", "capstan library list", list_libraries);
        auto name = std::make_shared<std::string>();
        auto full = std::make_shared<bool>(false);
        auto* show = command(library, "show", "a library and its elements", "capstan library show LIB1",
                             [name](Session& s) { return show_library(s, *name); });
        show->add_option("LIBRARY", *name, "its name")->required();
        auto* inventory =
            command(library, "inventory", "look what is in the slots", "capstan library inventory LIB1 --full",
                    [name, full](Session& s) { return take_inventory(s, *name, *full); });
        inventory->add_option("LIBRARY", *name, "its name; without it the only library");
        inventory->add_flag("--full", *full, "mount every cartridge and read its label");
        auto probe = std::make_shared<ProbeRequest>();
        auto* probed = command(library, "probe", "find libraries and drives, print their configuration; needs no daemon",
                               "capstan library probe --iscsi 192.0.2.10:3260", [probe](Session& s) { return probe_libraries(s, *probe); });
        probed->add_option("--iscsi", probe->portal, "a portal, ADDRESS:PORT; without it the devices of this machine");
        auto* user = probed->add_option("--chap-user", probe->user, "log in as this user");
        auto* secret = probed->add_option("--chap-secret-file", probe->secret_file, "a file with the user's secret");
        user->needs(secret);
        secret->needs(user);
        probed->add_flag("--try-by-loading", probe->try_by_loading,
                         "where the changer does not say which drive an element is: move a cartridge into it and see");
        auto& drive = noun("drive", "tape drives");
        command(drive, "list", "all drives", "capstan drive list", list_drives);
        auto* show_one = command(drive, "show", "one drive", "capstan drive show D1",
                                 [name](Session& s) { return show_drive(s, *name); });
        show_one->add_option("DRIVE", *name, "its name")->required();
        auto* enable = command(drive, "enable", "use a drive again after a repair", "capstan drive enable D1",
                               [name](Session& s) { return enable_drive(s, *name); });
        enable->add_option("DRIVE", *name, "its name")->required();
        auto request = std::make_shared<api::DisableRequest>();
        auto* disable = command(drive, "disable", "take a drive out of use for service; it finishes what it does",
                                "capstan drive disable D1 --unload --reason 'new head'",
                                [name, request](Session& s) { return disable_drive(s, *name, *request); });
        disable->add_option("DRIVE", *name, "its name")->required();
        disable->add_option("--reason", request->reason, "kept, and shown wherever something waits for it");
        disable->add_flag("--unload", request->unload, "put away the cartridge that is in it");
        auto* use = command(library, "enable", "take a library into use again", "capstan library enable LIB1",
                            [name](Session& s) { return enable_library(s, *name); });
        use->add_option("LIBRARY", *name, "its name")->required();
        auto* stop = command(library, "disable", "take a library out of use for service: it is not touched at all",
                             "capstan library disable LIB1 --reason 'moved to another rack'",
                             [name, request](Session& s) { return disable_library(s, *name, *request); });
        stop->add_option("LIBRARY", *name, "its name")->required();
        stop->add_option("--reason", request->reason, "kept, and shown wherever something waits for it");
    }

    void media() {
        auto& media = noun("media", "cartridges");
        media_motion(media);
        auto query = std::make_shared<api::MediaQuery>();
        auto* list = command(media, "list", "all cartridges", "capstan media list --pool Nightly",
                             [query](Session& s) { return list_media(s, *query); });
        list->add_option("--pool", query->pool, "only of this pool");
        list->add_option("--library", query->library, "only in this library");
        list->add_option("--state", query->state, "only in this state, such as available");
        auto name = std::make_shared<std::string>();
        auto* show = command(media, "show", "a cartridge and the sets on it", "capstan media show CAP001L8",
                             [name](Session& s) { return show_medium(s, *name); });
        show->add_option("VOLUME", *name, "volume tag, or id:N")->required();
        auto label = std::make_shared<api::LabelRequest>();
        auto* labelled =
            command(media, "label", "write labels on blank cartridges", "capstan media label --library LIB1",
                    [label](Session& s) { return label_media(s, *label); });
        labelled->add_option("VOLUME", label->media, "volume tags, or id:N; without any: all blank ones");
        labelled->add_option("--library", label->library, "blank cartridges of this library");
        labelled->add_option("--pool", label->pool, "the pool that they go to (default: Free)");
        labelled->add_flag("--overwrite", label->overwrite, "what is on the named cartridges may be lost");
        auto erase = std::make_shared<api::EraseRequest>();
        auto* erased =
            command(media, "erase", "make a cartridge's content unreadable", "capstan media erase CAP001L8 --overwrite",
                    [name, erase](Session& s) { return erase_medium(s, *name, *erase); });
        erased->add_option("VOLUME", *name, "volume tag, or id:N")->required();
        erased->add_flag("--whole", erase->whole, "erase the whole tape (hours), not its beginning");
        erased->add_flag("--overwrite", erase->overwrite, "sets on it that have not expired may be lost");
        auto* retired = command(media, "retire", "never write on a cartridge again", "capstan media retire CAP001L8",
                                [name](Session& s) { return retire_medium(s, *name); });
        retired->add_option("VOLUME", *name, "volume tag, or id:N")->required();
        auto adopt = std::make_shared<api::AdoptRequest>();
        auto* adopted = command(media, "adopt", "take a foreign medium of ours into a pool, with its sets",
                                "capstan media adopt CAP001L8 --pool Archive",
                                [name, adopt](Session& s) { return adopt_medium(s, *name, *adopt); });
        adopted->add_option("VOLUME", *name, "volume tag, or id:N")->required();
        adopted->add_option("--pool", adopt->pool, "the pool")->required();
    }

    void media_motion(CLI::App& media) {
        auto name = std::make_shared<std::string>();
        auto move = std::make_shared<api::MoveRequest>();
        auto* moved =
            command(media, "move", "to another pool, or to a slot", "capstan media move CAP001L8 --pool Archive",
                    [name, move](Session& s) { return move_medium(s, *name, *move); });
        moved->add_option("VOLUME", *name, "volume tag, or id:N")->required();
        moved->add_option("--pool", move->pool, "to this pool");
        moved->add_option("--slot", move->slot, "to this slot of its library");
        moved->add_flag("--home", move->home, "out of a drive or IE port to a free slot");
        auto import = std::make_shared<api::ImportRequest>();
        auto* imported = command(media, "import", "take cartridges from the IE ports into slots",
                                 "capstan media import", [import](Session& s) { return import_media(s, *import); });
        imported->add_option("--library", import->library, "the library; without it the only one");
        auto* exported = command(media, "export", "move a cartridge to an IE port; it stays known",
                                 "capstan media export CAP001L8",
                                 [name](Session& s) { return export_medium(s, *name); });
        exported->add_option("VOLUME", *name, "volume tag, or id:N")->required();
    }

    void pools() {
        auto& pool = noun("pool", "media pools");
        auto name = std::make_shared<std::string>();
        auto change = std::make_shared<api::PoolChange>();
        command(pool, "list", "all pools", "capstan pool list", list_pools);
        auto* show = command(pool, "show", "one pool", "capstan pool show Nightly",
                             [name](Session& s) { return show_pool(s, *name); });
        auto* create = command(pool, "create", "a new pool", "capstan pool create Weekly --retention 90d --append 7d",
                               [name, change](Session& s) {
                                   change->name = *name;
                                   return create_pool(s, *change);
                               });
        auto* set = command(pool, "set", "change a pool", "capstan pool set Weekly --retention 1y",
                            [name, change](Session& s) { return set_pool(s, *name, *change); });
        auto* remove = command(pool, "delete", "delete an empty pool", "capstan pool delete Weekly",
                               [name](Session& s) { return delete_pool(s, *name); });
        for (auto* verb : {show, create, set, remove}) verb->add_option("POOL", *name, "its name")->required();
        for (auto* verb : {create, set}) {
            verb->add_option("--draw-from-free", change->draw_from_free,
                             "true: takes cartridges from Free when it has none");
            verb->add_option("--return-to-free", change->return_to_free,
                             "true: gives them back when all on them has expired");
            verb->add_option("--block-size", change->block_size, "bytes: 65536 to 1048576, a power of two")
                ->transform(CLI::AsSizeValue(false));
            verb->add_option("--retention", change->retention, "how long sets are kept: 30d, forever");
            verb->add_option("--append", change->append, "how long a cartridge takes further sets: 30d, true, false");
        }
    }

    void requests_and_queue() {
        auto& request = noun("request", "what waits for an operator");
        auto id = std::make_shared<std::int64_t>(0);
        auto all = std::make_shared<bool>(false);
        auto note = std::make_shared<std::string>();
        auto* list = command(request, "list", "open requests", "capstan request list",
                             [all](Session& s) { return list_requests(s, *all); });
        list->add_flag("--all", *all, "also those that have ended");
        auto* show = command(request, "show", "one request", "capstan request show 3",
                             [id](Session& s) { return show_request(s, *id); });
        auto* complete = command(request, "complete", "it is done: try again",
                                 "capstan request complete 3 --note 'CAP009L8 is in the port'",
                                 [id, note](Session& s) { return answer_request(s, *id, Answer::complete, *note); });
        auto* refuse = command(request, "refuse", "it cannot be done: the wait fails", "capstan request refuse 3",
                               [id, note](Session& s) { return answer_request(s, *id, Answer::refuse, *note); });
        for (auto* verb : {show, complete, refuse}) verb->add_option("REQUEST", *id, "its number")->required();
        for (auto* verb : {complete, refuse}) verb->add_option("--note", *note, "shown to whoever waits");
        auto& queue = noun("queue", "the work queue");
        auto* items = command(queue, "list", "what runs and what waits", "capstan queue list",
                              [all](Session& s) { return list_queue(s, *all); });
        items->add_flag("--all", *all, "also finished items");
        auto* cancel = command(queue, "cancel", "cancel an item", "capstan queue cancel 12",
                               [id](Session& s) { return cancel_work(s, *id); });
        cancel->add_option("ITEM", *id, "its number")->required();
        auto* why = command(queue, "explain", "why an item or a job waits", "capstan queue explain job:7",
                            [note](Session& s) { return explain(s, *note); });
        why->add_option("ITEM", *note, "number of the item, or job:N")->required();
    }

    void jobs() {
        auto& job = noun("job", "jobs");
        auto query = std::make_shared<api::JobQuery>();
        auto flag = std::make_shared<bool>(false);
        auto id = std::make_shared<std::int64_t>(0);
        auto name = std::make_shared<std::string>();
        auto* list = command(job, "list", "jobs, newest first", "capstan job list --running",
                             [query, flag](Session& s) { return list_jobs(s, *query, *flag); });
        list->add_flag("--running", query->running, "only unfinished ones");
        list->add_option("--limit", query->limit, "at most so many")->check(CLI::Range(1, 10000));
        list->add_flag("--configured", *flag, "the jobs of the configuration file");
        auto* show = command(job, "show", "one job", "capstan job show 7 --watch",
                             [id, flag](Session& s) { return show_job(s, *id, *flag); });
        show->add_flag("--watch", *flag, "follow it to its end");
        auto* run = command(job, "run", "run a job of the configuration file now", "capstan job run etc-and-home",
                            [name](Session& s) { return run_job(s, *name); });
        run->add_option("NAME", *name, "its name")->required();
        auto* cancel = command(job, "cancel", "cancel a job; what it committed stays", "capstan job cancel 7",
                               [id](Session& s) { return cancel_job(s, *id); });
        auto* log = command(job, "log", "what happened, and each object that was not simply saved", "capstan job log 7",
                            [id](Session& s) { return show_job_log(s, *id); });
        for (auto* verb : {show, cancel, log}) verb->add_option("JOB", *id, "its number")->required();
    }

    void backup() {
        auto request = std::make_shared<api::BackupRequest>();
        auto* app =
            command(app_, "backup", "back up paths to a pool or a file", "capstan backup /etc /home --pool Nightly",
                    [request](Session& s) { return back_up(s, *request); });
        app->add_option("PATH", request->paths, "what to back up")->required();
        app->add_option("--pool", request->pool, "to cartridges of this pool");
        app->add_option("--file", request->file, "to this .bkf file");
        app->add_option("--type", request->type, "normal")
            ->check(CLI::IsMember({"normal", "copy", "incremental", "differential", "daily"}));
        app->add_option("--name", request->name, "name of the job and its sets");
        app->add_flag("--cross", request->cross_file_systems, "enter other file systems below a path");
        app->add_option("--exclude", request->exclude, "shell pattern to leave out; may be repeated")
            ->allow_extra_args(false);
        app->add_option("--retention", request->retention, "how long to keep it: 30d, forever (default: the pool's)");
    }

    void restoring() {
        auto options = std::make_shared<RestoreOptions>();
        auto* app =
            command(app_, "restore", "restore a set or paths", "capstan restore 7:/etc/hosts --to /tmp/restored",
                    [options](Session& s) { return restore(s, *options); });
        app->add_option("[SET:]PATH", options->what,
                        "what to restore; 'SET:' is the whole set, no SET the newest that has the path")
            ->required();
        app->add_option("--to", options->to, "beneath this directory (default: where it was)");
        app->add_option("--at", options->at, "as it was at this time (UTC)");
        app->add_option("--existing", options->existing, "replace objects that exist: never, older, always")
            ->check(CLI::IsMember({"never", "older", "always"}));
        app->add_option("--file", options->file, "from this .bkf file");
    }

    void sets() {
        auto& set = noun("set", "backup sets");
        auto query = std::make_shared<api::SetQuery>();
        auto id = std::make_shared<std::uint64_t>(0);
        auto text = std::make_shared<std::string>();
        auto chosen = std::make_shared<std::optional<std::uint64_t>>();
        auto* list = command(set, "list", "all sets, newest first", "capstan set list --pool Nightly",
                             [query](Session& s) { return list_sets(s, *query); });
        list->add_option("--pool", query->pool, "only of this pool");
        list->add_option("--medium", query->medium, "only with a part on this cartridge");
        auto* show =
            command(set, "show", "one set", "capstan set show 7", [id](Session& s) { return show_set(s, *id); });
        show->add_option("SET", *id, "its number")->required();
        auto* verify = command(set, "verify", "read a set and compare it with its hashes", "capstan set verify 7",
                               [text](Session& s) { return verify_set(s, *text); });
        verify->add_option("SET[:PATH]", *text, "its number, and what of it")->required();
        auto* ls = command(app_, "ls", "what is in a set", "capstan ls 7:/etc",
                           [text](Session& s) { return list_objects(s, *text); });
        ls->add_option("SET[:PATH]", *text, "number of the set, and a directory in it")->required();
        auto* find = command(app_, "find", "objects by name in all sets", "capstan find '*.conf'",
                             [text, chosen](Session& s) { return find_objects(s, *text, *chosen); });
        find->add_option("PATTERN", *text, "shell pattern: for the name, or with a slash for the whole path")
            ->required();
        find->add_option("--set", *chosen, "only in this set");
        auto* versions = command(app_, "versions", "the sets that have a path", "capstan versions /etc/hosts",
                                 [text](Session& s) { return list_versions(s, *text); });
        versions->add_option("PATH", *text, "the path")->required();
    }

    void catalog() {
        auto& catalog = noun("catalog", "the catalog of sets and objects");
        auto media = std::make_shared<std::vector<std::string>>();
        auto* rebuild =
            command(catalog, "rebuild", "read the catalog back from cartridges", "capstan catalog rebuild CAP001L8",
                    [media](Session& s) { return rebuild_catalog(s, *media); });
        rebuild->add_option("VOLUME", *media,
                            "volume tags, or id:N; without any: those whose sets have no catalog here");
        command(catalog, "check", "look whether the catalog is whole", "capstan catalog check", check_catalog);
    }
};

bool nobody_reads(int output) {
    pollfd asked{output, 0, 0};
    return ::poll(&asked, 1, 0) > 0 && (asked.revents & POLLERR) != 0;
}

}  // namespace

std::variant<ParsedCommand, ParsedText> parse_arguments(std::span<const std::string> arguments) {
    return Arguments().parse(arguments);
}

int run_capstan(std::span<const std::string> arguments, Session& session) {
    auto parsed = parse_arguments(arguments);
    if (auto* text = std::get_if<ParsedText>(&parsed)) {
        (text->status == kDone ? session.out : session.errors) << text->text;
        return text->status;
    }
    auto& command = std::get<ParsedCommand>(parsed);
    session.json = command.options.json;
    session.no_wait = command.options.no_wait;
    session.detach = command.options.detach;
    session.client =
        api::Client(command.options.socket.empty() ? std::string(api::kDefaultSocket) : command.options.socket);
    session.client.set_interrupted(session.interrupted);
    int status = command.run(session);
    session.out.flush();
    if (!session.out.good() && nobody_reads(STDOUT_FILENO)) return kFailed;  // 'capstan … | head': no more to be said
    return session.out.good() || status != kDone
               ? status
               : session.failed({Recovery::give_up, "the output could not be written", "Is the disk full?", {}});
}

}  // namespace capstan::tools
