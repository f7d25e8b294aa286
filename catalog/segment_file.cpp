#include "catalog/segment_file.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <xxhash.h>

#include <array>
#include <utility>

namespace capstan::catalog {
namespace {

constexpr int kApplicationId = 0x43505347;  // "CPSG"
constexpr int kBlobMax = 64 << 20;
// In the order of sqlite_schema; compared word by word when a file is opened.
constexpr std::array<const char*, 3> kTables{
    "CREATE TABLE header(id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    "CREATE TABLE page(number INTEGER PRIMARY KEY, names BLOB NOT NULL, numbers BLOB NOT NULL, noise BLOB NOT NULL)",
    "CREATE TABLE tree(parent INTEGER NOT NULL, name BLOB NOT NULL, place INTEGER NOT NULL, facts BLOB NOT NULL, "
    "PRIMARY KEY(parent, name, place)) WITHOUT ROWID"};

Recovery recovery_of(int code) {
    return (code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_NOMEM ? Recovery::retry_later : Recovery::give_up;
}

std::unexpected<Error> sqlite_failed(int code, sqlite3* database, std::string what, std::string advice) {
    auto detail = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    return fail(recovery_of(code), fmt::format("{}: {}", what, detail), std::move(advice));
}

std::unexpected<Error> cannot_write(int code, sqlite3* database, const std::string& path) {
    bool full = (code & 0xFF) == SQLITE_FULL;
    return sqlite_failed(code, database, fmt::format("cannot write the catalog segment {}", path),
                         full ? "Make room on this file system, then run the job again." : "Look at the disk it lies on.");
}

Bytes column(sqlite3_stmt* statement, int index) {
    const auto* data = sqlite3_column_blob(statement, index);
    auto size = sqlite3_column_bytes(statement, index);
    if (data == nullptr || size <= 0) return {};
    return {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)};
}

int bind_blob(sqlite3_stmt* statement, int index, Bytes bytes) {  // the bytes must last until the statement was stepped
    if (bytes.empty()) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, bytes.data(), bytes.size(), SQLITE_STATIC);
}

class ResetAtEnd {  // a statement that stays open would keep its place in the file
    sqlite3_stmt* statement_;

  public:
    explicit ResetAtEnd(sqlite3_stmt* statement) : statement_(statement) {}
    ResetAtEnd(const ResetAtEnd&) = delete;
    ~ResetAtEnd() {
        sqlite3_reset(statement_);
        sqlite3_clear_bindings(statement_);
    }
};

// SQLite's own form of a file name: everything but the plainest characters as %XX.
std::string immutable_uri(const std::string& path) {
    std::string uri = path.starts_with('/') ? "file://" : "file:";
    for (unsigned char c : path) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
                     c == '-' || c == '_';
        uri += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
    }
    return uri + "?immutable=1";
}

}  // namespace

std::int64_t hash_of_path(std::string_view path) { return static_cast<std::int64_t>(XXH3_64bits(path.data(), path.size())); }

ByteVector encode_tree_facts(const TreeRow& row) {
    ByteVector out;
    bool ranged = !row.high.empty();
    out.push_back(static_cast<std::uint8_t>((row.facts ? 1 : 0) | (ranged ? 2 : 0)));
    if (row.facts) put_facts(out, *row.facts);
    if (ranged) {
        put_text(out, row.low);
        put_text(out, row.high);
    }
    return out;
}

Result<void> decode_tree_facts(Bytes bytes, TreeRow& row) {
    NumberReader in(bytes);
    auto flags = in.byte();
    if (flags > 3) in.fault();
    if ((flags & 1) != 0) row.facts = get_facts(in);
    if ((flags & 2) != 0) {
        row.low = in.text(kNameMax);
        row.high = in.text(kNameMax);
        if (row.high.empty() || row.low > row.high) in.fault();
    }
    if (row.facts && row.facts->kind != ObjectKind::directory) in.fault();
    if (!in.at_end()) return fail(Recovery::give_up, "a directory's row is damaged");
    return {};
}

Statement::Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
}
Statement::~Statement() { sqlite3_finalize(statement_); }

Result<void> Statement::prepare(sqlite3* database, const char* sql, const std::string& path) {
    auto code = sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (code == SQLITE_OK) return {};
    return sqlite_failed(code, database, fmt::format("catalog segment {}", path), "Rebuild the catalog of this set from its media.");
}

Result<std::unique_ptr<SegmentFileWriter>> SegmentFileWriter::create(const std::string& path, unsigned page_size) {
    std::unique_ptr<SegmentFileWriter> writer(new SegmentFileWriter(path));
    auto& database = writer->database_;
    auto code = sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, "unix");
    if (code != SQLITE_OK) return cannot_write(code, database, path);
    sqlite3_limit(database, SQLITE_LIMIT_LENGTH, kBlobMax + 4096);
    // Nothing here need survive a crash: the file gets its name only when it is whole and fsynced.
    auto setup = fmt::format(
        "PRAGMA page_size={}; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; "
        "PRAGMA cache_size=-16384; PRAGMA application_id={}; BEGIN; {}; {}; {};",
        page_size, kApplicationId, kTables[0], kTables[1], kTables[2]);
    code = sqlite3_exec(database, setup.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return cannot_write(code, database, path);
    CAPSTAN_CHECK(writer->page_.prepare(database, "INSERT INTO page VALUES(?1, ?2, ?3, ?4)", path));
    CAPSTAN_CHECK(writer->row_.prepare(database, "INSERT INTO tree VALUES(?1, ?2, ?3, ?4)", path));
    return writer;
}

SegmentFileWriter::~SegmentFileWriter() {
    page_ = {};
    row_ = {};
    sqlite3_close_v2(database_);
}

Result<void> SegmentFileWriter::run(Statement& statement) {
    auto code = sqlite3_step(statement.get());
    ResetAtEnd reset(statement.get());
    if (code != SQLITE_DONE) return cannot_write(code, database_, path_);
    return {};
}

Result<void> SegmentFileWriter::put_page(std::uint64_t number, const PageBlobs& blobs) {
    auto* statement = page_.get();
    auto code = sqlite3_bind_int64(statement, 1, static_cast<std::int64_t>(number));
    code |= bind_blob(statement, 2, blobs.names) | bind_blob(statement, 3, blobs.numbers) | bind_blob(statement, 4, blobs.noise);
    if (code != SQLITE_OK) return cannot_write(code, database_, path_);
    return run(page_);
}

Result<void> SegmentFileWriter::put_row(std::int64_t parent, const TreeRow& row) {
    auto facts = encode_tree_facts(row);
    auto* statement = row_.get();
    auto code = sqlite3_bind_int64(statement, 1, parent) | bind_blob(statement, 2, bytes_of(row.name));
    code |= sqlite3_bind_int64(statement, 3, static_cast<std::int64_t>(row.place)) | bind_blob(statement, 4, facts);
    if (code != SQLITE_OK) return cannot_write(code, database_, path_);
    return run(row_);
}

Result<void> SegmentFileWriter::finish(Bytes header) {
    Statement insert;
    CAPSTAN_CHECK(insert.prepare(database_, "INSERT INTO header VALUES(1, ?1)", path_));
    if (auto code = bind_blob(insert.get(), 1, header); code != SQLITE_OK) return cannot_write(code, database_, path_);
    CAPSTAN_CHECK(run(insert));
    insert = {};
    page_ = {};
    row_ = {};
    auto code = sqlite3_exec(database_, "COMMIT", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) code = sqlite3_close(database_);
    if (code != SQLITE_OK) return cannot_write(code, database_, path_);
    database_ = nullptr;
    return {};
}

std::unexpected<Error> SegmentFile::broken(std::string_view what) const {
    auto code = sqlite3_errcode(database_);
    bool said = code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE;
    auto detail = said ? fmt::format(" ({})", sqlite3_errstr(code)) : "";
    return fail(recovery_of(code), fmt::format("catalog segment {}: {}{}", path_, what, detail),
                "Rebuild the catalog of this set from its media.");
}

Result<std::unique_ptr<SegmentFile>> SegmentFile::open(const std::string& path) {
    std::unique_ptr<SegmentFile> file(new SegmentFile(path));
    auto code = sqlite3_open_v2(immutable_uri(path).c_str(), &file->database_,
                                SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, "unix");
    if (code != SQLITE_OK)
        return sqlite_failed(code, file->database_, fmt::format("cannot open the catalog segment {}", path),
                             "If the file is gone or damaged, rebuild the catalog of this set from its media.");
    CAPSTAN_CHECK(file->prepare());
    return file;
}

SegmentFile::~SegmentFile() {
    names_ = {};
    numbers_ = {};
    places_ = {};
    children_ = {};
    sqlite3_close_v2(database_);
}

Result<void> SegmentFile::prepare() {
    sqlite3_limit(database_, SQLITE_LIMIT_LENGTH, kBlobMax);
    sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(database_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    auto code = sqlite3_exec(database_, "PRAGMA cache_size=-1024; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;", nullptr,
                             nullptr, nullptr);
    if (code != SQLITE_OK) return broken("it is not readable");
    Statement schema;
    CAPSTAN_CHECK(schema.prepare(database_, "SELECT sql FROM sqlite_schema LIMIT 4", path_));
    std::size_t found = 0;
    while ((code = sqlite3_step(schema.get())) == SQLITE_ROW) {
        auto sql = text_of(column(schema.get(), 0));
        if (found >= kTables.size() || sql != kTables[found++]) return broken("it is another program's database");
    }
    if (code != SQLITE_DONE) return broken("its schema is not readable");
    if (found != kTables.size()) return broken("it is not complete");
    CAPSTAN_CHECK(names_.prepare(database_, "SELECT number, names FROM page WHERE number >= ?1 ORDER BY number LIMIT 1", path_));
    CAPSTAN_CHECK(numbers_.prepare(database_, "SELECT numbers, noise FROM page WHERE number = ?1", path_));
    CAPSTAN_CHECK(places_.prepare(
        database_, "SELECT name, place, facts FROM tree WHERE parent = ?1 AND name = ?2 ORDER BY place", path_));
    return children_.prepare(
        database_, "SELECT name, place, facts FROM tree WHERE parent = ?1 AND name > ?2 ORDER BY name, place", path_);
}

Result<ByteVector> SegmentFile::header() {
    Statement statement;
    CAPSTAN_CHECK(statement.prepare(database_, "SELECT data FROM header WHERE id = 1", path_));
    if (sqlite3_step(statement.get()) != SQLITE_ROW) return broken("it has no header");
    auto bytes = column(statement.get(), 0);
    return ByteVector(bytes.begin(), bytes.end());
}

Result<std::optional<Page>> SegmentFile::page_from(std::uint64_t number, bool with_facts) {
    if (number >= kPageNumberEnd) return std::nullopt;
    auto* statement = names_.get();
    ResetAtEnd reset(statement);
    sqlite3_bind_int64(statement, 1, static_cast<std::int64_t>(number));
    auto code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return std::nullopt;
    if (code != SQLITE_ROW) return broken("a page is not readable");
    auto found = static_cast<std::uint64_t>(sqlite3_column_int64(statement, 0));
    if (found < number || found >= kPageNumberEnd) return broken("its pages are out of order");
    CAPSTAN_TRY(auto page, decode_names(column(statement, 1), found));
    if (with_facts) CAPSTAN_CHECK(complete(page));
    return page;
}

Result<Page> SegmentFile::page(std::uint64_t number) {
    CAPSTAN_TRY(auto page, page_from(number, true));
    if (!page || page->number != number) return broken(fmt::format("page {} is missing", number));
    return std::move(*page);
}

Result<void> SegmentFile::complete(Page& page) {
    auto* statement = numbers_.get();
    ResetAtEnd reset(statement);
    sqlite3_bind_int64(statement, 1, static_cast<std::int64_t>(page.number));
    if (sqlite3_step(statement) != SQLITE_ROW) return broken(fmt::format("page {} is not readable", page.number));
    return decode_facts(page, column(statement, 0), column(statement, 1));
}

Result<void> SegmentFile::visit_rows(Statement& statement, const Visit& visit) {
    std::optional<std::pair<std::string, Place>> last;
    for (;;) {
        auto code = sqlite3_step(statement.get());
        if (code == SQLITE_DONE) return {};
        if (code != SQLITE_ROW) return broken("its tree is not readable");
        TreeRow row;
        row.name = text_of(column(statement.get(), 0));
        row.place = static_cast<Place>(sqlite3_column_int64(statement.get(), 1));
        if (!decode_tree_facts(column(statement.get(), 2), row)) return broken("a directory's row is damaged");
        if (page_of(row.place) >= kPageNumberEnd || !(row.name.empty() || valid_name(row.name)))
            return broken("a directory's row is impossible");
        std::pair key(row.name, row.place);
        if (last && key <= *last) return broken("its tree is out of order");  // no damage makes an endless walk
        last = std::move(key);
        CAPSTAN_TRY(bool go_on, visit(row));
        if (!go_on) return {};
    }
}

Result<void> SegmentFile::places(std::string_view directory, const Visit& visit) {
    ResetAtEnd reset(places_.get());
    sqlite3_bind_int64(places_.get(), 1, hash_of_path(parent_of(directory)));
    bind_blob(places_.get(), 2, bytes_of(name_of(directory)));
    return visit_rows(places_, visit);
}

Result<void> SegmentFile::children(std::string_view directory, std::string_view after, const Visit& visit) {
    ResetAtEnd reset(children_.get());
    sqlite3_bind_int64(children_.get(), 1, hash_of_path(directory));
    bind_blob(children_.get(), 2, bytes_of(after));
    return visit_rows(children_, visit);
}

}  // namespace capstan::catalog
