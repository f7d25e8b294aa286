#include "backup/ledger.hpp"

namespace capstan::backup {

std::string_view name_of(IssueKind kind) {
    switch (kind) {
        case IssueKind::vanished: return "vanished";
        case IssueKind::unreadable: return "unreadable";
        case IssueKind::read_error: return "read-error";
        case IssueKind::changed: return "changed";
        case IssueKind::grew: return "grew";
        case IssueKind::shrank: return "shrank";
        case IssueKind::other_file_system: return "other-file-system";
        case IssueKind::metadata_not_saved: return "metadata-not-saved";
        case IssueKind::kept: return "kept";
        case IssueKind::not_restored: return "not-restored";
        case IssueKind::metadata_not_restored: return "metadata-not-restored";
        case IssueKind::damaged: return "damaged";
        case IssueKind::differs: return "differs";
        case IssueKind::note: return "note";
        case IssueKind::count: break;
    }
    return "unknown";
}

bool affects_status(IssueKind kind) {
    return kind != IssueKind::kept && kind != IssueKind::other_file_system && kind != IssueKind::note;
}

void IssueQueue::add(Issue issue) {
    counts_[static_cast<std::size_t>(issue.kind)].fetch_add(1);
    std::lock_guard lock(mutex_);
    issues_.push_back(std::move(issue));
}

void IssueQueue::add(std::vector<Issue> issues) {
    for (auto& issue : issues) add(std::move(issue));
}

std::vector<Issue> IssueQueue::drain() {
    std::lock_guard lock(mutex_);
    return std::exchange(issues_, {});
}

bool IssueQueue::affects_status() const {
    for (std::size_t kind = 0; kind < static_cast<std::size_t>(IssueKind::count); ++kind) {
        if (counts_[kind].load() > 0 && backup::affects_status(static_cast<IssueKind>(kind))) return true;
    }
    return false;
}

}  // namespace capstan::backup
