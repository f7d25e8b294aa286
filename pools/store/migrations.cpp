#include "pools/store/migrations.hpp"

#include "pools/store/dialect.hpp"
#include "pools/store/sql.hpp"

namespace capstan::pools::sql {
namespace {

// Times are microseconds since 1970, states are words, unsigned 64-bit numbers are stored bit by bit as signed ones.
// A statement goes over several lines.
// NOLINTBEGIN(bugprone-suspicious-missing-comma)
constexpr std::string_view kVersion1[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE pools (id {id}, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
    " draw_from_free BIGINT NOT NULL, return_to_free BIGINT NOT NULL, block_size BIGINT NOT NULL,"
    " append_for BIGINT NOT NULL, keep_for BIGINT NOT NULL, family_media_max BIGINT NOT NULL,"
    " allocations_max BIGINT NOT NULL)",
    "CREATE TABLE families (id BIGINT PRIMARY KEY, pool BIGINT NOT NULL REFERENCES pools (id), opened BIGINT NOT NULL,"
    " appendable_until BIGINT NOT NULL, keep_until BIGINT NOT NULL, media_count BIGINT NOT NULL,"
    " last_set BIGINT NOT NULL, closed BIGINT NOT NULL)",
    "CREATE INDEX families_open ON families (pool, closed)",

    "CREATE TABLE cartridges (id {id}, volume_tag TEXT NOT NULL, library TEXT NOT NULL, place_kind TEXT NOT NULL,"
    " place_id TEXT NOT NULL, mounts BIGINT NOT NULL, write_protected BIGINT NOT NULL, suspect BIGINT NOT NULL,"
    " duplicate_tag BIGINT NOT NULL, must_identify BIGINT NOT NULL, hold TEXT NOT NULL, created BIGINT NOT NULL,"
    " last_mounted BIGINT, CHECK ((place_kind = 'offline') = (library = '')))",
    "CREATE INDEX cartridges_by_tag ON cartridges (volume_tag)",
    // A place holds one cartridge; a cartridge has one place.
    "CREATE UNIQUE INDEX cartridges_by_place ON cartridges (library, place_kind, place_id)"
    " WHERE place_kind <> 'offline'",

    // One side a cartridge today. Pool and `online` are here so that one index answers who may be allocated.
    "CREATE TABLE sides (cartridge BIGINT PRIMARY KEY REFERENCES cartridges (id),"
    " pool BIGINT NOT NULL REFERENCES pools (id), state TEXT NOT NULL, online BIGINT NOT NULL, media_id TEXT NOT NULL,"
    " domain_id TEXT NOT NULL, family BIGINT NOT NULL, sequence BIGINT NOT NULL, generation BIGINT NOT NULL,"
    " block_size BIGINT NOT NULL, recorded_end BIGINT NOT NULL, last_set BIGINT NOT NULL,"
    " appendable_until BIGINT NOT NULL, keep_until BIGINT NOT NULL, bytes_written BIGINT NOT NULL,"
    " capacity BIGINT NOT NULL, allocations BIGINT NOT NULL, description TEXT NOT NULL, labelled BIGINT,"
    " last_written BIGINT)",
    "CREATE INDEX sides_by_pool ON sides (pool, state, online, allocations, cartridge)",
    "CREATE INDEX sides_by_family ON sides (family, state)",
    "CREATE UNIQUE INDEX sides_by_media_id ON sides (media_id) WHERE media_id <> ''",

    "CREATE TABLE jobs (id {id}, kind TEXT NOT NULL, name TEXT NOT NULL, parameters TEXT NOT NULL, owner TEXT NOT NULL,"
    " state TEXT NOT NULL, created BIGINT NOT NULL, started BIGINT, ended BIGINT, objects BIGINT NOT NULL,"
    " bytes BIGINT NOT NULL, not_done BIGINT NOT NULL, changed BIGINT NOT NULL, message TEXT NOT NULL)",
    "CREATE INDEX jobs_by_state ON jobs (state, id)",
    "CREATE TABLE job_issues (id {id}, job BIGINT NOT NULL REFERENCES jobs (id), kind TEXT NOT NULL, path {bytes},"
    " reason TEXT NOT NULL)",
    "CREATE INDEX job_issues_by_job ON job_issues (job, id)",

    // Numbers are given by meta, since an imported set brings its own.
    "CREATE TABLE sets (number BIGINT PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, job BIGINT REFERENCES jobs (id),"
    " name TEXT NOT NULL, type TEXT NOT NULL, pool BIGINT REFERENCES pools (id), mtf_number BIGINT NOT NULL,"
    " family BIGINT NOT NULL, file TEXT NOT NULL, started BIGINT NOT NULL, ended BIGINT, state TEXT NOT NULL,"
    " end_written BIGINT NOT NULL, objects BIGINT NOT NULL, bytes BIGINT NOT NULL, not_saved BIGINT NOT NULL, changed "
    "BIGINT NOT NULL,"
    " keep_until BIGINT NOT NULL, based_on BIGINT)",
    "CREATE INDEX sets_by_job ON sets (job)", "CREATE INDEX sets_by_state ON sets (state)",
    "CREATE INDEX sets_by_name ON sets (name, number)", "CREATE INDEX sets_by_base ON sets (based_on)",
    "CREATE TABLE set_extents (set_number BIGINT NOT NULL REFERENCES sets (number),"
    " cartridge BIGINT NOT NULL REFERENCES cartridges (id), sequence BIGINT NOT NULL, first_fla BIGINT NOT NULL,"
    " first_block BIGINT NOT NULL, end_block BIGINT NOT NULL, PRIMARY KEY (set_number, cartridge))",
    "CREATE INDEX set_extents_by_cartridge ON set_extents (cartridge, first_block)",
    "CREATE TABLE catalog_segments (set_number BIGINT NOT NULL REFERENCES sets (number), ordinal BIGINT NOT NULL,"
    " file_name TEXT NOT NULL UNIQUE, objects BIGINT NOT NULL, PRIMARY KEY (set_number, ordinal))",

    "CREATE TABLE work_items (id {id}, kind TEXT NOT NULL, state TEXT NOT NULL, priority BIGINT NOT NULL, job BIGINT,"
    " library TEXT NOT NULL, drive TEXT NOT NULL, cartridge BIGINT, pool BIGINT, parameters TEXT NOT NULL,"
    " reason TEXT NOT NULL, created BIGINT NOT NULL, deadline BIGINT, finished BIGINT)",
    "CREATE INDEX work_items_by_state ON work_items (state, id)",
    "CREATE TABLE journal (id {id}, act TEXT NOT NULL, state TEXT NOT NULL, work_item BIGINT, cartridge BIGINT,"
    " library TEXT NOT NULL, source_kind TEXT NOT NULL, source_id TEXT NOT NULL, destination_kind TEXT NOT NULL,"
    " destination_id TEXT NOT NULL, detail TEXT NOT NULL, at BIGINT NOT NULL, ended BIGINT)",
    "CREATE INDEX journal_by_state ON journal (state, library, id)",
    "CREATE INDEX journal_by_cartridge ON journal (cartridge, id)",
    "CREATE TABLE operator_requests (id {id}, kind TEXT NOT NULL, state TEXT NOT NULL, work_item BIGINT,"
    " cartridge BIGINT, pool BIGINT, library TEXT NOT NULL, text TEXT NOT NULL, answer TEXT NOT NULL,"
    " created BIGINT NOT NULL, deadline BIGINT, ended BIGINT)",
    "CREATE INDEX operator_requests_by_state ON operator_requests (state, id)",
    "CREATE TABLE devices (kind TEXT NOT NULL, name TEXT NOT NULL, product TEXT NOT NULL, serial TEXT NOT NULL,"
    " state TEXT NOT NULL, seen BIGINT NOT NULL, PRIMARY KEY (kind, name))",
    "CREATE TABLE audit (id {id}, at BIGINT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, cartridge BIGINT,"
    " what TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL)",
    "CREATE INDEX audit_by_cartridge ON audit (cartridge, id)",

    "INSERT INTO pools (id, name, kind, draw_from_free, return_to_free, block_size, append_for, keep_for,"
    " family_media_max, allocations_max) VALUES"
    " (1, 'Free', 'free', 0, 0, 262144, 0, 0, 0, 0), (2, 'Import', 'import', 0, 0, 262144, 0, 0, 0, 0),"
    " (3, 'Unrecognized', 'unrecognized', 0, 0, 262144, 0, 0, 0, 0),"
    " (9, 'reserved', 'unrecognized', 0, 0, 262144, 0, 0, 0, 0)",
    "DELETE FROM pools WHERE id = 9",  // application pools count from 10
};
// NOLINTEND(bugprone-suspicious-missing-comma)

constexpr std::string_view kVersion2[] = {
    "CREATE INDEX sets_by_file ON sets (file, number) WHERE file <> ''",
};

constexpr std::string_view kVersion3[] = {
    "ALTER TABLE jobs ADD COLUMN skipped BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN kept BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE work_items ADD COLUMN interruptions BIGINT NOT NULL DEFAULT 0",
};

constexpr std::string_view kVersion4[] = {
    "ALTER TABLE sets ADD COLUMN part BIGINT NOT NULL DEFAULT 0",
};

constexpr std::string_view kVersion5[] = {
    "ALTER TABLE cartridges ADD COLUMN density BIGINT NOT NULL DEFAULT 0",
};

constexpr std::string_view kVersion6[] = {
    "CREATE TABLE error_counts (cartridge BIGINT NOT NULL, drive_key TEXT NOT NULL, drive TEXT NOT NULL, drive_serial TEXT NOT NULL,"
    " recovered BIGINT NOT NULL, hard BIGINT NOT NULL, last BIGINT NOT NULL, PRIMARY KEY (cartridge, drive_key))",
    "CREATE INDEX error_counts_by_drive ON error_counts (drive_key)",
};

constexpr std::string_view kVersion7[] = {
    "ALTER TABLE devices RENAME COLUMN state TO before",
};

constexpr Migration kMigrations[] = {
    {1, "media, sets, jobs, work, journal, audit", kVersion1},
    {2, "sets in .bkf files", kVersion2},
    {3, "work that a crash cut off goes on; all counts of a job stay", kVersion3},
    {4, "runs of several sets", kVersion4},
    {5, "the density of a cartridge", kVersion5},
    {6, "errors of cartridges and drives", kVersion6},
    {7, "devices that were replaced", kVersion7},
};

Result<void> run_step(Database& database, const Migration& step) {
    for (auto statement : step.statements) CAPSTAN_CHECK(database.execute(in_dialect(statement)));
    CAPSTAN_CHECK(database.execute("DELETE FROM schema_version"));
    return database.change_one("INSERT INTO schema_version (version) VALUES ($1)", values(step.version),
                               "the schema version");
}

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

Result<int> schema_version(Database& database) {
    CAPSTAN_CHECK(database.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)"));
    CAPSTAN_TRY(auto row, database.query_one("SELECT version FROM schema_version", {}, "i"));
    return row ? static_cast<int>(row->integer()) : 0;
}

Result<void> migrate(Database& database, std::span<const Migration> steps) {
    CAPSTAN_TRY(const int version, schema_version(database));
    const int newest = steps.empty() ? 0 : steps.back().version;
    if (version > newest)
        return fail(Recovery::give_up,
                    fmt::format("the state database has schema version {}; this program knows versions up to {}",
                                version, newest),
                    "Start the newer capstand that wrote it, or restore a copy from before the upgrade.");
    for (const auto& step : steps) {
        if (step.version <= version) continue;
        CAPSTAN_CHECK(database.execute(kBegin));
        auto done = run_step(database, step);
        if (done) {
            CAPSTAN_CHECK(database.execute("COMMIT"));
            continue;
        }
        auto undone = database.execute("ROLLBACK");
        auto error = std::move(done.error());
        error.happened = fmt::format("the state database cannot be brought to schema version {} ({}): {}", step.version,
                                     step.purpose, error.happened);
        if (!undone) error.happened += "; " + to_text(undone.error());
        return std::unexpected(std::move(error));
    }
    return {};
}

}  // namespace capstan::pools::sql
