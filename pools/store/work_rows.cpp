// Work items, the journal and operator requests.
#include "pools/store/work_rows.hpp"

#include "pools/store/sql.hpp"

namespace capstan::pools {
namespace {

constexpr std::string_view kItemColumns =
    "SELECT id, kind, state, priority, job, library, drive, cartridge, pool, parameters, reason, created, deadline, "
    "finished, interruptions"
    " FROM work_items";
constexpr std::string_view kItemKinds = "ittiittiittiiii";

Result<std::vector<WorkItem>> query_items(StateStore& store, const std::string& condition,
                                          const sql::Values& parameters) {
    CAPSTAN_TRY(auto rows,
                store.database().query(fmt::format("{} {}", kItemColumns, condition), parameters, kItemKinds));
    std::vector<WorkItem> items;
    items.reserve(rows.size());
    for (auto& row : rows) {
        WorkItem item;
        item.id = row.number<WorkItemId>();
        item.kind = row.named<WorkKind>();
        item.state = row.named<WorkState>();
        item.priority = row.number<int>();
        item.job = row.number<JobId>();
        item.library = row.name<LibraryName>();
        item.drive = row.name<DriveName>();
        item.cartridge = row.number<CartridgeId>();
        item.pool = row.number<PoolId>();
        item.parameters = row.text();
        item.reason = row.text();
        item.created = row.time();
        item.deadline = row.maybe_time();
        item.finished = row.maybe_time();
        item.interruptions = row.number<std::uint32_t>();
        CAPSTAN_CHECK(row.check("work items"));
        items.push_back(std::move(item));
    }
    return items;
}

constexpr std::string_view kJournalColumns =
    "SELECT id, act, state, work_item, cartridge, library, source_kind, source_id, destination_kind, destination_id, "
    "detail,"
    " at, ended FROM journal";
constexpr std::string_view kJournalKinds = "ittiittttttii";

Result<std::vector<JournalEntry>> query_journal(StateStore& store, const std::string& condition,
                                                const sql::Values& parameters) {
    CAPSTAN_TRY(auto rows,
                store.database().query(fmt::format("{} {}", kJournalColumns, condition), parameters, kJournalKinds));
    std::vector<JournalEntry> entries;
    entries.reserve(rows.size());
    for (auto& row : rows) {
        JournalEntry entry;
        entry.id = row.number<JournalId>();
        entry.act = row.named<JournalAct>();
        entry.state = row.named<JournalState>();
        entry.work_item = row.number<WorkItemId>();
        entry.cartridge = row.number<CartridgeId>();
        entry.library = row.name<LibraryName>();
        entry.source.kind = row.named<PlaceKind>();
        entry.source.id = row.text();
        entry.destination.kind = row.named<PlaceKind>();
        entry.destination.id = row.text();
        entry.detail = row.text();
        entry.at = row.time();
        entry.ended = row.maybe_time();
        CAPSTAN_CHECK(row.check("journal"));
        entries.push_back(std::move(entry));
    }
    return entries;
}

constexpr std::string_view kRequestColumns =
    "SELECT id, kind, state, work_item, cartridge, pool, library, text, answer, created, deadline, ended FROM "
    "operator_requests";
constexpr std::string_view kRequestKinds = "ittiiitttiii";

Result<std::vector<OperatorRequest>> query_requests(StateStore& store, const std::string& condition,
                                                    const sql::Values& parameters) {
    CAPSTAN_TRY(auto rows,
                store.database().query(fmt::format("{} {}", kRequestColumns, condition), parameters, kRequestKinds));
    std::vector<OperatorRequest> requests;
    requests.reserve(rows.size());
    for (auto& row : rows) {
        OperatorRequest request;
        request.id = row.number<RequestId>();
        request.kind = row.named<RequestKind>();
        request.state = row.named<RequestState>();
        request.work_item = row.number<WorkItemId>();
        request.cartridge = row.number<CartridgeId>();
        request.pool = row.number<PoolId>();
        request.library = row.name<LibraryName>();
        request.text = row.text();
        request.answer = row.text();
        request.created = row.time();
        request.deadline = row.maybe_time();
        request.ended = row.maybe_time();
        CAPSTAN_CHECK(row.check("operator requests"));
        requests.push_back(std::move(request));
    }
    return requests;
}

}  // namespace

Result<WorkItemId> WorkItems::add(WriteTransaction& transaction, const WorkItem& item) {
    CAPSTAN_TRY(
        const auto id,
        transaction.database().insert(
            "INSERT INTO work_items (kind, state, priority, job, library, drive, cartridge, pool, parameters, reason,"
            " created, deadline, finished) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING "
            "id",
            sql::values(item.kind, item.state, item.priority, sql::reference(item.job), item.library, item.drive,
                        sql::reference(item.cartridge), sql::reference(item.pool), item.parameters, item.reason,
                        item.created, item.deadline, item.finished)));
    return WorkItemId{id};
}

Result<WorkItem> WorkItems::get(WorkItemId id) {
    CAPSTAN_TRY(auto items, query_items(store_, "WHERE id = $1", sql::values(raw(id))));
    if (items.empty())
        return fail(Recovery::change_request, fmt::format("there is no work item {}", raw(id)),
                    "List them with 'capstan queue list'.");
    return std::move(items.front());
}

Result<std::vector<WorkItem>> WorkItems::unfinished() {
    return query_items(store_, "WHERE state IN ($1, $2, $3) ORDER BY priority DESC, id",
                       sql::values(WorkState::queued, WorkState::waiting, WorkState::in_process));
}

Result<std::vector<WorkItem>> WorkItems::newest(std::uint32_t max) {
    return query_items(store_, fmt::format("ORDER BY id DESC LIMIT {}", max), {});
}

Result<WorkState> WorkItems::apply(WriteTransaction& transaction, WorkItemId id, WorkEvent event,
                                   const std::string& reason, Wall at) {
    CAPSTAN_TRY(const auto item, get(id));
    const auto state = next(item.state, event);
    if (!state)
        return fail(Recovery::change_request,
                    fmt::format("work item {} ({}): '{}' is not possible while it is {}", raw(id), name_of(item.kind),
                                name_of(event), name_of(item.state)),
                    item.state == WorkState::in_process ? "It is being carried out; cancel what comes after it." : "");
    if (is_finished(item.state)) return item.state;
    const bool cut_off = event == WorkEvent::interrupted && item.state == WorkState::in_process;
    CAPSTAN_CHECK(transaction.database().change_one(
        "UPDATE work_items SET state = $1, reason = $2, finished = $3, interruptions = $4 WHERE id = $5",
        sql::values(*state, reason, is_finished(*state) ? std::optional(at) : std::nullopt,
                    item.interruptions + (cut_off ? 1 : 0), raw(id)),
        fmt::format("work item {}", raw(id))));
    return *state;
}

Result<void> WorkItems::assign(WriteTransaction& transaction, WorkItemId id, CartridgeId cartridge,
                               const LibraryName& library, const DriveName& drive) {
    return transaction.database().change_one(
        "UPDATE work_items SET cartridge = $1, library = $2, drive = $3 WHERE id = $4",
        sql::values(sql::reference(cartridge), library, drive, raw(id)), fmt::format("work item {}", raw(id)));
}

Result<JournalId> Journal::intend(const JournalEntry& entry) {
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store_));
    CAPSTAN_TRY(const auto id, intend(transaction, entry));
    CAPSTAN_CHECK(transaction.commit());
    return id;
}

Result<JournalId> Journal::intend(WriteTransaction& transaction, const JournalEntry& entry) {
    CAPSTAN_TRY(
        const auto id,
        transaction.database().insert(
            "INSERT INTO journal (act, state, work_item, cartridge, library, source_kind, source_id, destination_kind,"
            " destination_id, detail, at, ended) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            " RETURNING id",
            sql::values(entry.act, JournalState::intended, sql::reference(entry.work_item),
                        sql::reference(entry.cartridge), entry.library, entry.source.kind, entry.source.id,
                        entry.destination.kind, entry.destination.id, entry.detail, entry.at, sql::Value())));
    return JournalId{id};
}

Result<void> Journal::end(WriteTransaction& transaction, JournalId id, JournalState state, const std::string& detail,
                          Wall at) {
    if (state == JournalState::intended)
        return fail(Recovery::give_up, fmt::format("journal entry {} cannot end as intended", raw(id)));
    return transaction.database().change_one(
        "UPDATE journal SET state = $1, detail = TRIM(detail || ' ' || $2), ended = $3 WHERE id = $4 AND state = 'intended'",
        sql::values(state, detail, at, raw(id)), fmt::format("open journal entry {}", raw(id)));
}

Result<std::vector<JournalEntry>> Journal::open() {
    return query_journal(store_, "WHERE state = $1 ORDER BY id", sql::values(JournalState::intended));
}

Result<std::vector<JournalEntry>> Journal::open_of(const LibraryName& library) {
    return query_journal(store_, "WHERE state = $1 AND library = $2 ORDER BY id",
                         sql::values(JournalState::intended, library));
}

Result<std::vector<JournalEntry>> Journal::of(CartridgeId cartridge, std::uint32_t newest_max) {
    return query_journal(store_, fmt::format("WHERE cartridge = $1 ORDER BY id DESC LIMIT {}", newest_max),
                         sql::values(raw(cartridge)));
}

Result<RequestId> OperatorRequests::add(WriteTransaction& transaction, const OperatorRequest& request) {
    CAPSTAN_TRY(
        const auto id,
        transaction.database().insert(
            "INSERT INTO operator_requests (kind, state, work_item, cartridge, pool, library, text, answer, created,"
            " deadline, ended) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
            sql::values(request.kind, request.state, sql::reference(request.work_item),
                        sql::reference(request.cartridge), sql::reference(request.pool), request.library, request.text,
                        request.answer, request.created, request.deadline, request.ended)));
    return RequestId{id};
}

Result<OperatorRequest> OperatorRequests::get(RequestId id) {
    CAPSTAN_TRY(auto requests, query_requests(store_, "WHERE id = $1", sql::values(raw(id))));
    if (requests.empty())
        return fail(Recovery::change_request, fmt::format("there is no operator request {}", raw(id)),
                    "List them with 'capstan request list'.");
    return std::move(requests.front());
}

Result<std::vector<OperatorRequest>> OperatorRequests::submitted() {
    return query_requests(store_, "WHERE state = $1 ORDER BY id", sql::values(RequestState::submitted));
}

Result<std::vector<OperatorRequest>> OperatorRequests::newest(std::uint32_t max) {
    return query_requests(store_, fmt::format("ORDER BY id DESC LIMIT {}", max), {});
}

Result<RequestState> OperatorRequests::apply(WriteTransaction& transaction, RequestId id, RequestEvent event,
                                             const std::string& answer, Wall at) {
    CAPSTAN_TRY(const auto request, get(id));
    const auto state = next(request.state, event);
    if (!state)
        return fail(Recovery::change_request, fmt::format("operator request {}: '{}' is not possible, it is {} already",
                                                          raw(id), name_of(event), name_of(request.state)));
    if (*state == request.state) return *state;
    CAPSTAN_CHECK(transaction.database().change_one(
        "UPDATE operator_requests SET state = $1, answer = $2, ended = $3 WHERE id = $4",
        sql::values(*state, answer, at, raw(id)), fmt::format("operator request {}", raw(id))));
    return *state;
}

}  // namespace capstan::pools
