// Which state may follow which, as tables. A request out of turn is refused (nullopt); a fact out of turn is believed.
#pragma once

#include "pools/work.hpp"

namespace capstan::pools {

enum class SideEvent : std::uint8_t {
    // requests
    prepare,   // shall be labelled (moved to Free or into a pool)
    allocate,  // its first write for a pool is about to be allowed
    close,     // full, or closed for writing
    release,   // every set on it has expired: its space may be used again
    decommission,
    adopt,  // an imported medium is taken over with its sets, for reading
    // facts
    labelled,           // our label was written and read back
    seen_unrecognized,  // blank, foreign or unreadable
    seen_import,        // a Capstan label that this database does not know
    seen_incompatible,
    count
};
inline constexpr auto kFirstSideFact = SideEvent::labelled;

struct SideTransition {
    SideState from;
    SideEvent event;
    SideState to;
};
// clang-format off
inline constexpr SideTransition kSideTransitions[] = {
    {SideState::unknown,        SideEvent::prepare,           SideState::unprepared},
    {SideState::unrecognized,   SideEvent::prepare,           SideState::unprepared},
    {SideState::import,         SideEvent::prepare,           SideState::unprepared},
    {SideState::unprepared,     SideEvent::prepare,           SideState::unprepared},
    {SideState::available,      SideEvent::prepare,           SideState::unprepared},
    {SideState::available,      SideEvent::allocate,          SideState::allocated},
    {SideState::allocated,      SideEvent::close,             SideState::complete},
    {SideState::complete,       SideEvent::close,             SideState::complete},
    {SideState::allocated,      SideEvent::release,           SideState::available},
    {SideState::complete,       SideEvent::release,           SideState::available},
    {SideState::available,      SideEvent::decommission,      SideState::decommissioned},
    {SideState::unrecognized,   SideEvent::decommission,      SideState::decommissioned},
    {SideState::unprepared,     SideEvent::decommission,      SideState::decommissioned},
    {SideState::incompatible,   SideEvent::decommission,      SideState::decommissioned},
    {SideState::import,         SideEvent::adopt,             SideState::complete},
    // A label makes a medium available, whatever was believed of it; only what was retired stays retired.
    {SideState::unknown,        SideEvent::labelled,          SideState::available},
    {SideState::unprepared,     SideEvent::labelled,          SideState::available},
    {SideState::incompatible,   SideEvent::labelled,          SideState::available},
    {SideState::available,      SideEvent::labelled,          SideState::available},
    {SideState::allocated,      SideEvent::labelled,          SideState::available},
    {SideState::complete,       SideEvent::labelled,          SideState::available},
    {SideState::unrecognized,   SideEvent::labelled,          SideState::available},
    {SideState::import,         SideEvent::labelled,          SideState::available},
    // What the database holds data for keeps its state when something else was seen: the caller marks it suspect and finds
    // out which cartridge that is (label_check.hpp). Forgetting it would free what nobody has looked for.
    {SideState::unknown,        SideEvent::seen_unrecognized, SideState::unrecognized},
    {SideState::unprepared,     SideEvent::seen_unrecognized, SideState::unprepared},
    {SideState::incompatible,   SideEvent::seen_unrecognized, SideState::unrecognized},
    {SideState::import,         SideEvent::seen_unrecognized, SideState::unrecognized},
    {SideState::unknown,        SideEvent::seen_import,       SideState::import},
    {SideState::unprepared,     SideEvent::seen_import,       SideState::import},
    {SideState::incompatible,   SideEvent::seen_import,       SideState::import},
    {SideState::unrecognized,   SideEvent::seen_import,       SideState::import},
    {SideState::unknown,        SideEvent::seen_incompatible, SideState::incompatible},
    {SideState::unprepared,     SideEvent::seen_incompatible, SideState::incompatible},
    {SideState::unrecognized,   SideEvent::seen_incompatible, SideState::incompatible},
    {SideState::import,         SideEvent::seen_incompatible, SideState::incompatible},
};
// clang-format on
constexpr std::optional<SideState> next(SideState from, SideEvent event) {
    for (const auto& t : kSideTransitions)
        if (t.from == from && t.event == event) return t.to;
    return event < kFirstSideFact ? std::nullopt : std::optional{from};  // request : fact that changes nothing
}
static_assert(!next(SideState::allocated, SideEvent::prepare), "a medium with data is released first");
static_assert(!next(SideState::complete, SideEvent::allocate), "a closed medium takes no more sets");
static_assert(!next(SideState::allocated, SideEvent::decommission));
static_assert(next(SideState::allocated, SideEvent::seen_unrecognized) == SideState::allocated);
static_assert(next(SideState::decommissioned, SideEvent::labelled) == SideState::decommissioned);

enum class WorkEvent : std::uint8_t {
    // requests
    start,
    block,
    unblock,
    cancel,
    // facts
    passed,
    failed,
    interrupted,  // the daemon ended while it was in process
    count
};
struct WorkTransition {
    WorkState from;
    WorkEvent event;
    WorkState to;
};
// clang-format off
inline constexpr WorkTransition kWorkTransitions[] = {
    {WorkState::queued,     WorkEvent::start,       WorkState::in_process},
    {WorkState::queued,     WorkEvent::block,       WorkState::waiting},
    {WorkState::queued,     WorkEvent::cancel,      WorkState::cancelled},
    {WorkState::waiting,    WorkEvent::start,       WorkState::in_process},
    {WorkState::waiting,    WorkEvent::block,       WorkState::waiting},   // the reason changed
    {WorkState::waiting,    WorkEvent::unblock,     WorkState::queued},
    {WorkState::waiting,    WorkEvent::cancel,      WorkState::cancelled},
    {WorkState::in_process, WorkEvent::block,       WorkState::waiting},
    {WorkState::queued,     WorkEvent::passed,      WorkState::passed},
    {WorkState::waiting,    WorkEvent::passed,      WorkState::passed},
    {WorkState::in_process, WorkEvent::passed,      WorkState::passed},
    {WorkState::queued,     WorkEvent::failed,      WorkState::failed},
    {WorkState::waiting,    WorkEvent::failed,      WorkState::failed},
    {WorkState::in_process, WorkEvent::failed,      WorkState::failed},
    {WorkState::in_process, WorkEvent::interrupted, WorkState::queued},
    {WorkState::waiting,    WorkEvent::interrupted, WorkState::queued},
};
// clang-format on
constexpr std::optional<WorkState> next(WorkState from, WorkEvent event) {
    for (const auto& t : kWorkTransitions)
        if (t.from == from && t.event == event) return t.to;
    return event < WorkEvent::passed ? std::nullopt : std::optional{from};
}
constexpr bool is_finished(WorkState state) { return state >= WorkState::passed; }
static_assert(!next(WorkState::in_process, WorkEvent::cancel), "what the robot is doing is not cancelled half way");
static_assert(next(WorkState::cancelled, WorkEvent::passed) == WorkState::cancelled, "an end is an end");

enum class RequestEvent : std::uint8_t { refuse, cancel, time_out, satisfied, count };  // satisfied is the fact
struct RequestTransition {
    RequestState from;
    RequestEvent event;
    RequestState to;
};
// clang-format off
inline constexpr RequestTransition kRequestTransitions[] = {
    {RequestState::submitted, RequestEvent::refuse,    RequestState::refused},
    {RequestState::submitted, RequestEvent::cancel,    RequestState::cancelled},
    {RequestState::submitted, RequestEvent::time_out,  RequestState::cancelled},
    {RequestState::submitted, RequestEvent::satisfied, RequestState::complete},
};
// clang-format on
constexpr std::optional<RequestState> next(RequestState from, RequestEvent event) {
    for (const auto& t : kRequestTransitions)
        if (t.from == from && t.event == event) return t.to;
    return event < RequestEvent::satisfied ? std::nullopt : std::optional{from};
}
static_assert(!next(RequestState::refused, RequestEvent::cancel));

enum class JobEvent : std::uint8_t { start, cancel, finished, finished_with_issues, failed, interrupted, count };
struct JobTransition {
    JobState from;
    JobEvent event;
    JobState to;
};
// clang-format off
inline constexpr JobTransition kJobTransitions[] = {
    {JobState::queued,  JobEvent::start,                JobState::running},
    {JobState::queued,  JobEvent::cancel,               JobState::cancelled},
    {JobState::running, JobEvent::cancel,               JobState::cancelled},
    {JobState::running, JobEvent::finished,             JobState::complete},
    {JobState::running, JobEvent::finished_with_issues, JobState::complete_with_issues},
    {JobState::queued,  JobEvent::failed,               JobState::failed},
    {JobState::running, JobEvent::failed,               JobState::failed},
    {JobState::running, JobEvent::interrupted,          JobState::interrupted},
};
// clang-format on
constexpr std::optional<JobState> next(JobState from, JobEvent event) {
    for (const auto& t : kJobTransitions)
        if (t.from == from && t.event == event) return t.to;
    return event < JobEvent::finished ? std::nullopt : std::optional{from};
}
constexpr bool is_finished(JobState state) { return state >= JobState::complete; }
static_assert(!next(JobState::complete, JobEvent::cancel));

std::string_view name_of(SideEvent event);
std::string_view name_of(WorkEvent event);
std::string_view name_of(JobEvent event);
std::string_view name_of(RequestEvent event);

}  // namespace capstan::pools
