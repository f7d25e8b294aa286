// Job runs with their ledger, work items, the robot journal, operator requests, and devices as last seen. Changes of
// state go by the tables of transitions.hpp: a request out of turn is refused and names both states.
#pragma once

#include "pools/sets.hpp"
#include "pools/store/store.hpp"
#include "pools/transitions.hpp"

#include <vector>

namespace capstan::pools {

class Jobs {
  public:
    explicit Jobs(StateStore& store) : store_(store) {}
    Result<JobId> add(WriteTransaction& transaction, const Job& job);
    Result<Job> get(JobId id);
    Result<std::vector<Job>> newest(std::uint32_t max);
    Result<std::vector<Job>> unfinished();
    Result<JobState> apply(WriteTransaction& transaction, JobId id, JobEvent event, const std::string& message,
                           Wall at);
    Result<void> add_counts(WriteTransaction& transaction, JobId id, const JobCounts& counts);
    Result<void> add_issues(WriteTransaction& transaction, const std::vector<JobIssue>& issues);
    Result<std::vector<JobIssue>> issues(JobId id, std::uint32_t max = 1000, std::uint32_t skip = 0);
    Result<std::uint64_t> issue_count(JobId id);

  private:
    StateStore& store_;
};

class WorkItems {
  public:
    explicit WorkItems(StateStore& store) : store_(store) {}
    Result<WorkItemId> add(WriteTransaction& transaction, const WorkItem& item);
    Result<WorkItem> get(WorkItemId id);
    Result<std::vector<WorkItem>> unfinished();  // highest priority first, then oldest
    Result<std::vector<WorkItem>> newest(std::uint32_t max);
    // `reason` replaces the old one: why it waits, or how it ended. An interruption of what was in process is
    // counted.
    Result<WorkState> apply(WriteTransaction& transaction, WorkItemId id, WorkEvent event, const std::string& reason,
                            Wall at);
    Result<void> assign(WriteTransaction& transaction, WorkItemId id, CartridgeId cartridge, const LibraryName& library,
                        const DriveName& drive);

  private:
    StateStore& store_;
};

class Journal {
  public:
    explicit Journal(StateStore& store) : store_(store) {}
    // Returns once the intent is durable; only then may the robot or the drive be told.
    Result<JournalId> intend(const JournalEntry& entry);
    Result<JournalId> intend(WriteTransaction& transaction, const JournalEntry& entry);
    Result<void> end(WriteTransaction& transaction, JournalId id, JournalState state, const std::string& detail,
                     Wall at);
    Result<std::vector<JournalEntry>> open();
    Result<std::vector<JournalEntry>> open_of(const LibraryName& library);
    Result<std::vector<JournalEntry>> of(CartridgeId cartridge, std::uint32_t newest_max = 100);

  private:
    StateStore& store_;
};

class OperatorRequests {
  public:
    explicit OperatorRequests(StateStore& store) : store_(store) {}
    Result<RequestId> add(WriteTransaction& transaction, const OperatorRequest& request);
    Result<OperatorRequest> get(RequestId id);
    Result<std::vector<OperatorRequest>> submitted();
    Result<std::vector<OperatorRequest>> newest(std::uint32_t max);
    Result<RequestState> apply(WriteTransaction& transaction, RequestId id, RequestEvent event,
                               const std::string& answer, Wall at);

  private:
    StateStore& store_;
};

struct DeviceSeen {
    enum class Kind : std::uint8_t { library, drive } kind = Kind::drive;
    std::string name;  // of the configuration
    std::string product, serial;
    std::string before;  // serial number of the device that had this name before; empty: none
    Wall seen{};         // first, by this serial number
    friend bool operator==(const DeviceSeen&, const DeviceSeen&) = default;
};
std::string_view name_of(DeviceSeen::Kind kind);

class Devices {
  public:
    explicit Devices(StateStore& store) : store_(store) {}
    Result<void> seen(WriteTransaction& transaction, const DeviceSeen& device);
    Result<std::optional<DeviceSeen>> of(DeviceSeen::Kind kind, const std::string& name);

  private:
    StateStore& store_;
};

}  // namespace capstan::pools
