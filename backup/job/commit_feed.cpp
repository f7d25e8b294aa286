#include "backup/job/commit_feed.hpp"

#include <utility>

namespace capstan::backup {

void CommitFeed::pushed(std::uint64_t position) {
    while (!waiting_.empty() && waiting_.front().end <= position) {
        take(waiting_.front());
        waiting_.pop_front();
    }
}

void CommitFeed::take(FinishedObject& object) {
    const auto& facts = object.facts;
    part_.bytes += object.bytes;
    if (facts.state == catalog::ObjectState::not_saved)
        ++part_.not_saved;
    else
        ++part_.objects;
    if (facts.state == catalog::ObjectState::changed || facts.state == catalog::ObjectState::partial) ++part_.changed;
    bool nowhere = facts.state == catalog::ObjectState::not_saved && object.path.empty();  // only counted
    if (!segment_path_ || nowhere) return;
    bool is_directory = facts.kind == catalog::ObjectKind::directory;
    if (!part_.segment) {
        part_.ordinal = ordinal_++;
        part_.segment = std::make_unique<catalog::SegmentBuilder>(segment_path_(part_.ordinal));
        if (!is_directory && has_directory_) {
            auto facts_there = directory_facts_;
            facts_there.continued = true;
            part_.segment->begin_directory(directory_, facts_there);
        }
    }
    if (is_directory) {
        part_.segment->begin_directory(object.path, facts);
        directory_ = std::move(object.path);
        directory_facts_ = facts;
        has_directory_ = true;
    } else {
        part_.segment->add(catalog::name_of(object.path), facts);
    }
}

CheckpointPart CommitFeed::cut(std::uint64_t sequence, std::uint64_t end_address, bool last) {
    if (segment_path_ && !part_.segment &&
        last) {  // a set has at least its last segment, which says that it is complete
        part_.ordinal = ordinal_++;
        part_.segment = std::make_unique<catalog::SegmentBuilder>(segment_path_(part_.ordinal));
    }
    part_.sequence = sequence;
    part_.end_address = end_address;
    part_.last = last;
    return std::exchange(part_, {});
}

}  // namespace capstan::backup
