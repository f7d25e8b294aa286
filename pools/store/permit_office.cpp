// Collects what the database says, asks the rule, writes down the answer, makes the permit.
#include "pools/label_check.hpp"
#include "pools/permits.hpp"
#include "pools/store/cartridges.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/set_rows.hpp"
#include "pools/store/sql.hpp"

#include <algorithm>

namespace capstan::pools {
namespace {

Result<PermitFacts> collect(StateStore& store, const PermitRequest& request, Wall now) {
    PermitFacts facts;
    Cartridges cartridges(store);
    Sets sets(store);
    Meta meta(store);
    CAPSTAN_TRY(facts.cartridge, cartridges.get(request.cartridge));
    facts.our_domain = store.domain();
    facts.now = now;
    CAPSTAN_TRY(auto summary, sets.summary_of(request.cartridge));
    facts.last_recorded = std::move(summary.last_closed);
    facts.newest_keep_until = summary.newest_keep_until;
    facts.set_running = summary.set_running;
    if (request.medium.unfinished) {
        CAPSTAN_TRY(const auto known, sets.by_uuid(request.medium.unfinished->uuid));
        facts.unfinished_known = known && known->number == request.medium.unfinished->number;
    }
    if (request.medium.label) {
        CAPSTAN_TRY(const auto same, cartridges.by_media_id(request.medium.label->media_id));
        facts.medium_id_elsewhere = same && same->id != request.cartridge;
    }
    if (request.purpose == WritePurpose::label_blank) {
        CAPSTAN_TRY(const auto labels, unfinished_labels(store, facts.cartridge));
        facts.label_cut_off = !labels.empty();
    }
    CAPSTAN_TRY(facts.next_set, meta.next_set());
    CAPSTAN_TRY(facts.next_family, meta.next_family());
    CAPSTAN_TRY(facts.overwrite_stop, meta.overwrite_stop());
    return facts;
}

Result<void> stop_overwriting(StateStore& store, WriteTransaction& transaction, const PermitRequest& request,
                              const std::string& why, const AuditNote& note) {
    Meta meta(store);
    SetNumber newest{0};
    for (const auto& set : {request.medium.last_closed, request.medium.unfinished})
        if (set) newest = std::max(newest, set->number);
    const auto family = request.medium.label ? request.medium.label->family : MediaFamilyId{0};
    CAPSTAN_CHECK(meta.numbers_seen(transaction, newest, family));
    return meta.stop_overwriting(transaction, why, note);
}

}  // namespace

Result<void> PermitOffice::check_end(CartridgeId cartridge, const OnMedium& medium) {
    PermitRequest request;
    request.cartridge = cartridge;
    request.medium = medium;
    CAPSTAN_TRY(const auto facts, collect(store_, request, time_.wall()));
    auto refusal = judge_end(request, facts);
    if (refusal) return std::unexpected(std::move(refusal->error));
    return {};
}

Result<WritePermit> PermitOffice::grant(const PermitRequest& request) {
    CAPSTAN_TRY(auto clock_stop, clock_.why_stopped());
    const auto now = time_.wall();
    CAPSTAN_TRY(auto facts, collect(store_, request, now));
    facts.clock_stop = std::move(clock_stop);
    auto judgement = judge(request, facts);

    const AuditNote note{request.word ? request.word->who : "daemon",
                         fmt::format("{} in drive {}{}", name_of(request.purpose), request.drive.text,
                                     request.word ? ": " + request.word->why : ""),
                         now};
    CAPSTAN_TRY(auto transaction, WriteTransaction::begin(store_));
    if (!judgement && !judgement.error().database_is_old.empty())
        CAPSTAN_CHECK(stop_overwriting(store_, transaction, request, judgement.error().database_is_old, note));
    const auto answer =
        judgement ? fmt::format("granted from block {}, family {}, generation {}", raw(judgement->first_block),
                                raw(judgement->family), raw(judgement->generation))
                  : to_text(judgement.error().error);
    CAPSTAN_CHECK(Audit(store_).add(
        transaction, {0, note, request.cartridge, "permit", std::string(name_of(request.medium.kind)), answer}));
    CAPSTAN_CHECK(transaction.commit());
    if (!judgement) return std::unexpected(std::move(judgement.error().error));
    return WritePermit(std::move(*judgement));
}

}  // namespace capstan::pools
