// The work queue at work: persistent items, why each waits, operator requests, time limits, cancelling. A wait is never
// silent: it has an item with a reason, a deadline, and it can be cancelled (rule 6). Control thread.
#pragma once

#include "daemon/context.hpp"
#include "pools/allocation.hpp"
#include "pools/mount_plan.hpp"
#include "pools/store/work_rows.hpp"

#include <map>
#include <set>

namespace capstan::daemon {

class WorkQueue {
  public:
    explicit WorkQueue(Context& context) : context_(context), items_(context.store), requests_(context.store) {}

    // Start-up: operators' work that a crash cut off is queued again, and `take_up` goes on with it; what jobs and the
    // daemon itself had begun is ended as failed, they ask anew. Requests of all of them are cancelled, who still waits
    // asks again. Work that was cut off kInterruptionsMax times is ended: it must not bring the daemon down for ever.
    static constexpr std::uint32_t kInterruptionsMax = 3;
    Result<void> settle_after_start();
    // The work of operators that was queued before this start; each is live again, with the deadline it had.
    Result<std::vector<pools::WorkItem>> take_up();

    // The deadline is the configured default wait. Returns its number.
    Result<WorkItemId> add(pools::WorkItem item);
    Result<void> start(WorkItemId id, const std::string& doing);
    Result<void> finish(WorkItemId id, const Result<void>& outcome);  // also answers its open requests

    // Waits until something changed, with `reason` in the item. Errors: cancelled; ask_operator when the deadline passed;
    // change_request when an operator refused what it waits for.
    Task<Result<void>> wait(WorkItemId id, std::string reason);

    // Asks once for each (item, kind, cartridge); the text is replaced by a new request when it changes.
    Result<RequestId> ask(pools::OperatorRequest request);
    Result<void> satisfied(WorkItemId id, const std::string& by);  // the fact is there: its open requests are complete

    Result<void> cancel(WorkItemId id, const std::string& who);
    void cancel_job(JobId job, const std::string& who);
    Result<void> refuse(RequestId id, const std::string& note);
    Result<void> complete(RequestId id, const std::string& note);  // an operator says that it is done: waiters look again

    // Why an item stands where it does, from its last decision.
    struct Explained {
        std::string summary;
        std::vector<pools::CandidateVerdict> media;
        std::vector<pools::DriveVerdict> drives;
    };
    std::map<WorkItemId, Explained> explained;

    std::uint64_t version(WorkItemId id) const;  // changes with each change of the item
    pools::WorkItems& items() { return items_; }
    pools::OperatorRequests& requests() { return requests_; }
    // Requests of an item that are still open.
    const std::map<RequestId, pools::OperatorRequest>& open_requests() const { return open_; }
    struct Doing {
        std::string text;
        std::uint32_t steps_done = 0, steps = 0;
    };
    const Doing* doing(WorkItemId id) const;
    void set_doing(WorkItemId id, Doing doing);

  private:
    Result<void> apply(WorkItemId id, pools::WorkEvent event, const std::string& reason);
    Result<void> end_requests(WorkItemId id, pools::RequestEvent event, const std::string& answer);
    struct Live {
        Steady deadline{};
        std::uint64_t version = 1;
        std::string reason;
        std::string cancelled_by, refused;
        JobId job{};
        Doing doing;
    };
    Context& context_;
    pools::WorkItems items_;
    pools::OperatorRequests requests_;
    std::map<WorkItemId, Live> live_;
    std::map<RequestId, pools::OperatorRequest> open_;
};

}  // namespace capstan::daemon
