// The commands of `capstan`: what their options are, and one function for each that returns the exit status.
// Names of cartridges are volume tags or "id:N". Paths are bytes.
#pragma once

#include "tools/capstan/session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace capstan::tools {

// status_command.cpp
int show_status(Session& session);

// library_commands.cpp
int list_libraries(Session& session);
int show_library(Session& session, const std::string& name);
int take_inventory(Session& session, std::string name, bool full);  // empty name: the only library
int list_drives(Session& session);
int show_drive(Session& session, const std::string& name);
int enable_drive(Session& session, const std::string& name);
int disable_drive(Session& session, const std::string& name, const api::DisableRequest& request);
int enable_library(Session& session, const std::string& name);
int disable_library(Session& session, const std::string& name, const api::DisableRequest& request);

// probe_command.cpp
struct ProbeRequest {
    std::string portal;             // empty: this machine's bus
    std::string user, secret_file;  // CHAP; empty: none
    bool try_by_loading = false;    // moves cartridges
};
int probe_libraries(Session& session, const ProbeRequest& request);

// media_commands.cpp
int list_media(Session& session, const api::MediaQuery& query);
int show_medium(Session& session, const std::string& medium);
int label_media(Session& session, const api::LabelRequest& request);
int move_medium(Session& session, const std::string& medium, const api::MoveRequest& request);
int import_media(Session& session, const api::ImportRequest& request);
int export_medium(Session& session, const std::string& medium);
int erase_medium(Session& session, const std::string& medium, const api::EraseRequest& request);
int retire_medium(Session& session, const std::string& medium);
int adopt_medium(Session& session, const std::string& medium, const api::AdoptRequest& request);

// pool_commands.cpp
int list_pools(Session& session);
int show_pool(Session& session, const std::string& name);
int create_pool(Session& session, const api::PoolChange& change);
int set_pool(Session& session, const std::string& name, const api::PoolChange& change);
int delete_pool(Session& session, const std::string& name);

// work_commands.cpp
int list_requests(Session& session, bool all);
int show_request(Session& session, std::int64_t request);
enum class Answer : std::uint8_t { complete, refuse };
int answer_request(Session& session, std::int64_t request, Answer answer, const std::string& note);
int list_queue(Session& session, bool all);
int cancel_work(Session& session, std::int64_t item);
int explain(Session& session, const std::string& what);  // "12": a work item; "job:7": a job

// job_commands.cpp
int list_jobs(Session& session, const api::JobQuery& query, bool configured);
int show_job(Session& session, std::int64_t job, bool watch);
int run_job(Session& session, const std::string& name);
int cancel_job(Session& session, std::int64_t job);
int show_job_log(Session& session, std::int64_t job);

// backup_commands.cpp
int back_up(Session& session, api::BackupRequest request);  // paths and file may be relative
struct RestoreOptions {
    std::vector<std::string> what;  // [SET:]PATH each; "SET:" the whole set
    std::string to, at, existing = "never", file;
};
int restore(Session& session, const RestoreOptions& options);

// set_commands.cpp
int list_sets(Session& session, const api::SetQuery& query);
int show_set(Session& session, std::uint64_t set);
int verify_set(Session& session, const std::string& what);        // SET or SET:PATH
int list_objects(Session& session, const std::string& what);      // SET or SET:PATH
int find_objects(Session& session, const std::string& pattern, std::optional<std::uint64_t> set);
int list_versions(Session& session, const std::string& path);

// catalog_commands.cpp
int rebuild_catalog(Session& session, const std::vector<std::string>& media);
int check_catalog(Session& session);

}  // namespace capstan::tools
