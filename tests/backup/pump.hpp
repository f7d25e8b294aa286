// Moves everything from a source to a sink without a medium in between.
#pragma once

#include "backup/restore/restore_target.hpp"
#include "backup/source/file_source.hpp"

#include <functional>
#include <string>
#include <vector>

namespace capstan::backup {

struct Pumped {
    std::vector<std::string> paths;  // in order; path-only directories with a '?' behind
    std::vector<Issue> source_issues, issues;
    Source::Counts counts;
    ObjectSink::Counts restored;
    std::size_t descriptors_max = 0;
};
// Gives whole paths below `chosen`; the target may be empty (only walk), and has as many threads as the source.
// `at_object`: called with each object before its data.
Pumped pump(FileSourceOptions options, const std::string& root, Existing existing = Existing::never,
            const std::function<void(ObjectRecord&)>& at_object = {},
            const std::optional<CutOffRun>& cut_off = std::nullopt);

}  // namespace capstan::backup
