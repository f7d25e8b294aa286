#include "backup/pump.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace capstan::backup {

namespace {

void move_data(Source& source, ObjectSink& sink) {
    std::vector<std::uint8_t> space(100000);
    while (auto extent = source.next_extent()) {
        auto at = extent->offset;
        for (;;) {
            auto got = source.read(space);
            if (!got || *got == 0) break;
            if (!sink.write(at, Bytes(space).first(*got))) break;
            at += *got;
        }
    }
}

std::size_t open_descriptors() {
    auto list = std::filesystem::directory_iterator("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(list), end(list)));
}

}  // namespace

Pumped pump(FileSourceOptions options, const std::string& root, Existing existing,
            const std::function<void(ObjectRecord&)>& at_object, const std::optional<CutOffRun>& cut_off) {
    Doorbell doorbell;
    options.doorbell = &doorbell;
    auto threads = options.threads;
    Pumped result;
    auto source = open_file_source(std::move(options));
    EXPECT_TRUE(source) << source.error().happened;
    if (!source) return result;
    IssueQueue issues;
    std::unique_ptr<ObjectSink> sink;
    RestoreOptions target{.root = root, .existing = existing, .cut_off = cut_off, .threads = threads};
    if (!root.empty()) sink = std::move(open_restore_target(target, issues).value());
    for (;;) {
        ObjectRecord record;
        auto seen = doorbell.count();
        auto step = (*source)->next(record);
        if (step == SourceStep::waiting) {
            doorbell.wait(seen, std::chrono::milliseconds(2000));
            continue;
        }
        if (step == SourceStep::end) break;
        if (at_object) at_object(record);
        result.paths.push_back(record.path + (record.metadata.path_only ? "?" : ""));
        bool data = record.has_data();
        IncomingObject object{record.path, record.metadata, record.sparse};
        auto verdict = sink ? sink->begin(std::move(object)) : ObjectSink::Verdict::skipped;
        if (verdict == ObjectSink::Verdict::write_data && data) {
            move_data(**source, *sink);
            sink->finish("");
        }
        (*source)->finish_object();
        for (auto& issue : (*source)->take_issues()) result.source_issues.push_back(std::move(issue));
        if (result.paths.size() % 64 == 0)
            result.descriptors_max = std::max(result.descriptors_max, open_descriptors());
    }
    for (auto& issue : (*source)->take_issues()) result.source_issues.push_back(std::move(issue));
    if (sink) {
        EXPECT_TRUE(sink->close());
        EXPECT_TRUE(sink->lock());
        result.restored = sink->counts();
    }
    result.counts = (*source)->counts();
    result.issues = issues.drain();
    return result;
}

}  // namespace capstan::backup
