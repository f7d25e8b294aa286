// Which objects a checkpoint covers: those whose last byte is in a block that was pushed before it. They go into the
// segment that the checkpoint hands over; what comes later goes into the next one. The encoder's thread.
#pragma once

#include "backup/job/encoder_stage.hpp"

#include <deque>
#include <string>

namespace capstan::backup {

struct FinishedObject {
    std::string path;
    catalog::ObjectFacts facts;
    std::uint64_t end = 0;    // position behind its last byte, from the set's begin
    std::uint64_t bytes = 0;  // read from the source
};

class CommitFeed {
  public:
    explicit CommitFeed(std::function<std::string(std::uint32_t)> segment_path)
        : segment_path_(std::move(segment_path)) {}
    void finished(FinishedObject object) { waiting_.push_back(std::move(object)); }
    void pushed(std::uint64_t position);  // everything below is in the ring
    CheckpointPart cut(std::uint64_t sequence, std::uint64_t end_address, bool last);

  private:
    void take(FinishedObject& object);

    std::function<std::string(std::uint32_t)> segment_path_;
    std::deque<FinishedObject> waiting_;
    CheckpointPart part_;  // being filled
    std::uint32_t ordinal_ = 0;
    std::string directory_;  // in force where the present segment goes on
    catalog::ObjectFacts directory_facts_;
    bool has_directory_ = false;
};

}  // namespace capstan::backup
