#include "backup/restore/restore_target.hpp"
#include "backup/restore/restore_root.hpp"
#include "backup/restore/small_files.hpp"
#include "backup/restore/target_tree.hpp"
#include "config/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace capstan::backup {

namespace {

constexpr std::size_t kLeftMax = 64;  // directories that wait for their files
using Verdict = ObjectSink::Verdict;

std::string_view parent_of(std::string_view path) {
    auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}
std::string last_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool is_before(const struct timespec& existing, FileTime saved) {
    return FileTime{existing.tv_sec, static_cast<std::uint32_t>(existing.tv_nsec)} < saved;
}

class RestoreTarget final : public ObjectSink {
  public:
    RestoreTarget(FileHandle root, RestoreOptions options, IssueQueue& issues)
        : options_(std::move(options)),
          ledger_(issues),
          names_(options_.nonce),
          applier_(options_.numeric_owner),
          tree_(std::move(root), [this](int fd, const std::string& path, const Metadata& m) { leave(fd, path, m); }),
          small_files_(options_.threads, options_, names_, ledger_),
          file_(names_) {}

    Verdict begin(IncomingObject object) override;
    void in_block(std::uint64_t number, Bytes memory) override { small_files_.in_block(number, memory); }
    std::uint64_t unused_below(std::uint64_t next, bool wait) override { return small_files_.unused_below(next, wait); }
    bool write(std::uint64_t offset, Bytes bytes) override;
    void finish(const std::string& damage) override;
    Result<void> close() override;
    Result<void> lock() override;
    Counts counts() const override { return ledger_.counts(); }

  private:
    struct Inode {
        dev_t device = 0;
        ino_t inode = 0;
    };
    struct Left {  // a directory whose files are not all made
        FileHandle handle;
        std::string path;
        Metadata metadata;
        std::uint64_t files = 0;  // so many must be done before
    };
    Verdict begin_directory();
    Verdict begin_file(int parent);
    Verdict begin_small_file(int parent);
    Verdict begin_link(int parent);
    Verdict make_special(int parent);
    bool is_small_file() const;
    bool may_replace(const struct stat& existing) const;
    bool may_create(int parent, bool& kept);
    Verdict cannot_be_named();
    FileHandle open_first_name(std::string& name);
    void remember(int parent);
    void apply(int fd, Access access, const std::string& path, const Metadata& metadata);
    void leave(int fd, const std::string& path, const Metadata& metadata);
    void finish_directory(int fd, const std::string& path, const Metadata& metadata);
    void finish_directories();
    void lock_all();
    Result<void> synchronise();
    Verdict failed(std::string text) { return ledger_.failed(object_.path, std::move(text)), Verdict::skipped; }
    Verdict failed_errno(const char* what) { return failed(fmt::format("{}: {}", what, ::strerror(errno))); }
    Verdict keep() { return ledger_.kept(object_.path), Verdict::skipped; }
    Verdict done() { return ledger_.completed(), Verdict::done; }
    void give_up(std::string text);
    void drop();

    RestoreOptions options_;
    RestoreLedger ledger_;
    TemporaryNames names_;
    Applier applier_;
    TargetTree tree_;
    SmallFiles small_files_;
    std::shared_ptr<const FileHandle> small_files_parent_;  // of the last small file
    std::string small_files_path_;
    std::deque<Left> left_;
    std::unordered_map<std::string, Inode> first_names_;  // objects with several names that this restore made
    std::vector<std::pair<std::string, Metadata>> to_lock_;
    std::set<std::pair<dev_t, ino_t>> made_;  // directories, where more than one set is restored
    // the present object
    IncomingObject object_;  // of a small file: empty, it is in small_
    std::string name_;
    Existing existing_ = Existing::never;  // what becomes of one that is there
    NewFile file_;
    SmallFile* small_ = nullptr;
    bool created_parent_ = false;
    std::uint64_t end_ = 0;  // of what was written
};

Verdict RestoreTarget::begin(IncomingObject object) {
    drop();  // what was not finished
    object_ = std::move(object);
    if (!left_.empty()) finish_directories();
    if (!usable_path(object_.path)) return failed("the path on the medium is not one that can be created");
    const auto& metadata = object_.metadata;
    if (metadata.is_directory()) return begin_directory();
    if (object_.path.empty()) return failed("the root on the medium is not a directory");
    name_ = last_of(object_.path);
    auto* level = tree_.enter(std::string(parent_of(object_.path)), TargetTree::Missing::create);
    if (level == nullptr) return failed_errno("its directory cannot be used");
    created_parent_ = level->created;
    int parent = tree_.descriptor();
    if (parent < 0) return failed_errno("its directory cannot be used");
    bool kept = false;
    existing_ = options_.existing;
    if (options_.cut_off && !created_parent_ && options_.cut_off->made_object(parent, name_, metadata))
        existing_ = Existing::always;  // it is made anew
    if (!metadata.first_name.empty()) return begin_link(parent);
    if (!created_parent_ && !may_create(parent, kept)) return kept ? keep() : Verdict::skipped;
    if (is_small_file()) return begin_small_file(parent);
    return metadata.is_regular() ? begin_file(parent) : make_special(parent);
}

bool RestoreTarget::may_replace(const struct stat& existing) const {
    return existing_ == Existing::always ||
           (existing_ == Existing::older && is_before(existing.st_mtim, object_.metadata.modified));
}

// Looks at what has the name already. False: it stays (`kept`), or it cannot be replaced (named).
bool RestoreTarget::may_create(int parent, bool& kept) {
    struct stat existing{};
    if (::fstatat(parent, name_.c_str(), &existing, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return true;
        failed_errno("its place cannot be looked at");
        return false;
    }
    kept = !may_replace(existing);
    if (kept) return false;
    if (S_ISDIR(existing.st_mode) && ::unlinkat(parent, name_.c_str(), AT_REMOVEDIR) != 0) {
        failed_errno("a directory is in its place and cannot be removed");
        return false;
    }
    return true;
}

Verdict RestoreTarget::begin_directory() {
    const auto& metadata = object_.metadata;
    existing_ = options_.existing;
    using Missing = TargetTree::Missing;
    auto* level = tree_.enter(object_.path, Missing::create);
    if (level == nullptr && (errno == ENOTDIR || errno == ELOOP)) {
        name_ = last_of(object_.path);
        auto* above = tree_.enter(std::string(parent_of(object_.path)), Missing::create);
        int parent = above != nullptr ? tree_.descriptor() : -1;
        struct stat existing{};
        bool there = parent >= 0 && ::fstatat(parent, name_.c_str(), &existing, AT_SYMLINK_NOFOLLOW) == 0;
        if (there && !S_ISDIR(existing.st_mode) && may_replace(existing) && ::unlinkat(parent, name_.c_str(), 0) == 0)
            level = tree_.enter(object_.path, Missing::create);
        if (level == nullptr) return failed("something that is no directory is in its place");
    }
    if (level == nullptr) return failed_errno("the directory cannot be made");
    int fd = tree_.descriptor();
    if (level->created && fd >= 0) applier_.apply_before_data(fd, metadata);
    struct stat existing{};
    bool take_over =
        level->created || (!metadata.path_only && fd >= 0 && ::fstat(fd, &existing) == 0 && may_replace(existing));
    if (options_.cut_off && !level->created && fd >= 0) {  // never the target itself, made for this by somebody
        options_.cut_off->remove_temporaries(fd);
        take_over = take_over || (!object_.path.empty() && made_since(options_.cut_off->since, fd, metadata));
    }
    // One that this restore made from an earlier set of the same run, to which more is added now.
    if (options_.several_sets && fd >= 0 && ::fstat(fd, &existing) == 0) {
        const std::pair inode(existing.st_dev, existing.st_ino);
        if (level->created) made_.insert(inode);
        take_over = take_over || made_.contains(inode);
    }
    if (take_over) level->pending = metadata;
    return done();
}

// Those that nothing later in the set refers to.
bool RestoreTarget::is_small_file() const {
    const auto& metadata = object_.metadata;
    return metadata.is_regular() && metadata.links <= 1 && !metadata.size_unknown &&
           metadata.size <= SmallFiles::kSizeMax && !Applier::needs_locking(metadata);
}

Verdict RestoreTarget::begin_small_file(int parent) {
    auto path = parent_of(object_.path);
    if (!small_files_parent_ || small_files_path_ != path) {
        FileHandle handle(::fcntl(parent, F_DUPFD_CLOEXEC, 0));
        if (!handle) return failed_errno("its directory cannot be used");
        small_files_parent_ = std::make_shared<const FileHandle>(std::move(handle));
        small_files_path_ = path;
    }
    small_ = &small_files_.begin();
    small_->parent = small_files_parent_;
    small_->name = std::move(name_);
    small_->object = std::move(object_);
    small_->existing = existing_;
    end_ = 0;
    return Verdict::write_data;
}

Verdict RestoreTarget::begin_file(int parent) {
    if (!file_.create(parent, existing_)) return failed_errno("it cannot be created");
    applier_.apply_before_data(file_.descriptor(), object_.metadata);
    if (!object_.sparse && !file_.has_room_for(object_.metadata.size)) {
        file_.drop();
        return failed(fmt::format("there is no room for its {} bytes", object_.metadata.size));
    }
    end_ = 0;
    return Verdict::write_data;
}

void RestoreTarget::drop() {
    if (std::exchange(small_, nullptr) != nullptr) small_files_.abandon();
    file_.drop();
}

void RestoreTarget::give_up(std::string text) {
    if (small_ != nullptr) object_.path = std::move(small_->object.path);
    drop();
    failed(std::move(text));
}

bool RestoreTarget::write(std::uint64_t offset, Bytes bytes) {
    if (!file_ && small_ == nullptr) return false;
    // Never beyond the announced size: a hostile offset must not fill the disk with a file that the ledger calls small.
    const auto& metadata = small_ != nullptr ? small_->object.metadata : object_.metadata;
    if (!metadata.size_unknown && (offset > metadata.size || bytes.size() > metadata.size - offset))
        return give_up("the medium holds data beyond its size"), false;
    if (small_ != nullptr) {
        small_files_.add(offset, bytes);
        return true;
    }
    auto written = write_all(file_.descriptor(), bytes, offset, object_.path);
    if (!written) return give_up(written.error().happened), false;
    ledger_.wrote(bytes.size());
    file_.written_until(end_ = offset + bytes.size());
    return true;
}

void RestoreTarget::finish(const std::string& damage) {
    if (small_ != nullptr) {
        small_->damage = damage;
        small_ = nullptr;
        return small_files_.submit();
    }
    if (!file_) return;
    if (object_.metadata.size_unknown) object_.metadata.size = end_;
    auto size = static_cast<off_t>(object_.metadata.size);
    if (end_ != object_.metadata.size && ::ftruncate(file_.descriptor(), size) != 0)
        return give_up(fmt::format("its size cannot be set: {}", ::strerror(errno)));
    apply(file_.descriptor(), Access::readable, object_.path, object_.metadata);
    if (!file_.place(name_)) return static_cast<void>(cannot_be_named());
    remember(tree_.descriptor());
    if (!damage.empty()) ledger_.note(IssueKind::damaged, object_.path, damage);
    ledger_.completed();
}

Verdict RestoreTarget::make_special(int parent) {
    const auto& metadata = object_.metadata;
    bool node = metadata.is_device() || metadata.is_fifo();
    if (!node && !metadata.is_symlink())
        return failed(fmt::format("objects of type {:o} are not known", metadata.mode >> 12));
    auto device = makedev(metadata.device_major, metadata.device_minor);
    std::string temporary;
    int made = 0;
    do {
        temporary = names_.next();
        made = node ? ::mknodat(parent, temporary.c_str(), static_cast<mode_t>(metadata.mode & S_IFMT) | 0600, device)
                    : ::symlinkat(metadata.target.c_str(), parent, temporary.c_str());
    } while (made != 0 && errno == EEXIST);
    if (made != 0) return failed_errno("it cannot be created");
    FileHandle handle(::openat(parent, temporary.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (handle) apply(handle.get(), Access::path_only, object_.path, metadata);
    if (!name_or_remove(parent, temporary, name_, existing_)) return cannot_be_named();
    remember(parent);
    return done();
}

// After a refusal to give the finished object its name: it is gone, and errno says why.
Verdict RestoreTarget::cannot_be_named() {
    if (errno == EEXIST && existing_ == Existing::never) return keep();  // something appeared meanwhile
    return failed_errno("it cannot get its name");
}

void RestoreTarget::remember(int parent) {
    const auto& metadata = object_.metadata;
    if (metadata.links > 1) {
        struct stat stat{};
        if (::fstatat(parent, name_.c_str(), &stat, AT_SYMLINK_NOFOLLOW) == 0)
            first_names_[object_.path] = {stat.st_dev, stat.st_ino};
    }
    if (Applier::needs_locking(metadata)) to_lock_.emplace_back(object_.path, metadata);
}

// The directory of the name that has the data, if that name is what it must be. Empty: named in the ledger.
FileHandle RestoreTarget::open_first_name(std::string& name) {
    const auto& metadata = object_.metadata;
    if (!usable_path(metadata.first_name) || metadata.first_name.empty()) {
        failed("it is a hard link to a path that cannot be one");
        return {};
    }
    auto directory = tree_.open(parent_of(metadata.first_name));
    name = last_of(metadata.first_name);
    struct stat stat{};
    if (!directory || ::fstatat(directory.get(), name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
        failed(fmt::format("it is a hard link to /{}, which was not restored", metadata.first_name));
        return {};
    }
    auto mine = first_names_.find(metadata.first_name);
    // An object that was there before may only get a further name if it plainly is the one that was saved.
    bool same = mine != first_names_.end()
                    ? mine->second.device == stat.st_dev && mine->second.inode == stat.st_ino
                    : (stat.st_mode & S_IFMT) == (metadata.mode & S_IFMT) &&
                          (!S_ISREG(stat.st_mode) || static_cast<std::uint64_t>(stat.st_size) == metadata.size) &&
                          stat.st_mtim.tv_sec == metadata.modified.seconds &&
                          stat.st_mtim.tv_nsec == static_cast<long>(metadata.modified.nanoseconds);
    if (same) return directory;
    failed(fmt::format("it is a hard link to /{}, and what is there now is not what was saved", metadata.first_name));
    return {};
}

Verdict RestoreTarget::begin_link(int parent) {
    std::string first;
    struct stat existing{}, source{};
    bool there = !created_parent_ && ::fstatat(parent, name_.c_str(), &existing, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && existing_ == Existing::never) return keep();
    auto directory = open_first_name(first);
    if (!directory) return Verdict::skipped;
    if (there && ::fstatat(directory.get(), first.c_str(), &source, AT_SYMLINK_NOFOLLOW) == 0 &&
        source.st_dev == existing.st_dev && source.st_ino == existing.st_ino)
        return done();  // it is that link already
    bool kept = false;
    if (there && !may_create(parent, kept)) return kept ? keep() : Verdict::skipped;
    do {
        auto temporary = names_.next();
        if (::linkat(directory.get(), first.c_str(), parent, temporary.c_str(), 0) == 0) {
            if (!name_or_remove(parent, temporary, name_, existing_)) return cannot_be_named();
            return done();
        }
    } while (errno == EEXIST);
    return failed_errno("the hard link cannot be made");
}

void RestoreTarget::apply(int fd, Access access, const std::string& path, const Metadata& metadata) {
    std::vector<std::string> missing;
    applier_.apply(fd, access, metadata, missing);
    for (auto& part : missing) ledger_.note(IssueKind::metadata_not_restored, path, std::move(part));
}

// A directory's times are set when all in it is made.
void RestoreTarget::leave(int fd, const std::string& path, const Metadata& metadata) {
    auto files = small_files_.submitted();
    if (left_.size() >= kLeftMax) {
        small_files_.settle();
        finish_directories();
    }
    if (left_.empty() && small_files_.done_below() >= files) return finish_directory(fd, path, metadata);
    FileHandle own(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!own) {  // it cannot be kept open: its files are waited for
        int error = errno;
        small_files_.settle();
        finish_directories();
        errno = error;
        return finish_directory(fd, path, metadata);
    }
    left_.push_back({std::move(own), path, metadata, files});
}

void RestoreTarget::finish_directory(int fd, const std::string& path, const Metadata& metadata) {
    if (fd < 0)
        return ledger_.note(IssueKind::metadata_not_restored, path,
                            fmt::format("the directory is gone: {}", ::strerror(errno)));
    apply(fd, Access::readable, path, metadata);
    if (Applier::needs_locking(metadata)) to_lock_.emplace_back(path, metadata);
}

void RestoreTarget::finish_directories() {
    while (!left_.empty() && small_files_.done_below() >= left_.front().files) {
        auto& first = left_.front();
        finish_directory(first.handle.get(), first.path, first.metadata);
        left_.pop_front();
    }
}

void RestoreTarget::lock_all() {
    for (auto entry = to_lock_.rbegin(); entry != to_lock_.rend(); ++entry) {
        const auto& [path, metadata] = *entry;
        auto parent = tree_.open(parent_of(path));
        auto name = path.empty() ? std::string(".") : last_of(path);
        FileHandle handle(parent ? open_beneath(parent.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) : -1);
        std::vector<std::string> missing;
        if (handle)
            Applier::lock(handle.get(), metadata, missing);
        else
            missing.push_back(fmt::format("inode flags: {}", ::strerror(errno)));
        for (auto& part : missing) ledger_.note(IssueKind::metadata_not_restored, path, std::move(part));
    }
    to_lock_.clear();
}

Result<void> RestoreTarget::lock() {
    lock_all();
    return synchronise();
}

Result<void> RestoreTarget::synchronise() {
    for (const auto& [device, handle] : tree_.file_systems()) {
        if (::syncfs(handle.get()) != 0)
            return fail_errno(errno, fmt::format("cannot synchronise what was restored below {}", options_.root),
                              "Look at the disk, then restore again.");
    }
    return {};
}

Result<void> RestoreTarget::close() {
    small_files_.settle();
    small_files_parent_.reset();
    finish_directories();
    tree_.leave_all();
    return synchronise();
}

}  // namespace

Result<std::unique_ptr<ObjectSink>> open_restore_target(RestoreOptions options, IssueQueue& issues) {
    CAPSTAN_TRY(auto root, open_restore_root(options, true));
    return std::make_unique<RestoreTarget>(std::move(root), std::move(options), issues);
}

}  // namespace capstan::backup
