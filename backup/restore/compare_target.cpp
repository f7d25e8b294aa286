// Compares what the medium holds with what is on the file system.
#include "backup/posix/collect.hpp"
#include "backup/restore/restore_root.hpp"
#include "backup/restore/target_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace capstan::backup {

namespace {

class CompareTarget final : public ObjectSink {
  public:
    CompareTarget(FileHandle root, RestoreOptions options, IssueQueue& issues)
        : options_(std::move(options)),
          issues_(issues),
          tree_(std::move(root), [](int, const std::string&, const Metadata&) {}) {}

    Verdict begin(IncomingObject object) override;
    bool write(std::uint64_t offset, Bytes bytes) override;
    void finish(const std::string& damage) override;
    Result<void> close() override { return {}; }
    Counts counts() const override { return counts_; }

  private:
    bool is_zero_between(std::uint64_t from, std::uint64_t to);
    bool same_bytes(std::uint64_t offset, Bytes bytes);
    void compare_metadata(const Metadata& there);
    Verdict differs(std::string text) {
        ++counts_.failed;
        issues_.add({IssueKind::differs, object_.path, std::move(text)});
        return Verdict::skipped;
    }

    RestoreOptions options_;
    IssueQueue& issues_;
    Collector collector_;
    TargetTree tree_;
    Counts counts_;
    IncomingObject object_;
    FileHandle file_;
    std::uint64_t end_ = 0;
    std::string found_;  // differences of the present object
    std::vector<std::uint8_t> space_ = std::vector<std::uint8_t>(65536);
};

ObjectSink::Verdict CompareTarget::begin(IncomingObject object) {
    object_ = std::move(object);
    found_.clear();
    if (!usable_path(object_.path)) return differs("the path on the medium is not one that can exist here");
    const auto& metadata = object_.metadata;
    auto slash = object_.path.rfind('/');
    auto parent_path = slash == std::string::npos ? std::string() : object_.path.substr(0, slash);
    if (tree_.enter(metadata.is_directory() ? object_.path : parent_path, TargetTree::Missing::fail) == nullptr)
        return differs(errno == ENOENT ? "it is missing" : fmt::format("it cannot be reached: {}", ::strerror(errno)));
    int parent = tree_.descriptor();
    auto name = metadata.is_directory() ? std::string(".") : object_.path.substr(slash + 1);
    struct stat stat{};
    if (::fstatat(parent, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0)
        return differs(errno == ENOENT ? "it is missing" : ::strerror(errno));
    if ((stat.st_mode & S_IFMT) != (metadata.mode & S_IFMT)) return differs("it is an object of another type");
    bool readable = metadata.is_directory() || metadata.is_regular();
    FileHandle handle(
        ::openat(parent, name.c_str(), (readable ? O_RDONLY | O_NONBLOCK : O_PATH) | O_NOFOLLOW | O_CLOEXEC));
    Metadata there;
    std::vector<std::string> missing;
    int error = handle
                    ? collector_.collect(handle.get(), readable ? Access::readable : Access::path_only, there, missing)
                    : errno;
    if (error != 0) return differs(fmt::format("it cannot be read: {}", ::strerror(error)));
    if (!metadata.path_only) compare_metadata(there);
    if (metadata.is_regular() && metadata.first_name.empty()) {
        file_ = std::move(handle);
        end_ = 0;
        return Verdict::write_data;
    }
    if (!found_.empty()) return differs(found_);
    ++counts_.objects;
    return Verdict::done;
}

void CompareTarget::compare_metadata(const Metadata& there) {
    const auto& saved = object_.metadata;
    auto note = [this](bool same, const char* what) {
        if (!same) found_ += (found_.empty() ? "differs in " : ", ") + std::string(what);
    };
    note(there.size == saved.size || !saved.is_regular() || saved.size_unknown, "size");
    note(saved.is_symlink() || (there.mode & 07777) == (saved.mode & 07777), "mode");
    bool by_number = options_.numeric_owner || saved.user.empty() || there.user.empty();
    note(by_number ? there.uid == saved.uid : there.user == saved.user, "owner");
    by_number = options_.numeric_owner || saved.group.empty() || there.group.empty();
    note(by_number ? there.gid == saved.gid : there.group == saved.group, "group");
    note(there.modified == saved.modified, "time of modification");
    note(there.target == saved.target, "target");
    note(!saved.is_device() || (there.device_major == saved.device_major && there.device_minor == saved.device_minor),
         "device");
    auto sorted = [](std::vector<ExtendedAttribute> attributes) {
        std::sort(attributes.begin(), attributes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
        return attributes;
    };
    note(sorted(there.attributes) == sorted(saved.attributes), "extended attributes");
    constexpr std::uint32_t kFlags = 0x000000FF;  // what a user sets: see lsattr
    note(
        !there.inode_flags_known || !saved.inode_flags_known || ((there.inode_flags ^ saved.inode_flags) & kFlags) == 0,
        "flags");
}

bool CompareTarget::same_bytes(std::uint64_t offset, Bytes bytes) {
    while (!bytes.empty()) {
        auto size = std::min(bytes.size(), space_.size());
        auto got = read_some(file_.get(), MutableBytes(space_).first(size), offset, object_.path);
        if (!got || *got < size ||
            !std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size), space_.begin()))
            return false;
        offset += size;
        bytes = bytes.subspan(size);
    }
    return true;
}

// Whether the file has zeros where the medium has nothing. Holes are passed over.
bool CompareTarget::is_zero_between(std::uint64_t from, std::uint64_t to) {
    while (from < to) {
        auto data = ::lseek(file_.get(), static_cast<off_t>(from), SEEK_DATA);
        if (data < 0) return errno == ENXIO;
        from = static_cast<std::uint64_t>(data);
        if (from >= to) return true;
        auto size = static_cast<std::size_t>(std::min<std::uint64_t>(to - from, space_.size()));
        auto got = read_some(file_.get(), MutableBytes(space_).first(size), from, object_.path);
        if (!got) return false;
        auto is_zero = [](std::uint8_t byte) { return byte == 0; };
        if (!std::all_of(space_.begin(), space_.begin() + static_cast<std::ptrdiff_t>(*got), is_zero)) return false;
        if (*got < size) return true;
        from += size;
    }
    return true;
}

bool CompareTarget::write(std::uint64_t offset, Bytes bytes) {
    if (!file_) return false;
    bool same = offset >= end_ && is_zero_between(end_, offset) && same_bytes(offset, bytes);
    counts_.bytes += bytes.size();
    end_ = offset + bytes.size();
    if (same) return true;
    file_.reset();
    differs(fmt::format("{}{}data from offset {} on", found_, found_.empty() ? "differs in " : ", ", offset));
    return false;
}

void CompareTarget::finish(const std::string& damage) {
    if (!file_) return;
    if (object_.metadata.size_unknown) object_.metadata.size = end_;
    if (!is_zero_between(end_, object_.metadata.size)) found_ += found_.empty() ? "differs in data" : ", data";
    file_.reset();
    if (!damage.empty()) issues_.add({IssueKind::damaged, object_.path, damage});
    if (!found_.empty())
        differs(found_);
    else
        ++counts_.objects;
}

}  // namespace

Result<std::unique_ptr<ObjectSink>> open_compare_target(RestoreOptions options, IssueQueue& issues) {
    CAPSTAN_TRY(auto root, open_restore_root(options, false));
    return std::make_unique<CompareTarget>(std::move(root), std::move(options), issues);
}

}  // namespace capstan::backup
