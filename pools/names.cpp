// The words of every enumeration: in the state database, in the API and on the terminal. A word that is in a database
// is never changed again.
#include "pools/allocation.hpp"
#include "pools/label_check.hpp"
#include "pools/mount_plan.hpp"
#include "pools/on_medium.hpp"
#include "pools/permits.hpp"
#include "pools/reconcile.hpp"
#include "pools/sets.hpp"
#include "pools/store/work_rows.hpp"
#include "pools/transitions.hpp"

#include <fmt/format.h>

#include <span>

namespace capstan::pools {
namespace {

// In the order of the enumerators.
template <class Enum>
std::span<const std::string_view> words();

template <>
std::span<const std::string_view> words<PlaceKind>() {
    static constexpr std::string_view kWords[] = {"slot", "drive", "ie-port", "picker", "offline"};
    return kWords;
}
template <>
std::span<const std::string_view> words<SideState>() {
    static constexpr std::string_view kWords[] = {"unknown",        "unprepared",   "incompatible",
                                                  "decommissioned", "available",    "allocated",
                                                  "complete",       "unrecognized", "import"};
    return kWords;
}
template <>
std::span<const std::string_view> words<PoolKind>() {
    static constexpr std::string_view kWords[] = {"free", "import", "unrecognized", "application"};
    return kWords;
}
template <>
std::span<const std::string_view> words<SetState>() {
    static constexpr std::string_view kWords[] = {"running", "complete", "aborted", "overwritten"};
    return kWords;
}
template <>
std::span<const std::string_view> words<IssueKind>() {
    static constexpr std::string_view kWords[] = {"not-saved", "changed", "skipped", "not-restored",
                                                  "differs",   "kept",    "note"};
    return kWords;
}
template <>
std::span<const std::string_view> words<JobKind>() {
    static constexpr std::string_view kWords[] = {"backup",    "restore", "verify",          "label",
                                                  "inventory", "erase",   "catalog-rebuild", "other"};
    return kWords;
}
template <>
std::span<const std::string_view> words<JobState>() {
    static constexpr std::string_view kWords[] = {"queued", "running",   "complete",   "complete-with-issues",
                                                  "failed", "cancelled", "interrupted"};
    return kWords;
}
template <>
std::span<const std::string_view> words<WorkKind>() {
    static constexpr std::string_view kWords[] = {"mount", "dismount", "move",   "inventory",
                                                  "label", "erase",    "import", "export"};
    return kWords;
}
template <>
std::span<const std::string_view> words<WorkState>() {
    static constexpr std::string_view kWords[] = {"queued", "waiting", "in-process", "passed", "failed", "cancelled"};
    return kWords;
}
template <>
std::span<const std::string_view> words<JournalAct>() {
    static constexpr std::string_view kWords[] = {"move", "label", "erase", "first-write"};
    return kWords;
}
template <>
std::span<const std::string_view> words<JournalState>() {
    static constexpr std::string_view kWords[] = {"intended", "done", "failed", "settled"};
    return kWords;
}
template <>
std::span<const std::string_view> words<RequestKind>() {
    static constexpr std::string_view kWords[] = {"new-media", "mount-this", "message"};
    return kWords;
}
template <>
std::span<const std::string_view> words<RequestState>() {
    static constexpr std::string_view kWords[] = {"submitted", "complete", "refused", "cancelled"};
    return kWords;
}
template <>
std::span<const std::string_view> words<SideEvent>() {
    static constexpr std::string_view kWords[] = {
        "prepare",  "allocate",          "close",       "release",          "decommission", "adopt",
        "labelled", "seen-unrecognized", "seen-import", "seen-incompatible"};
    return kWords;
}
template <>
std::span<const std::string_view> words<WorkEvent>() {
    static constexpr std::string_view kWords[] = {"start",  "block",  "unblock",    "cancel",
                                                  "passed", "failed", "interrupted"};
    return kWords;
}
template <>
std::span<const std::string_view> words<JobEvent>() {
    static constexpr std::string_view kWords[] = {"start",  "cancel",     "finished", "finished-with-issues",
                                                  "failed", "interrupted"};
    return kWords;
}
template <>
std::span<const std::string_view> words<RequestEvent>() {
    static constexpr std::string_view kWords[] = {"refuse", "cancel", "time-out", "satisfied"};
    return kWords;
}
template <>
std::span<const std::string_view> words<MediumKind>() {
    static constexpr std::string_view kWords[] = {"blank", "capstan", "foreign", "unreadable"};
    return kWords;
}
template <>
std::span<const std::string_view> words<DeviceSeen::Kind>() {
    static constexpr std::string_view kWords[] = {"library", "drive"};
    return kWords;
}
template <>
std::span<const std::string_view> words<WritePurpose>() {
    static constexpr std::string_view kWords[] = {"label-blank", "reuse-expired", "append", "close-unfinished",
                                                  "operator-forced"};
    return kWords;
}
template <>
std::span<const std::string_view> words<AllocationDecision::Source>() {
    static constexpr std::string_view kWords[] = {"none", "open-medium", "pool", "free"};
    return kWords;
}
template <>
std::span<const std::string_view> words<MountPlan::Kind>() {
    static constexpr std::string_view kWords[] = {"use-mounted", "load", "evict", "wait", "ask-operator", "stuck", "impossible"};
    return kWords;
}
template <>
std::span<const std::string_view> words<Correction::Kind>() {
    static constexpr std::string_view kWords[] = {"moved",          "new-cartridge",  "went-offline",
                                                  "duplicate-tag",  "must-identify",  "journal-done",
                                                  "journal-undone", "journal-unclear"};
    return kWords;
}
template <>
std::span<const std::string_view> words<LabelVerdictKind>() {
    static constexpr std::string_view kWords[] = {
        "matches",      "swapped", "unknown-ours", "newer-than-database", "older-than-database",
        "other-domain", "foreign", "blank",        "blank-but-labelled", "label-cut-off", "unreadable"};
    return kWords;
}

template <class Enum>
std::string_view word_of(Enum value) {
    const auto all = words<Enum>();
    const auto index = static_cast<std::size_t>(raw(value));
    return index < all.size() ? all[index] : std::string_view("unknown");
}

}  // namespace

template <class Enum>
std::optional<Enum> from_name(std::string_view name) {
    const auto all = words<Enum>();
    for (std::size_t index = 0; index < all.size(); ++index)
        if (all[index] == name) return static_cast<Enum>(index);
    return std::nullopt;
}

std::string_view name_of(PlaceKind value) { return word_of(value); }
std::string_view name_of(SideState value) { return word_of(value); }
std::string_view name_of(PoolKind value) { return word_of(value); }
std::string_view name_of(SetState value) { return word_of(value); }
std::string_view name_of(IssueKind value) { return word_of(value); }
std::string_view name_of(JobKind value) { return word_of(value); }
std::string_view name_of(JobState value) { return word_of(value); }
std::string_view name_of(WorkKind value) { return word_of(value); }
std::string_view name_of(WorkState value) { return word_of(value); }
std::string_view name_of(JournalAct value) { return word_of(value); }
std::string_view name_of(JournalState value) { return word_of(value); }
std::string_view name_of(RequestKind value) { return word_of(value); }
std::string_view name_of(RequestState value) { return word_of(value); }
std::string_view name_of(SideEvent value) { return word_of(value); }
std::string_view name_of(WorkEvent value) { return word_of(value); }
std::string_view name_of(JobEvent value) { return word_of(value); }
std::string_view name_of(RequestEvent value) { return word_of(value); }
std::string_view name_of(MediumKind value) { return word_of(value); }
std::string_view name_of(DeviceSeen::Kind value) { return word_of(value); }
std::string_view name_of(WritePurpose value) { return word_of(value); }
std::string_view name_of(AllocationDecision::Source value) { return word_of(value); }
std::string_view name_of(MountPlan::Kind value) { return word_of(value); }
std::string_view name_of(Correction::Kind value) { return word_of(value); }
std::string_view name_of(LabelVerdictKind value) { return word_of(value); }

template std::optional<PlaceKind> from_name(std::string_view);
template std::optional<SideState> from_name(std::string_view);
template std::optional<PoolKind> from_name(std::string_view);
template std::optional<SetState> from_name(std::string_view);
template std::optional<IssueKind> from_name(std::string_view);
template std::optional<JobKind> from_name(std::string_view);
template std::optional<JobState> from_name(std::string_view);
template std::optional<WorkKind> from_name(std::string_view);
template std::optional<WorkState> from_name(std::string_view);
template std::optional<JournalAct> from_name(std::string_view);
template std::optional<JournalState> from_name(std::string_view);
template std::optional<RequestKind> from_name(std::string_view);
template std::optional<RequestState> from_name(std::string_view);
template std::optional<SideEvent> from_name(std::string_view);
template std::optional<WorkEvent> from_name(std::string_view);
template std::optional<JobEvent> from_name(std::string_view);
template std::optional<RequestEvent> from_name(std::string_view);
template std::optional<MediumKind> from_name(std::string_view);
template std::optional<DeviceSeen::Kind> from_name(std::string_view);
template std::optional<WritePurpose> from_name(std::string_view);
template std::optional<AllocationDecision::Source> from_name(std::string_view);
template std::optional<MountPlan::Kind> from_name(std::string_view);
template std::optional<Correction::Kind> from_name(std::string_view);
template std::optional<LabelVerdictKind> from_name(std::string_view);

std::string to_text(const Place& place) {
    switch (place.kind) {
        case PlaceKind::slot: return "slot " + place.id;
        case PlaceKind::drive: return "drive " + place.id;
        case PlaceKind::ie_port: return "IE port " + place.id;
        case PlaceKind::picker: return "picker " + place.id;
        case PlaceKind::offline: return place.id.empty() ? "offline" : "offline at " + place.id;
    }
    return "nowhere";
}

std::string to_text(const Cartridge& cartridge) {
    if (!cartridge.volume_tag.empty() && !cartridge.duplicate_tag) return cartridge.volume_tag.text;
    if (cartridge.volume_tag.empty()) return fmt::format("cartridge {}", raw(cartridge.id));
    return fmt::format("{} (cartridge {})", cartridge.volume_tag.text, raw(cartridge.id));
}

}  // namespace capstan::pools
