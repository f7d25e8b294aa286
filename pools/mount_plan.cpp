#include "pools/mount_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace capstan::pools {
namespace {

using Kind = MountPlan::Kind;

struct Ranked {
    const DriveView* drive;
    Kind kind;
};

// `comes_back`: why a drive that would do cannot be used for a while; empty: there is none.
// `misfits`: "drive D1 (LTO-8) does not write LTO-6 cartridges; …", of those that never will.
void conclude(MountPlan& plan, const std::optional<Ranked>& best, const MountRequest& request, bool any_usable, bool any_fit,
              const std::string& misfits, const std::string& comes_back) {
    if (best) {
        plan.kind = best->kind;
        plan.drive = best->drive->name;
        if (best->kind == Kind::evict) plan.evicted = best->drive->cartridge;
        for (auto& verdict : plan.verdicts) verdict.chosen = verdict.drive == plan.drive;
        return;
    }
    if (!any_usable && !comes_back.empty()) {
        plan.kind = Kind::wait;
        plan.reason = fmt::format("{} waits: no drive can be used: {}", request.cartridge_name, comes_back);
        return;
    }
    plan.kind = any_usable ? Kind::wait : Kind::impossible;
    plan.unfit = !any_fit && !misfits.empty();
    if (plan.unfit) {
        plan.reason = request.medium.cleaning ? fmt::format("{} is a cleaning cartridge; no data go to it", request.cartridge_name)
                                              : fmt::format("{} cannot be mounted: {}", request.cartridge_name, misfits);
        return;
    }
    plan.reason = any_usable ? fmt::format("{} waits: every drive that could take it is busy", request.cartridge_name)
                  : request.only_drive ? fmt::format("{} cannot be mounted: drive {} cannot be used",
                                                     request.cartridge_name, request.only_drive->text)
                                       : fmt::format("{} cannot be mounted: library {} has no drive that can be used",
                                                     request.cartridge_name, request.library.text);
}

// Why this drive does not take it, now or later; empty: nothing is known against it. And whether only for the size of its blocks.
std::pair<std::string, bool> misfit_of(const DriveView& drive, const MountRequest& request) {
    auto why = why_unfit(drive.abilities, request.medium, request.for_writing);
    if (!why.empty()) return {std::move(why), false};
    return {why_too_large(drive.abilities, request.block_size), true};
}

// In another drive than was asked for it must come out of there first. A drive that cannot be used does not give it up: nobody knows what
// it does with the tape. True: the plan is made.
bool held_elsewhere(MountPlan& plan, const std::vector<DriveView>& drives, const MountRequest& request, bool any_usable) {
    const auto at = std::ranges::find_if(drives, [&](const DriveView& d) { return d.cartridge == request.cartridge; });
    if (at == drives.end()) return false;
    if (at->leased) {
        plan.reason = fmt::format("{} waits: it is in drive {}, in use by {}", request.cartridge_name, at->name.text, at->leased_by);
        return true;
    }
    if (at->usable || !any_usable) return false;
    plan.kind = Kind::stuck;
    plan.drive = at->name;
    plan.reason = fmt::format("{} is in drive {}, which cannot be used: {}", request.cartridge_name, at->name.text, at->why_unusable);
    return true;
}

MountPlan waiting(std::string reason) {
    MountPlan plan;
    plan.reason = std::move(reason);
    return plan;
}

}  // namespace

MountPlan plan_mount(const std::vector<DriveView>& drives, const MountRequest& request) {
    MountPlan plan;
    if (request.place.kind == PlaceKind::offline) {
        plan.kind = Kind::ask_operator;
        plan.reason = fmt::format("{} is {}; somebody has to bring it", request.cartridge_name, to_text(request.place));
        return plan;
    }
    if (!request.busy.empty()) return waiting(fmt::format("{} waits: it is {}", request.cartridge_name, request.busy));
    std::optional<Ranked> best;
    bool any_usable = false, any_fit = false, other_misfit = false;
    std::string misfits, comes_back;
    auto offer = [&](const DriveView& drive, Kind kind, std::string reason) {
        plan.verdicts.push_back({drive.name, false, reason});
        // Lower kinds are better; among drives to be emptied the longest idle one.
        const bool better = !best || kind < best->kind ||
                            (kind == best->kind && kind == Kind::evict && drive.idle_since < best->drive->idle_since);
        if (!better) return;
        best = Ranked{&drive, kind};
        plan.reason = fmt::format("{}: drive {} {}", request.cartridge_name, drive.name.text, reason);
    };
    for (const auto& drive : drives) {
        auto turn_down = [&](std::string why, bool unfit = false) { plan.verdicts.push_back({drive.name, false, std::move(why), unfit}); };
        const bool holds_it = drive.cartridge == request.cartridge;
        auto [misfit, too_large] = misfit_of(drive, request);
        if (drive.library != request.library) {
            turn_down("is in another library");
        } else if (request.only_drive && drive.name != *request.only_drive) {
            turn_down("is not the drive that was asked for");
        } else if (!misfit.empty()) {
            other_misfit |= !too_large;
            misfits += fmt::format("{}drive {} {}", misfits.empty() ? "" : "; ", name_with_kind(drive.name, drive.abilities), misfit);
            turn_down(drive.abilities.kind.empty() ? std::move(misfit) : fmt::format("({}) {}", drive.abilities.kind, misfit), true);
        } else if (!drive.usable) {
            any_fit = true;
            if (drive.comes_back) comes_back = fmt::format("drive {}: {}", drive.name.text, drive.why_unusable);
            turn_down(drive.why_unusable.empty() ? "cannot be used" : drive.why_unusable);
        } else if (request.for_writing && !drive.why_only_read.empty()) {
            any_fit = true;
            comes_back = fmt::format("drive {} {}", drive.name.text, drive.why_only_read);
            turn_down(drive.why_only_read);
        } else {
            any_usable = any_fit = true;
            if (drive.leased)
                turn_down("is in use by " + drive.leased_by);
            else if (holds_it)
                offer(drive, Kind::use_mounted, "has it already");
            else if (!drive.full)
                offer(drive, Kind::load, "is empty");
            else if (!drive.cartridge)
                turn_down("holds a cartridge that nobody has identified");
            else
                offer(drive, Kind::evict, "is idle; its cartridge is put away first");
        }
    }
    if (request.place.kind == PlaceKind::drive && (!best || best->kind != Kind::use_mounted) && held_elsewhere(plan, drives, request, any_usable))
        return plan;
    conclude(plan, best, request, any_usable, any_fit, misfits, comes_back);
    plan.too_large = plan.unfit && !other_misfit;
    return plan;
}

}  // namespace capstan::pools
