// Labels that an operator asks for.
#include "daemon/mount_service.hpp"
#include "pools/store/work_rows.hpp"

#include <fmt/format.h>

namespace capstan::daemon {

// What the operator was told of is gone from the first block of the label on that he asked for: when that was cut off, his
// word is for what it left.
Result<void> MountService::word_goes_on(pools::OperatorWord& word, const pools::OnMedium& medium, WorkItemId item) {
    using Kind = pools::MediumKind;
    if (medium.kind != Kind::blank && medium.kind != Kind::unreadable) return {};
    CAPSTAN_TRY(auto entries, pools::Journal(context_.store).of(word.cartridge));
    for (const auto& entry : entries)
        if (entry.work_item == item && entry.act == pools::JournalAct::label) word.seen = medium.kind;
    return {};
}

// A crash may have come between a label and the end of its work item: it is on the medium, which was read, and so in the
// database.
Result<bool> MountService::has_labelled(const pools::Cartridge& cartridge, WorkItemId item) {
    CAPSTAN_TRY(auto entries, pools::Journal(context_.store).of(cartridge.id));
    for (const auto& entry : entries) {
        if (entry.work_item != item || entry.act != pools::JournalAct::label) continue;
        auto intent = pools::label_intent(entry.detail);
        if (intent && intent->media_id == cartridge.side.media_id && intent->generation == cartridge.side.generation) return true;
    }
    return false;
}

Task<Result<void>> MountService::label(CartridgeId id, pools::Pool pool, std::optional<pools::OperatorWord> word, WorkItemId item) {
    const Purpose purpose{{}, "labelling", true, pool.policy.block_size};
    CAPSTAN_CO_TRY(auto in_drive, co_await reserve_and_load(id, purpose, item));
    auto work = [](MountService& self, Reserved held, Result<Library::Loaded> read_there, pools::Pool into,
                   std::optional<pools::OperatorWord> by, WorkItemId work_item) -> Task<Result<void>> {
        CAPSTAN_CO_TRY(auto loaded, std::move(read_there));
        auto lease = self.leases_.at(held.lease);
        auto cartridge = loaded.identified.cartridge;
        if (cartridge.id != lease.cartridge)
            co_return fail(Recovery::refresh_inventory, loaded.identified.verdict.text, loaded.identified.verdict.advice);
        if (by) CAPSTAN_CO_CHECK(self.word_goes_on(*by, loaded.label.facts, work_item));
        using Kind = pools::LabelVerdictKind;
        const auto kind = loaded.identified.verdict.kind;
        if (!by && kind != Kind::blank && kind != Kind::label_cut_off && kind != Kind::matches)
            co_return fail(Recovery::ask_operator, loaded.identified.verdict.text, loaded.identified.verdict.advice);
        if (loaded.write_protected)
            co_return fail(Recovery::ask_operator, fmt::format("{} is write protected", to_text(cartridge)), "Slide its tab.");
        CAPSTAN_CO_TRY(bool labelled, self.has_labelled(cartridge, work_item));
        if (labelled) co_return Result<void>{};
        LabelPlan plan;
        plan.pool = std::move(into);
        plan.word = std::move(by);
        auto written = co_await write_label(self.context_, *lease.library, *lease.drive, cartridge, std::move(loaded.label),
                                            std::move(plan), work_item);
        if (!written) co_return std::unexpected(written.error());
        co_return Result<void>{};
    };
    Result<void> outcome = co_await work(*this, in_drive.reserved, std::move(in_drive.loaded), std::move(pool), std::move(word), item);
    release(in_drive.reserved.lease, After::keep);
    co_return outcome;
}

}  // namespace capstan::daemon
