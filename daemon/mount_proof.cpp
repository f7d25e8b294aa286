// What a medium holds beyond its recorded end (rule 3), and whether a suspect one can be trusted again.
#include "config/base/log.hpp"
#include "daemon/mount_service.hpp"

#include <fmt/format.h>

namespace capstan::daemon {
namespace {

constexpr BlockNumber kBehindLabel{2};  // TAPE, filemark

std::unexpected<Error> unfit(const pools::Cartridge& cartridge, std::string_view fact) {
    return fail(Recovery::replace_medium, fmt::format("{}: {}", to_text(cartridge), fact),
                "It is closed for writing; verify the sets on it.");
}

}  // namespace

Task<Result<pools::Cartridge>> MountService::ready_to_append(Lease lease, pools::Cartridge cartridge,
                                                             pools::OnMedium facts) {
    auto id = cartridge.id;
    auto proven = co_await prove_end(lease, std::move(cartridge), std::move(facts));
    if (proven || proven.error().recovery != Recovery::replace_medium) co_return proven;
    // Nothing will be appended to it any more; what is on it stays readable.
    pools::Cartridges cartridges(context_.store);
    CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    auto closed = cartridges.apply(transaction, id, pools::SideEvent::close,
                                   note("closed for writing: " + proven.error().happened));
    if (!closed) co_return std::unexpected(closed.error());
    CAPSTAN_CO_CHECK(transaction.commit());
    co_return proven;
}

Task<Result<pools::Cartridge>> MountService::prove_end(Lease lease, pools::Cartridge cartridge, pools::OnMedium facts) {
    pools::Cartridges cartridges(context_.store);
    auto& drive = *lease.drive->owner;
    for (;;) {
        const auto recorded = cartridge.side.recorded_end;
        if (facts.end != pools::EndSearch::found) co_return unfit(cartridge, "its end of data cannot be found");
        if (facts.end_of_data == recorded) co_return cartridge;
        if (facts.end_of_data < recorded)
            co_return unfit(cartridge,
                            fmt::format("it holds less than is recorded: data end at block {}, recorded is {}",
                                        raw(facts.end_of_data), raw(recorded)));
        CAPSTAN_CO_TRY(auto span, co_await read_span(drive, recorded));
        if (!span) co_return unfit(cartridge, fmt::format("nothing can be read behind block {}", raw(recorded)));
        CAPSTAN_CO_CHECK(co_await settle_span(lease, cartridge, facts, std::move(*span)));
        CAPSTAN_CO_TRY(cartridge, cartridges.get(cartridge.id));
        if (cartridge.side.recorded_end <= recorded && facts.end_of_data > recorded) {
            auto before = facts.end_of_data;
            CAPSTAN_CO_CHECK(co_await read_end(drive, recorded, facts));
            if (facts.end == pools::EndSearch::found && facts.end_of_data <= before)  // nothing came of it
                co_return unfit(cartridge, fmt::format("what lies behind block {} cannot be settled", raw(recorded)));
            continue;
        }
        CAPSTAN_CO_CHECK(co_await read_end(drive, cartridge.side.recorded_end, facts));
    }
}

Task<Result<void>> MountService::settle_span(Lease lease, pools::Cartridge cartridge, pools::OnMedium facts,
                                             SetSpan span) {
    if (span.end == SetSpan::End::cut)
        co_return co_await settle_cut_span(lease, std::move(cartridge), std::move(facts), std::move(span));
    if (span.end == SetSpan::End::goes_on) {
        CAPSTAN_CO_TRY(auto found, found_going_on(cartridge, span));
        CAPSTAN_CO_CHECK(pools::take_in_found(context_.store, found, note("found beyond the recorded end")));
        co_return unfit(cartridge, fmt::format("set {}, the last one on it, went on on another cartridge: it is full",
                                               raw(found.set.number)));
    }
    lease.drive->activity = "taking sets in";
    CAPSTAN_CO_TRY(auto taken, co_await take_in(*lease.drive->owner, cartridge, std::move(span)));
    CAPSTAN_CO_CHECK(pools::take_in_found(context_.store, taken.found, note("found beyond the recorded end")));
    log::info("set-taken-in", {{"volume_tag", cartridge.volume_tag.text},
                               {"set", std::to_string(raw(taken.found.set.number))},
                               {"state", std::string(pools::name_of(taken.found.set.state))},
                               {"end", std::to_string(raw(taken.found.recorded_end))}});
    if (!taken.damage.empty())
        co_return unfit(cartridge,
                        fmt::format("set {} was taken in, but {}", raw(taken.found.set.number), taken.damage));
    co_return Result<void>{};
}

Result<pools::FoundSet> MountService::found_going_on(const pools::Cartridge& cartridge, const SetSpan& span) {
    BlockNumber first{};
    pools::FoundSet found;
    CAPSTAN_TRY(found.set, set_of_span(cartridge, span, first));
    if (found.set.state != pools::SetState::complete) found.set.state = pools::SetState::aborted;
    found.set.ended = found.set.ended.value_or(context_.clock.wall());
    found.extent = extent_of(cartridge, span, found.set.number);
    found.recorded_end = span.behind;
    found.end_here = false;
    found.why = "it goes on on the next cartridge";
    return found;
}

// Whose data these are, by what the database knows of it; `first`: where the set begins on this medium.
Result<pools::Set> MountService::set_of_span(const pools::Cartridge& cartridge, const SetSpan& span,
                                             BlockNumber& first) {
    pools::Sets sets(context_.store);
    first = span.first;
    if (span.begin) {
        CAPSTAN_TRY(auto known, sets.by_uuid(span.begin->set));
        if (known) return std::move(*known);
        pools::Set set;  // the database is older than the medium
        set.number = span.begin->number;
        set.uuid = span.begin->set;
        set.name = span.block->name;
        set.type = set_type_name(span.begin->type);
        set.pool = cartridge.pool;
        set.family = cartridge.side.family;
        set.mtf_number = span.block->number;
        set.started =
            Wall{std::chrono::duration_cast<Wall::duration>(std::chrono::nanoseconds{span.begin->started_ns})};
        set.keep_until = wall_of(span.begin->keep_until);
        set.part = span.begin->part;
        return set;
    }
    if (span.continuation()) {
        CAPSTAN_TRY(auto rows, sets.by_mtf_number(cartridge.side.family, span.block->number));
        if (!rows.empty()) return std::move(rows.front());
    } else if (!span.block) {
        // The recorded end lies inside a set that a crash cut off: its own extent says whose data follow.
        CAPSTAN_TRY(auto here, sets.on_cartridge(cartridge.id));
        for (auto& set : here) {
            if (set.state == pools::SetState::complete) continue;
            CAPSTAN_TRY(auto extents, sets.extents(set.number));
            for (const auto& extent : extents) {
                if (extent.cartridge != cartridge.id || extent.end_block != cartridge.side.recorded_end) continue;
                first = extent.first_fla == 0 ? extent.first_block : BlockNumber{raw(extent.first_block) - 1};
                return std::move(set);
            }
        }
    }
    return fail(
        Recovery::replace_medium,
        fmt::format(
            "{}: behind block {} lies the beginning of a set that is not Capstan's, or of one that is not known",
            to_text(cartridge), raw(cartridge.side.recorded_end)),
        "Nothing is appended to it; read it with 'capstan mtf'.");
}

Task<Result<void>> MountService::settle_cut_span(Lease lease, pools::Cartridge cartridge, pools::OnMedium facts,
                                                 SetSpan span) {
    if (cartridge.side.state != pools::SideState::allocated)
        co_return unfit(cartridge, "an unfinished set lies behind its recorded end, and it takes no more sets");
    BlockNumber first{};
    CAPSTAN_CO_TRY(auto set, set_of_span(cartridge, span, first));
    CAPSTAN_CO_TRY(auto known, pools::Sets(context_.store).by_uuid(set.uuid));
    if (!known) {  // the permit is for a set of this database
        pools::FoundSet begun;
        begun.set = set;
        begun.set.state = pools::SetState::aborted;
        begun.set.ended = context_.clock.wall();
        begun.extent = extent_of(cartridge, span, set.number);
        begun.extent.end_block = begun.extent.first_block;
        begun.recorded_end = cartridge.side.recorded_end;
        begun.end_here = false;
        begun.why = "a crash cut it off";
        CAPSTAN_CO_CHECK(pools::take_in_found(context_.store, begun, note("found beyond the recorded end")));
    }
    facts.unfinished = pools::SetOnMedium{set.number, set.uuid, set.keep_until};
    facts.last_closed.reset();
    if (first > kBehindLabel) {
        CAPSTAN_CO_TRY(facts.last_closed, co_await set_that_ends_before(*lease.drive->owner, first));
    }
    auto extent = extent_of(cartridge, span, set.number);
    CutSet cut{std::move(set), extent, span.filemark_written, span.end_written};
    co_return co_await close_unfinished(context_, *lease.library, *lease.drive, cartridge, facts, std::move(cut));
}

Result<void> MountService::well_again(const pools::Cartridge& cartridge) {
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    CAPSTAN_CHECK(pools::Cartridges(context_.store)
                      .set_suspect(transaction, cartridge.id, false,
                                   note("its label and its end of data were read again and agree")));
    return transaction.commit();
}

Task<Result<void>> MountService::prove_suspect(Lease lease, const Library::Loaded& loaded) {
    const auto& cartridge = loaded.identified.cartridge;
    const auto state = cartridge.side.state;
    if (loaded.identified.verdict.kind != pools::LabelVerdictKind::matches)
        co_return Result<void>{};  // the verdict says what is wrong
    if (state != pools::SideState::allocated && state != pools::SideState::complete &&
        state != pools::SideState::available)
        co_return Result<void>{};
    auto facts = loaded.label.facts;
    lease.drive->activity = "proving its end";
    CAPSTAN_CO_CHECK(co_await read_end(*lease.drive->owner, cartridge.side.recorded_end, facts));
    Result<pools::Cartridge> proven = cartridge;
    if (state == pools::SideState::allocated) {
        proven = co_await ready_to_append(lease, cartridge, facts);
    } else {
        proven = co_await prove_end(lease, cartridge, facts);
    }
    if (proven) {
        CAPSTAN_CO_CHECK(co_await read_end(*lease.drive->owner, proven->side.recorded_end, facts));
        auto agrees = context_.permits.check_end(cartridge.id, facts);
        if (agrees) co_return well_again(cartridge);
        proven = std::unexpected(agrees.error());
    }
    pools::AuditRow row{0, note(proven.error().happened), cartridge.id, "suspect", "yes", "yes"};
    CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(context_.store));
    CAPSTAN_CO_CHECK(pools::Audit(context_.store).add(transaction, row));
    CAPSTAN_CO_CHECK(transaction.commit());
    co_return std::unexpected(proven.error());
}

}  // namespace capstan::daemon
