// How much there is to save, for the time that is left: the directories are walked once more, beside the job and ahead
// of it. Hard links are counted as often as they are named, so the result is about right.
#pragma once

#include "backup/source/file_source.hpp"

#include <atomic>
#include <cstdint>

namespace capstan::backup {

struct TreeCount {
    std::atomic<std::uint64_t> objects = 0, bytes = 0;
    std::atomic<bool> stop = false;
};

// Blocks; any thread. True: all was counted; false: it was stopped before.
Result<bool> count_tree(const FileSourceOptions& options, TreeCount& count);

}  // namespace capstan::backup
