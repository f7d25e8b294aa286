// The small facts about a cartridge, and the audit of all of them.
#include "pools/store/cartridge_codec.hpp"
#include "pools/store/cartridges.hpp"

namespace capstan::pools {
namespace {

std::string yes_no(bool value) { return value ? "yes" : "no"; }

// The columns are named in this file and never come from outside.
Result<void> set_value(StateStore& store, WriteTransaction& transaction, CartridgeId id, std::string_view column,
                       const sql::Value& value, const std::string& before, const std::string& after,
                       const AuditNote& note) {
    if (before == after) return {};
    const auto statement = column == "description" ? "UPDATE sides SET description = $1 WHERE cartridge = $2"
                                                   : fmt::format("UPDATE cartridges SET {} = $1 WHERE id = $2", column);
    CAPSTAN_CHECK(transaction.database().change_one(statement, sql::values(value, raw(id)),
                                                    fmt::format("cartridge {}", raw(id))));
    return Audit(store).add(transaction, {0, note, id, std::string(column), before, after});
}

Result<void> set_flag(StateStore& store, WriteTransaction& transaction, CartridgeId id, std::string_view column,
                      bool Cartridge::*flag, bool value, const AuditNote& note) {
    CAPSTAN_TRY(const auto before, Cartridges(store).get(id));
    return set_value(store, transaction, id, column, sql::value_of(value), yes_no(before.*flag), yes_no(value), note);
}

}  // namespace

Result<void> Cartridges::set_suspect(WriteTransaction& transaction, CartridgeId id, bool suspect,
                                     const AuditNote& note) {
    return set_flag(store_, transaction, id, "suspect", &Cartridge::suspect, suspect, note);
}

Result<void> Cartridges::set_write_protected(WriteTransaction& transaction, CartridgeId id, bool protect,
                                             const AuditNote& note) {
    return set_flag(store_, transaction, id, "write_protected", &Cartridge::write_protected, protect, note);
}

Result<void> Cartridges::set_duplicate_tag(WriteTransaction& transaction, CartridgeId id, bool duplicate,
                                           const AuditNote& note) {
    return set_flag(store_, transaction, id, "duplicate_tag", &Cartridge::duplicate_tag, duplicate, note);
}

Result<void> Cartridges::set_must_identify(WriteTransaction& transaction, CartridgeId id, bool must,
                                           const AuditNote& note) {
    return set_flag(store_, transaction, id, "must_identify", &Cartridge::must_identify, must, note);
}

Result<void> Cartridges::set_volume_tag(WriteTransaction& transaction, CartridgeId id, const VolumeTag& tag,
                                        const AuditNote& note) {
    CAPSTAN_TRY(const auto before, get(id));
    return set_value(store_, transaction, id, "volume_tag", sql::value_of(tag), before.volume_tag.text, tag.text, note);
}

Result<void> Cartridges::set_density(WriteTransaction& transaction, CartridgeId id, std::uint8_t density, const AuditNote& note) {
    CAPSTAN_TRY(const auto before, get(id));
    if (density == 0 || before.density == density) return {};
    return set_value(store_, transaction, id, "density", sql::value_of(density), fmt::format("{:02X}h", before.density),
                     fmt::format("{:02X}h", density), note);
}

Result<void> Cartridges::set_hold(WriteTransaction& transaction, CartridgeId id, const std::string& why,
                                  const AuditNote& note) {
    CAPSTAN_TRY(const auto before, get(id));
    return set_value(store_, transaction, id, "hold", sql::value_of(why), before.hold, why, note);
}

Result<void> Cartridges::set_description(WriteTransaction& transaction, CartridgeId id, const std::string& text,
                                         const AuditNote& note) {
    CAPSTAN_TRY(const auto before, get(id));
    return set_value(store_, transaction, id, "description", sql::value_of(text), before.side.description, text, note);
}

Result<void> Cartridges::label_seen(WriteTransaction& transaction, CartridgeId id, const LabelOnMedium& label,
                                    const AuditNote& note) {
    CAPSTAN_TRY(const auto same, by_media_id(label.media_id));
    const auto media_id = same && same->id != id ? Uuid{} : label.media_id;
    CAPSTAN_CHECK(transaction.database().change_one(
        "UPDATE sides SET media_id = $1, domain_id = $2, family = $3, sequence = $4, generation = $5, appendable_until "
        "= $6,"
        " keep_until = $7 WHERE cartridge = $8",
        sql::values(media_id, label.domain_id, raw(label.family), label.sequence, raw(label.generation),
                    label.appendable_until, label.keep_until, raw(id)),
        fmt::format("cartridge {}", raw(id))));
    return Audit(store_).add(
        transaction, {0, note, id, "label seen", "",
                      fmt::format("media id {}, domain {}, family {} sequence {} generation {}", label.media_id.text,
                                  label.domain_id.text, raw(label.family), label.sequence, raw(label.generation))});
}

Result<void> Cartridges::count_mount(WriteTransaction& transaction, CartridgeId id, Wall at) {
    return transaction.database().change_one(
        "UPDATE cartridges SET mounts = mounts + 1, last_mounted = $1 WHERE id = $2", sql::values(at, raw(id)),
        fmt::format("cartridge {}", raw(id)));
}

Result<void> Cartridges::remove_unused(WriteTransaction& transaction, CartridgeId id, const AuditNote& note) {
    CAPSTAN_TRY(const auto before, get(id));
    CAPSTAN_TRY(const auto used,
                transaction.database().query_one("SELECT count(*) FROM set_extents WHERE cartridge = $1",
                                                 sql::values(raw(id)), "i"));
    if (raw(before.side.generation) != 0 || !before.hold.empty() || sql::Row(*used).integer() != 0)
        return fail(Recovery::give_up,
                    fmt::format("{} was labelled, is held or has sets; its record is not removed", to_text(before)));
    CAPSTAN_CHECK(transaction.database().execute("DELETE FROM sides WHERE cartridge = $1", sql::values(raw(id))));
    CAPSTAN_CHECK(transaction.database().execute("DELETE FROM cartridges WHERE id = $1", sql::values(raw(id))));
    return Audit(store_).add(transaction, {0, note, id, "removed", to_text(before), ""});
}

Result<void> Audit::add(WriteTransaction& transaction, const AuditRow& row) {
    CAPSTAN_CHECK(transaction.database().execute(
        "INSERT INTO audit (at, who, why, cartridge, what, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        sql::values(row.note.at, row.note.who, row.note.why, sql::reference(row.cartridge), row.what, row.before,
                    row.after)));
    return {};
}

Result<std::vector<AuditRow>> Audit::of(CartridgeId cartridge, std::uint32_t newest_max) {
    const auto statement = fmt::format(
        "SELECT id, at, who, why, cartridge, what, before, after FROM audit WHERE cartridge = $1 ORDER BY id DESC "
        "LIMIT {}",
        newest_max);
    CAPSTAN_TRY(auto rows, store_.database().query(statement, sql::values(raw(cartridge)), "iittittt"));
    std::vector<AuditRow> found;
    for (auto& row : rows) {
        AuditRow one;
        one.id = row.integer();
        one.note.at = row.time();
        one.note.who = row.text();
        one.note.why = row.text();
        one.cartridge = row.number<CartridgeId>();
        one.what = row.text();
        one.before = row.text();
        one.after = row.text();
        found.push_back(std::move(one));
    }
    return found;
}

}  // namespace capstan::pools
