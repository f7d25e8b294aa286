// Acts on what the label said: the records follow the media.
#include "pools/label_check.hpp"
#include "pools/store/cartridges.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/pool_rows.hpp"
#include "pools/store/work_rows.hpp"

#include <fmt/format.h>

#include <sstream>

namespace capstan::pools {
namespace {

using Kind = LabelVerdictKind;

class Identification {
  public:
    Identification(WriteTransaction& transaction, const OnMedium& medium, const AuditNote& note)
        : transaction_(transaction), cartridges_(transaction.store()), medium_(medium), note_(note) {}

    // Returns whose record the medium in the drive is now.
    Result<CartridgeId> act(const Cartridge& expected, const LabelVerdict& verdict) {
        const bool labelled = raw(expected.side.generation) != 0;
        switch (verdict.kind) {
            case Kind::matches:
                CAPSTAN_CHECK(cartridges_.set_must_identify(transaction_, expected.id, false, note_));
                if (!expected.side.description.empty())
                    CAPSTAN_CHECK(cartridges_.set_description(transaction_, expected.id, "", note_));
                return expected.id;
            case Kind::label_cut_off:
                CAPSTAN_CHECK(cartridges_.set_description(transaction_, expected.id, "blank", note_));
                CAPSTAN_CHECK(cartridges_.set_suspect(transaction_, expected.id, false, note_));
                CAPSTAN_CHECK(cartridges_.set_must_identify(transaction_, expected.id, false, note_));
                return expected.id;
            case Kind::swapped: return exchange(expected, *verdict.really);
            case Kind::unknown_ours:
            case Kind::other_domain: {
                if (verdict.kind == Kind::unknown_ours) CAPSTAN_CHECK(stop(verdict.text));
                CAPSTAN_TRY(const auto id, labelled ? make_room(expected) : Result<CartridgeId>(expected.id));
                CAPSTAN_CHECK(imported(id));
                return id;
            }
            case Kind::newer_than_database:
                CAPSTAN_CHECK(stop(verdict.text));
                CAPSTAN_CHECK(doubt(expected.id));
                return expected.id;
            case Kind::older_than_database:
            case Kind::blank_but_labelled: CAPSTAN_CHECK(doubt(expected.id)); return expected.id;
            case Kind::foreign:
            case Kind::blank:
            case Kind::unreadable: break;
        }
        CAPSTAN_CHECK(cartridges_.set_description(transaction_, expected.id,
                                                  verdict.kind == Kind::blank ? "blank" : medium_.description, note_));
        if (labelled) CAPSTAN_CHECK(doubt(expected.id));
        if (!labelled) CAPSTAN_CHECK(unrecognized(expected));
        return expected.id;
    }

  private:
    Result<void> stop(const std::string& why) {
        Meta meta(transaction_.store());
        const auto newest = medium_.last_closed ? medium_.last_closed->number : SetNumber{0};
        CAPSTAN_CHECK(meta.numbers_seen(transaction_, newest, medium_.label->family));
        return meta.stop_overwriting(transaction_, why, note_);
    }

    Result<void> doubt(CartridgeId id) {
        CAPSTAN_CHECK(cartridges_.set_suspect(transaction_, id, true, note_));
        return cartridges_.set_must_identify(transaction_, id, true, note_);
    }

    Result<void> unrecognized(const Cartridge& row) {
        CAPSTAN_TRY(const auto state, cartridges_.apply(transaction_, row.id, SideEvent::seen_unrecognized, note_));
        CAPSTAN_CHECK(cartridges_.set_must_identify(transaction_, row.id, false, note_));
        if (state != SideState::unrecognized) return {};
        return cartridges_.set_pool(transaction_, row.id, kUnrecognizedPool, note_);
    }

    Result<void> imported(CartridgeId id) {
        CAPSTAN_TRY(const auto state, cartridges_.apply(transaction_, id, SideEvent::seen_import, note_));
        CAPSTAN_CHECK(cartridges_.label_seen(transaction_, id, *medium_.label, note_));
        CAPSTAN_CHECK(cartridges_.set_must_identify(transaction_, id, false, note_));
        if (state != SideState::import) return {};
        return cartridges_.set_pool(transaction_, id, kImportPool, note_);
    }

    // The medium in this place is none that we know; the one that was expected is somewhere else and not forgotten.
    Result<CartridgeId> make_room(const Cartridge& expected) {
        CAPSTAN_CHECK(cartridges_.set_place(transaction_, expected.id, LibraryName{}, Place{}, note_));
        CAPSTAN_CHECK(cartridges_.set_must_identify(transaction_, expected.id, true, note_));
        CAPSTAN_CHECK(cartridges_.set_duplicate_tag(transaction_, expected.id, !expected.volume_tag.empty(), note_));
        Cartridge fresh;
        fresh.volume_tag = expected.volume_tag;
        fresh.library = expected.library;
        fresh.place = expected.place;
        fresh.pool = kUnrecognizedPool;
        fresh.duplicate_tag = !expected.volume_tag.empty();
        fresh.created = note_.at;
        return cartridges_.add(transaction_, fresh, note_);
    }

    // The expected one and the real one change places and volume tags; the expected one has to be identified.
    Result<CartridgeId> exchange(const Cartridge& expected, CartridgeId real_id) {
        CAPSTAN_TRY(const auto real, cartridges_.get(real_id));
        CAPSTAN_CHECK(cartridges_.set_place(transaction_, expected.id, LibraryName{}, Place{}, note_));
        CAPSTAN_CHECK(cartridges_.set_place(transaction_, real.id, expected.library, expected.place, note_));
        CAPSTAN_CHECK(cartridges_.set_place(transaction_, expected.id, real.library, real.place, note_));
        CAPSTAN_CHECK(cartridges_.set_volume_tag(transaction_, expected.id, real.volume_tag, note_));
        CAPSTAN_CHECK(cartridges_.set_volume_tag(transaction_, real.id, expected.volume_tag, note_));
        CAPSTAN_CHECK(cartridges_.set_duplicate_tag(transaction_, expected.id, real.duplicate_tag, note_));
        CAPSTAN_CHECK(cartridges_.set_duplicate_tag(transaction_, real.id, expected.duplicate_tag, note_));
        CAPSTAN_CHECK(cartridges_.set_must_identify(transaction_, expected.id, true, note_));
        CAPSTAN_CHECK(cartridges_.set_must_identify(transaction_, real.id, false, note_));
        // A record that was only made because a new volume tag turned up has served its purpose.
        const bool only_a_tag = raw(expected.side.generation) == 0 && expected.hold.empty() && expected.mounts == 0 &&
                                expected.side.media_id.empty();
        if (only_a_tag && real.place.kind == PlaceKind::offline)
            CAPSTAN_CHECK(cartridges_.remove_unused(transaction_, expected.id, note_));
        return real.id;
    }

    WriteTransaction& transaction_;
    Cartridges cartridges_;
    const OnMedium& medium_;
    const AuditNote& note_;
};

// The label that was being written when its answer was lost or the power failed, if this is it.
Result<std::optional<LabelIntent>> intended(StateStore& store, const Cartridge& row, const LabelOnMedium& label) {
    CAPSTAN_TRY(const auto intents, unfinished_labels(store, row));
    for (const auto& intent : intents)
        if (intent.media_id == label.media_id && intent.generation == label.generation && intent.family == label.family &&
            intent.sequence == label.sequence)
            return intent;
    return std::nullopt;
}

// A label that was cut off left nothing on the medium.
LabelVerdict blank_since(const Cartridge& row) {
    const auto text = fmt::format("{} is blank: the new label on it was cut off", to_text(row));
    if (row.side.state == SideState::available || row.side.state == SideState::unprepared)
        return {Kind::label_cut_off, {}, text, {}};
    return {Kind::blank_but_labelled,
            {},
            text,
            fmt::format("Say once more that its data are not needed with 'capstan media erase {} --overwrite'.", row.volume_tag.text)};
}

}  // namespace

std::string to_text(const LabelIntent& intent) {
    return fmt::format("media {} family {} sequence {} generation {} block {} pool {}", intent.media_id.text,
                       raw(intent.family), intent.sequence, raw(intent.generation), intent.block_size,
                       raw(intent.pool));
}

std::optional<LabelIntent> label_intent(const std::string& journal_detail) {
    std::istringstream in(journal_detail);
    std::string media, family, sequence, generation, block, pool;
    LabelIntent intent;
    std::uint32_t family_number = 0, generation_number = 0;
    std::int64_t pool_number = 0;
    in >> media >> intent.media_id.text >> family >> family_number >> sequence >> intent.sequence >> generation >>
        generation_number >> block >> intent.block_size >> pool >> pool_number;
    if (!in || media != "media" || family != "family" || sequence != "sequence" || generation != "generation" ||
        block != "block" || pool != "pool")
        return std::nullopt;
    intent.family = MediaFamilyId{family_number};
    intent.generation = WriteGeneration{generation_number};
    intent.pool = PoolId{pool_number};
    return intent;
}

Result<std::vector<LabelIntent>> unfinished_labels(StateStore& store, const Cartridge& cartridge) {
    CAPSTAN_TRY(const auto journal, Journal(store).of(cartridge.id));
    std::vector<LabelIntent> intents;
    for (const auto& entry : journal) {
        if (entry.act != JournalAct::label || entry.state == JournalState::done) continue;
        auto intent = label_intent(entry.detail);
        if (intent && raw(intent->generation) > raw(cartridge.side.generation)) intents.push_back(std::move(*intent));
    }
    return intents;
}

Result<void> label_written(WriteTransaction& transaction, CartridgeId cartridge, const LabelWritten& label, PoolId pool,
                           const AuditNote& note) {
    Cartridges cartridges(transaction.store());
    CAPSTAN_CHECK(cartridges.labelled(transaction, cartridge, label, note));
    CAPSTAN_CHECK(cartridges.set_pool(transaction, cartridge, pool, note));
    if (raw(label.family) == 0) return {};
    CAPSTAN_CHECK(Families(transaction.store()).medium_added(transaction, label.family, label.sequence));
    auto allocated = cartridges.apply(transaction, cartridge, SideEvent::allocate, note);
    if (!allocated) return std::unexpected(allocated.error());
    return {};
}

Result<Identified> identify(StateStore& store, CartridgeId expected, const OnMedium& medium, const AuditNote& note) {
    Cartridges cartridges(store);
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store));
    CAPSTAN_TRY(const auto row, cartridges.get(expected));
    std::optional<Cartridge> same;
    if (medium.label) {
        CAPSTAN_TRY(same, cartridges.by_media_id(medium.label->media_id));
    }
    Identified identified;
    identified.verdict = compare_label(row, medium, same, store.domain());
    if (identified.verdict.kind == Kind::unknown_ours || identified.verdict.kind == Kind::newer_than_database) {
        CAPSTAN_TRY(const auto intent, intended(store, row, *medium.label));
        if (intent) {
            const auto& label = *medium.label;
            LabelWritten written{label.media_id,     label.family, label.sequence,         label.generation,
                                 intent->block_size, kBehindLabel, label.appendable_until, label.keep_until};
            CAPSTAN_CHECK(label_written(transaction, row.id, written, intent->pool, note));
            CAPSTAN_CHECK(cartridges.set_suspect(transaction, row.id, false, note));
            identified.verdict = {
                Kind::matches, {}, fmt::format("{} bears the label that was being written on it", to_text(row)), {}};
        }
    }
    if (identified.verdict.kind == Kind::blank_but_labelled) {
        CAPSTAN_TRY(const auto labels, unfinished_labels(store, row));
        if (!labels.empty()) identified.verdict = blank_since(row);
    }
    CAPSTAN_TRY(const auto id, Identification(transaction, medium, note).act(row, identified.verdict));
    CAPSTAN_CHECK(cartridges.set_write_protected(transaction, id, medium.write_protected, note));
    CAPSTAN_TRY(identified.cartridge, cartridges.get(id));
    CAPSTAN_CHECK(transaction.commit());
    return identified;
}

}  // namespace capstan::pools
