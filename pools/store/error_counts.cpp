#include "pools/store/error_counts.hpp"

#include "pools/store/sql.hpp"

namespace capstan::pools {
namespace {

// Another drive under the same name is another drive.
std::string key_of(const DriveName& drive, const std::string& serial) { return serial.empty() ? "name " + drive.text : "serial " + serial; }

Result<std::vector<ErrorCount>> query(sql::Database& database, std::string_view condition, const sql::Values& parameters) {
    CAPSTAN_TRY(auto rows, database.query(fmt::format("SELECT cartridge, drive, drive_serial, recovered, hard, last FROM error_counts"
                                                      " WHERE {} ORDER BY last DESC, drive_key",
                                                      condition),
                                          parameters, "ittiii"));
    std::vector<ErrorCount> counts;
    for (auto& row : rows) {
        ErrorCount count;
        count.cartridge = row.number<CartridgeId>();
        count.drive = row.name<DriveName>();
        count.drive_serial = row.text();
        count.recovered = row.number<std::uint64_t>();
        count.hard = row.number<std::uint64_t>();
        count.last = row.time();
        CAPSTAN_CHECK(row.check("error_counts"));
        counts.push_back(std::move(count));
    }
    return counts;
}

}  // namespace

Result<void> ErrorCounts::add(WriteTransaction& transaction, const ErrorCount& count) {
    CAPSTAN_CHECK(transaction.database().execute(
        "INSERT INTO error_counts (cartridge, drive_key, drive, drive_serial, recovered, hard, last) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (cartridge, drive_key) DO UPDATE SET drive = excluded.drive, recovered = error_counts.recovered + excluded.recovered,"
        " hard = error_counts.hard + excluded.hard, last = excluded.last",
        sql::values(raw(count.cartridge), key_of(count.drive, count.drive_serial), count.drive, count.drive_serial, count.recovered, count.hard,
                    count.last)));
    return {};
}

Result<std::vector<ErrorCount>> ErrorCounts::of(CartridgeId cartridge) {
    return query(store_.database(), "cartridge = $1", sql::values(raw(cartridge)));
}

Result<ErrorCounts::Total> ErrorCounts::in_drive(const DriveName& drive, const std::string& serial) {
    CAPSTAN_TRY(auto row, store_.database().query_one("SELECT COALESCE(SUM(recovered), 0), COALESCE(SUM(hard), 0), COUNT(*) FROM error_counts"
                                                      " WHERE drive_key = $1",
                                                      sql::values(key_of(drive, serial)), "iii"));
    Total total;
    if (!row) return total;
    total.recovered = row->number<std::uint64_t>();
    total.hard = row->number<std::uint64_t>();
    total.cartridges = row->number<std::uint32_t>();
    CAPSTAN_CHECK(row->check("error_counts"));
    return total;
}

}  // namespace capstan::pools
