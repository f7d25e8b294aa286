#include "pools/mount_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::pools {
namespace {

using Kind = MountPlan::Kind;

struct Ranked {
    const DriveView* drive;
    Kind kind;
};

void conclude(MountPlan& plan, const std::optional<Ranked>& best, const MountRequest& request, bool any_usable) {
    if (best) {
        plan.kind = best->kind;
        plan.drive = best->drive->name;
        if (best->kind == Kind::evict) plan.evicted = best->drive->cartridge;
        for (auto& verdict : plan.verdicts) verdict.chosen = verdict.drive == plan.drive;
        return;
    }
    plan.kind = any_usable ? Kind::wait : Kind::impossible;
    plan.reason = any_usable ? fmt::format("{} waits: every drive that could take it is busy", request.cartridge_name)
                  : request.only_drive ? fmt::format("{} cannot be mounted: drive {} cannot be used",
                                                     request.cartridge_name, request.only_drive->text)
                                       : fmt::format("{} cannot be mounted: library {} has no drive that can be used",
                                                     request.cartridge_name, request.library.text);
}

}  // namespace

MountPlan plan_mount(const std::vector<DriveView>& drives, const MountRequest& request) {
    MountPlan plan;
    if (request.place.kind == PlaceKind::offline) {
        plan.kind = Kind::ask_operator;
        plan.reason = fmt::format("{} is {}; somebody has to bring it", request.cartridge_name, to_text(request.place));
        return plan;
    }
    if (!request.busy.empty()) {
        plan.reason = fmt::format("{} waits: it is {}", request.cartridge_name, request.busy);
        return plan;
    }
    std::optional<Ranked> best;
    bool any_usable = false;
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
        auto turn_down = [&](std::string reason) { plan.verdicts.push_back({drive.name, false, std::move(reason)}); };
        const bool holds_it = drive.cartridge == request.cartridge;
        if (drive.library != request.library) {
            turn_down("is in another library");
        } else if (request.only_drive && drive.name != *request.only_drive) {
            turn_down("is not the drive that was asked for");
        } else if (!drive.usable) {
            turn_down(drive.why_unusable.empty() ? "cannot be used" : drive.why_unusable);
        } else {
            any_usable = true;
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
    // In a drive that cannot be used, or in another one than was asked for, it must come out of there first.
    if (request.place.kind == PlaceKind::drive && (!best || best->kind != Kind::use_mounted)) {
        auto at = std::ranges::find_if(drives, [&](const DriveView& d) { return d.cartridge == request.cartridge; });
        if (at != drives.end() && at->leased) {
            plan.reason = fmt::format("{} waits: it is in drive {}, in use by {}", request.cartridge_name,
                                      at->name.text, at->leased_by);
            return plan;
        }
    }
    conclude(plan, best, request, any_usable);
    return plan;
}

}  // namespace capstan::pools
