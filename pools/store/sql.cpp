#include "pools/store/sql.hpp"

#include "pools/store/dialect.hpp"

#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/SQLite/SQLiteException.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/Statement.h>
#include <Poco/Nullable.h>

#include <deque>
#include <limits>

namespace capstan::pools::sql {
namespace {

using Integer = Poco::Nullable<Poco::Int64>;
using Text = Poco::Nullable<std::string>;
using Bytes = Poco::Nullable<Poco::Data::BLOB>;

// All rows of one column; Poco fills whole vectors, so that each row is there or not, never half.
struct Column {
    char kind;
    std::vector<Integer> integers;
    std::vector<Text> texts;
    std::vector<Bytes> blobs;

    std::size_t size() const { return kind == 'i' ? integers.size() : kind == 't' ? texts.size() : blobs.size(); }
    Value at(std::size_t row) const {
        if (kind == 'i') return integers[row].isNull() ? Value() : Value(std::int64_t{integers[row].value()});
        if (kind == 't') return texts[row].isNull() ? Value() : Value(texts[row].value());
        if (blobs[row].isNull()) return {};
        const auto& lob = blobs[row].value();
        return Blob{std::string(lob.begin(), lob.end())};
    }
};

void bind_values(Poco::Data::Statement& statement, const Values& parameters) {
    using Poco::Data::Keywords::bind;
    for (const auto& parameter : parameters) {
        if (const auto* number = std::get_if<std::int64_t>(&parameter)) {
            statement, bind(Poco::Int64{*number});
        } else if (const auto* text = std::get_if<std::string>(&parameter)) {
            statement, bind(*text);
        } else if (const auto* blob = std::get_if<Blob>(&parameter); blob && !blob->bytes.empty()) {
            statement,
                bind(Poco::Data::BLOB(static_cast<const unsigned char*>(static_cast<const void*>(blob->bytes.data())),
                                      blob->bytes.size()));
        } else {
            statement, bind(Integer());
        }
    }
}

Error to_error(const Poco::Exception& thrown, const std::string& path, std::string_view statement) {
    namespace sqlite = Poco::Data::SQLite;
    auto is = [&thrown]<class E>(const E*) { return dynamic_cast<const E*>(&thrown) != nullptr; };
    auto fact = [&](std::string_view what) { return fmt::format("state database {}: {}", path, what); };
    if (is(static_cast<sqlite::DatabaseFullException*>(nullptr)))
        return {Recovery::give_up, fact("the disk is full; the change was not made"),
                "Make space on the file system of the state directory; nothing that was committed is lost."};
    if (is(static_cast<sqlite::DBLockedException*>(nullptr)) || is(static_cast<sqlite::TableLockedException*>(nullptr)))
        return {Recovery::retry_later, fact("another program holds a lock on it"),
                "Stop the program that has the file open; only capstand may use it."};
    if (is(static_cast<sqlite::CorruptImageException*>(nullptr)))
        return {Recovery::give_up, fact("the file is damaged"),
                "Restore the newest copy of the state database, or rebuild it from the media."};
    if (is(static_cast<sqlite::ReadOnlyException*>(nullptr)) ||
        is(static_cast<sqlite::CantOpenDBFileException*>(nullptr)) ||
        is(static_cast<sqlite::DBAccessDeniedException*>(nullptr)))
        return {Recovery::give_up, fact("it cannot be opened for writing (" + thrown.message() + ")"),
                "Check the owner, the permissions and the mount options of the state directory."};
    if (is(static_cast<sqlite::IOErrorException*>(nullptr)))
        return {Recovery::give_up, fact("reading or writing failed (" + thrown.message() + ")"),
                "Check the disk of the state directory and the space that is left on it."};
    if (is(static_cast<sqlite::ConstraintViolationException*>(nullptr)))
        return {Recovery::change_request, fact("a rule of the database refused the change (" + thrown.message() + ")"),
                ""};
    return {Recovery::give_up, fact(fmt::format("{} ({})", thrown.displayText(), statement)),
            "This is a fault of the program or of the file; keep the log and report it."};
}

// Runs `call` and turns what it throws into an Error.
template <class T, class Call>
Result<T> guarded(const std::string& path, std::string_view statement, Call call) {
    try {
        return call();
    } catch (const Poco::Exception& thrown) {
        return std::unexpected(to_error(thrown, path, statement));
    } catch (const std::exception& thrown) {
        return fail(Recovery::give_up, fmt::format("state database {}: {} ({})", path, thrown.what(), statement));
    }
}

}  // namespace

struct Database::Connection {
    Poco::Data::Session session;
};

std::int64_t to_db(Wall time) {
    if (time == kForever) return std::numeric_limits<std::int64_t>::max();
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

Wall wall_from_db(std::int64_t value) {
    // Beyond what the clock's nanoseconds can say is for ever.
    constexpr auto kMax = std::chrono::duration_cast<std::chrono::microseconds>(Wall::max().time_since_epoch()).count();
    if (value >= kMax) return kForever;
    if (value <= -kMax) return Wall{};
    return Wall{std::chrono::microseconds{value}};
}

std::int64_t Row::integer() {
    if (at_ >= cells_.size()) {
        if (problem_.empty()) problem_ = "a column is missing";
        return 0;
    }
    const auto& cell = cells_[at_++];
    if (const auto* number = std::get_if<std::int64_t>(&cell)) return *number;
    return 0;
}

std::string Row::text() {
    if (at_ >= cells_.size()) {
        if (problem_.empty()) problem_ = "a column is missing";
        return {};
    }
    auto& cell = cells_[at_++];
    if (auto* words = std::get_if<std::string>(&cell)) return std::move(*words);
    if (auto* blob = std::get_if<Blob>(&cell)) return std::move(blob->bytes);
    return {};
}

std::optional<Wall> Row::maybe_time() {
    const bool none = null();
    auto value = integer();
    if (none) return std::nullopt;
    return wall_from_db(value);
}

Result<void> Row::check(std::string_view what) const {
    if (problem_.empty()) return {};
    return fail(Recovery::give_up, fmt::format("state database: a row of {} cannot be read: {}", what, problem_),
                "It was written by a newer version or is damaged; use the newer version or a copy of the database.");
}

Database::Database(std::unique_ptr<Connection> connection, std::string path)
    : connection_(std::move(connection)), path_(std::move(path)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
    static const bool registered = (Poco::Data::SQLite::Connector::registerConnector(), true);
    static_cast<void>(registered);
    auto opened = guarded<std::unique_ptr<Database>>(path, "open", [&] {
        auto connection = std::make_unique<Connection>(Connection{Poco::Data::Session("SQLite", path)});
        return std::unique_ptr<Database>(new Database(std::move(connection), path));
    });
    if (!opened) return opened;
    for (const auto& statement : connection_setup()) {
        // A PRAGMA answers with a row or not, and Poco wants to know where to put it: it is not asked for.
        auto done = (*opened)->execute(statement);
        if (!done) return std::unexpected(std::move(done.error()));
    }
    return opened;
}

Result<std::vector<Row>> Database::query(std::string_view statement, const Values& parameters, std::string_view kinds) {
    return guarded<std::vector<Row>>(path_, statement, [&]() -> Result<std::vector<Row>> {
        std::deque<Column> columns;
        Poco::Data::Statement prepared(connection_->session);
        prepared << std::string(statement);
        bind_values(prepared, parameters);
        for (char kind : kinds) {
            auto& column = columns.emplace_back(Column{kind, {}, {}, {}});
            if (kind == 'i') prepared, Poco::Data::Keywords::into(column.integers);
            if (kind == 't') prepared, Poco::Data::Keywords::into(column.texts);
            if (kind == 'b') prepared, Poco::Data::Keywords::into(column.blobs);
        }
        prepared.execute();
        std::vector<Row> rows;
        const auto count = columns.empty() ? 0 : columns.front().size();
        rows.reserve(count);
        for (std::size_t row = 0; row < count; ++row) {
            Values cells;
            cells.reserve(columns.size());
            for (const auto& column : columns) cells.push_back(column.at(row));
            rows.emplace_back(std::move(cells));
        }
        return rows;
    });
}

Result<std::optional<Row>> Database::query_one(std::string_view statement, const Values& parameters,
                                               std::string_view kinds) {
    CAPSTAN_TRY(auto rows, query(statement, parameters, kinds));
    if (rows.empty()) return std::nullopt;
    if (rows.size() > 1)
        return fail(Recovery::give_up,
                    fmt::format("state database {}: two rows where one can be ({})", path_, statement));
    return std::move(rows.front());
}

Result<std::uint64_t> Database::execute(std::string_view statement, const Values& parameters) {
    return guarded<std::uint64_t>(path_, statement, [&]() -> Result<std::uint64_t> {
        Poco::Data::Statement prepared(connection_->session);
        prepared << std::string(statement);
        bind_values(prepared, parameters);
        return static_cast<std::uint64_t>(prepared.execute());
    });
}

Result<void> Database::change_one(std::string_view statement, const Values& parameters, std::string_view what) {
    CAPSTAN_TRY(const auto changed, execute(statement, parameters));
    if (changed == 1) return {};
    return fail(Recovery::change_request, fmt::format("{} does not exist in the state database", what),
                "List what there is and repeat the request with one of those.");
}

Result<std::int64_t> Database::insert(std::string_view statement, const Values& parameters) {
    CAPSTAN_TRY(auto row, query_one(statement, parameters, "i"));
    if (!row)
        return fail(Recovery::give_up,
                    fmt::format("state database {}: a new row has no number ({})", path_, statement));
    return row->integer();
}

}  // namespace capstan::pools::sql
