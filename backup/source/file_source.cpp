#include "backup/source/file_source.hpp"

#include "backup/source/prefetcher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>

namespace capstan::backup {

namespace {

struct Inode {
    std::uint64_t device, inode;
    friend bool operator==(const Inode&, const Inode&) = default;
};
struct InodeHash {
    std::size_t operator()(const Inode& i) const {
        return std::hash<std::uint64_t>{}(i.inode * 0x9E3779B97F4A7C15u ^ i.device);
    }
};

class FileSource final : public Source {
  public:
    FileSource(ChosenNode chosen, FileSourceOptions options)
        : prefetcher_(std::move(chosen), options.cross_file_systems, std::move(options.exclude), options.threads,
                      options.doorbell) {}

    SourceStep next(ObjectRecord& record) override;
    void end_set() override { set_ends_ = true; }
    std::optional<Extent> next_extent() override;
    Result<std::size_t> read(MutableBytes space) override;
    ObjectOutcome finish_object() override;
    std::vector<Issue> take_issues() override { return std::exchange(issues_, {}); }
    Counts counts() const override {
        return {objects_.load(), prefetcher_.sockets(), prefetcher_.excluded(), not_saved_.load()};
    }

  private:
    struct FirstName {
        std::string path;
        FileTime modified;
        std::uint64_t size = 0;
        std::uint32_t names = 1;  // met so far
    };
    Prefetcher::Step examine_next(Examined& examined);
    void leave_directories(const ObjectRecord& record);
    void begin_object(ObjectRecord& record, FileHandle handle);
    void find_first_name(ObjectRecord& record);

    Prefetcher prefetcher_;
    std::vector<ObjectRecord> directories_;  // on the way to the present object
    std::optional<Examined> held_;           // the first object of the next set
    std::size_t repeated_ = 0;               // directories that the next set has got already
    bool set_ends_ = false;
    std::unordered_map<Inode, FirstName, InodeHash> first_names_;
    std::vector<Issue> issues_;
    std::atomic<std::uint64_t> objects_ = 0, not_saved_ = 0;
    // the present object
    FileHandle file_;
    std::string path_;
    Metadata before_;  // only what is compared at the end
    bool sparse_ = false, size_known_ = true, announced_ = false;
    std::uint64_t position_ = 0, extent_end_ = 0, bytes_read_ = 0;
    int error_ = 0;
    bool short_ = false;
};

Prefetcher::Step FileSource::examine_next(Examined& examined) {
    for (;;) {
        auto step = prefetcher_.next(examined);
        if (step != Prefetcher::Step::one) return step;
        if (examined.state == Examined::State::deferred)  // also with no other file of ours open
            examined.issues.push_back({IssueKind::unreadable, examined.record.path, ::strerror(EMFILE)});
        for (auto& issue : examined.issues) {
            if (issue.kind == IssueKind::vanished || issue.kind == IssueKind::unreadable) ++not_saved_;
            issues_.push_back(std::move(issue));
        }
        if (examined.state == Examined::State::object) return step;
    }
}

// Those that are not above the record. An object that is no directory lies in the last one.
void FileSource::leave_directories(const ObjectRecord& record) {
    if (!record.metadata.is_directory()) return;
    auto is_above = [&path = record.path](const std::string& directory) {
        return directory.empty() ? !path.empty() : path.starts_with(directory) && path[directory.size()] == '/';
    };
    while (!directories_.empty() && !is_above(directories_.back().path)) directories_.pop_back();
}

SourceStep FileSource::next(ObjectRecord& record) {
    Examined examined;
    if (held_ && repeated_ < directories_.size()) {
        record = directories_[repeated_++];
        record.metadata.path_only = true;
        begin_object(record, {});
        return SourceStep::object;
    }
    if (held_) {
        examined = std::move(*held_);
        held_.reset();
    } else {
        auto step = examine_next(examined);
        if (step == Prefetcher::Step::waiting) return SourceStep::waiting;
        if (step == Prefetcher::Step::end) return SourceStep::end;
        leave_directories(examined.record);
        if (std::exchange(set_ends_, false)) {
            held_ = std::move(examined);
            repeated_ = 0;
            first_names_.clear();
            return SourceStep::next_set;
        }
    }
    record = std::move(examined.record);
    if (record.metadata.is_directory()) directories_.push_back(record);
    if (record.metadata.links > 1 && !record.metadata.is_directory()) find_first_name(record);
    begin_object(record, std::move(examined.handle));
    ++objects_;
    return SourceStep::object;
}

void FileSource::begin_object(ObjectRecord& record, FileHandle handle) {
    file_ = std::move(handle);
    if (!record.has_data()) file_.reset();
    path_ = record.path;
    before_.modified = record.metadata.modified, before_.changed = record.metadata.changed;
    before_.size = record.metadata.size;
    sparse_ = record.sparse, size_known_ = record.size_known, announced_ = false;
    position_ = extent_end_ = bytes_read_ = 0;
    error_ = 0, short_ = false;
}

// The first name has the data. An inode number may be used again while the job runs, so size and time must agree, too.
void FileSource::find_first_name(ObjectRecord& record) {
    auto& metadata = record.metadata;
    Inode key{metadata.device, metadata.inode};
    auto [entry, is_new] = first_names_.try_emplace(key);
    auto& first = entry->second;
    if (!is_new && first.modified == metadata.modified && first.size == metadata.size) {
        metadata.first_name = first.path;
        if (++first.names >= metadata.links) first_names_.erase(entry);
        return;
    }
    first = {record.path, metadata.modified, metadata.size, 1};
}

std::optional<Extent> FileSource::next_extent() {
    if (!file_ || error_ != 0 || short_) return std::nullopt;
    if (!sparse_) {
        if (std::exchange(announced_, true) || (before_.size == 0 && size_known_)) return std::nullopt;
        extent_end_ = size_known_ ? before_.size : UINT64_MAX;
        return Extent{0, size_known_ ? before_.size : 0};
    }
    auto from = static_cast<off_t>(extent_end_);
    if (extent_end_ >= before_.size) return std::nullopt;
    auto data = ::lseek(file_.get(), from, SEEK_DATA);
    if (data < 0) {
        if (errno != ENXIO) error_ = errno;
        return std::nullopt;
    }
    if (static_cast<std::uint64_t>(data) >= before_.size) return std::nullopt;
    auto hole = ::lseek(file_.get(), data, SEEK_HOLE);
    if (hole < 0) {  // cut meanwhile: what follows is found to be short
        if (errno != ENXIO) error_ = errno;
        short_ = errno == ENXIO;
        return std::nullopt;
    }
    position_ = static_cast<std::uint64_t>(data);
    extent_end_ = std::min(static_cast<std::uint64_t>(hole), before_.size);
    return Extent{position_, extent_end_ - position_};
}

Result<std::size_t> FileSource::read(MutableBytes space) {
    auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(space.size(), extent_end_ - position_));
    if (!file_ || error_ != 0 || short_ || wanted == 0) return std::size_t{0};
    for (;;) {
        auto got = ::pread(file_.get(), space.data(), wanted, static_cast<off_t>(position_));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            error_ = errno;
            return fail_errno(error_, fmt::format("/{}: cannot read at offset {}", path_, position_));
        }
        if (got == 0) short_ = size_known_;
        position_ += static_cast<std::uint64_t>(got);
        bytes_read_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
    }
}

ObjectOutcome FileSource::finish_object() {
    using State = ObjectOutcome::State;
    ObjectOutcome outcome{State::ok, error_, bytes_read_};
    if (!file_) return outcome;
    struct stat after{};
    if (error_ != 0) {
        outcome.state = State::read_error;
        issues_.push_back(
            {IssueKind::read_error, path_,
             fmt::format("{} at offset {}; zeros are saved from there on", ::strerror(error_), position_)});
    } else if (::fstat(file_.get(), &after) == 0 && size_known_) {
        auto size = static_cast<std::uint64_t>(after.st_size);
        auto same = [](FileTime a, const struct timespec& b) {
            return a.seconds == b.tv_sec && a.nanoseconds == b.tv_nsec;
        };
        if (short_ || size < before_.size) {
            outcome.state = State::shrank;
            issues_.push_back({IssueKind::shrank, path_,
                               fmt::format("it shrank from {} to {} bytes while it was read; zeros fill the rest",
                                           before_.size, size)});
        } else if (size > before_.size) {
            outcome.state = State::grew;
            issues_.push_back(
                {IssueKind::grew, path_,
                 fmt::format("it grew from {} to {} bytes while it was read; it is cut", before_.size, size)});
        } else if (!same(before_.modified, after.st_mtim) || !same(before_.changed, after.st_ctim)) {
            outcome.state = State::changed;
            issues_.push_back({IssueKind::changed, path_, "it was changed while it was read"});
        }
    }
    file_.reset();
    return outcome;
}

}  // namespace

Result<std::unique_ptr<Source>> open_file_source(FileSourceOptions options) {
    CAPSTAN_TRY(auto chosen, choose_paths(options.paths));
    if (options.threads > 0 && options.doorbell == nullptr)
        return fail(Recovery::change_request, "a file source with threads has no doorbell");
    options.threads = std::min(options.threads, 3u);
    return std::make_unique<FileSource>(std::move(chosen), std::move(options));
}

}  // namespace capstan::backup
