#include "drives/virtual/cartridge_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace capstan::virtual_library {
namespace {

constexpr std::uint64_t kFilemarkCost = 512;
constexpr std::uint64_t kWritebackStep = 16ull << 20;  // the disk begins to work while the next blocks are taken
constexpr std::uint64_t kWritebackBehind = 4;          // steps on their way to the disk; what lies before them leaves the page cache
constexpr std::uint64_t kReadStep = 8ull << 20;
constexpr std::uint64_t kCachedRecords = 128;
constexpr std::size_t kMediumFileMax = 4u << 20;

std::size_t size_of(scsi::DataOut data) {
    std::size_t size = 0;
    for (auto part : data) size += part.size();
    return size;
}

}  // namespace

CartridgeFile::CartridgeFile(std::string directory, MediumInfo info, bool read_only)
    : directory_(std::move(directory)), info_(std::move(info)), read_only_(read_only) {
    cache_.reserve(kCachedRecords * kIndexRecordSize);
}

Error CartridgeFile::damaged(BlockNumber number, const char* what) const {
    return {Recovery::replace_medium, fmt::format("virtual cartridge {}: object {}: {}", info_.id, raw(number), what),
            "Restore the cartridge's files, or take it out.", std::nullopt};
}

std::string CartridgeFile::segment_path(std::uint64_t number) const {
    return fmt::format("{}/data.{:06}", directory_, number);
}

Result<void> CartridgeFile::create(const std::string& directory, const MediumInfo& info, Durable durable) {
    CAPSTAN_CHECK(check(info));
    if (::mkdir(directory.c_str(), 0700) != 0)
        return fail_errno(errno, fmt::format("cannot make the cartridge directory {}", directory));
    auto text = encode(info);
    if (durable == Durable::caller_synchronises) {
        CAPSTAN_TRY(auto file, open_file(directory + "/medium", O_WRONLY | O_CREAT | O_EXCL));
        return write_all(file.get(), bytes_of(text), 0, directory + "/medium");
    }
    CAPSTAN_CHECK(replace_file(directory + "/medium", bytes_of(text)));
    return sync_directory(directory + "/..");
}

Result<std::unique_ptr<CartridgeFile>> CartridgeFile::open(const std::string& directory) {
    return open(directory, false);
}

Result<std::unique_ptr<CartridgeFile>> CartridgeFile::open_read_only(const std::string& directory) {
    return open(directory, true);
}

Result<std::unique_ptr<CartridgeFile>> CartridgeFile::open(const std::string& directory, bool read_only) {
    CAPSTAN_TRY(auto text, read_file(directory + "/medium", kMediumFileMax));
    CAPSTAN_TRY(auto info, decode_medium_info(text_of(text)));
    std::unique_ptr<CartridgeFile> cartridge(new CartridgeFile(directory, std::move(info), read_only));
    int fd = ::open(cartridge->index_path().c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT) return fail_errno(errno, fmt::format("cannot open {}", cartridge->index_path()));
    cartridge->index_.reset(fd);
    if (fd >= 0) CAPSTAN_CHECK(cartridge->find_synchronised_end());
    cartridge->data_end_ = cartridge->writeback_from_ = cartridge->synchronised_data_end_;
    // What lies behind the end was never confirmed, or was cut by a crash half way through truncate().
    if (!read_only) CAPSTAN_CHECK(cartridge->cut_data(cartridge->data_end_));
    return cartridge;
}

// A batch of records is written only after every earlier batch was synchronised. So only the last batch can be torn,
// and it can be torn anywhere, since the kernel writes pages in any order: the newest readable record names where its
// batch begins, and the end is the first unreadable record from there on.
Result<void> CartridgeFile::find_synchronised_end() {
    struct stat status{};
    if (::fstat(index_.get(), &status) != 0) return fail_errno(errno, fmt::format("cannot examine {}", index_path()));
    auto size = static_cast<std::uint64_t>(status.st_size);
    auto end = size / kIndexRecordSize;
    synchronised_ = end;  // record() reads what the file has
    while (end > 0 && !record(BlockNumber{end - 1})) --end;
    if (end > 0) {
        CAPSTAN_TRY(auto last, record(BlockNumber{end - 1}));
        auto intact = last.batch;
        while (intact < end && record(BlockNumber{intact})) ++intact;
        end = intact;
    }
    synchronised_ = end;
    if (end > 0) {
        CAPSTAN_TRY(auto last, record(BlockNumber{end - 1}));
        synchronised_data_end_ = last.offset + last.size;
        filemarks_ = last.filemarks_before + (last.kind == IndexRecord::Kind::filemark ? 1 : 0);
    }
    cache_.clear();
    if (read_only_ || size == end * kIndexRecordSize) return {};
    if (::ftruncate(index_.get(), static_cast<off_t>(end * kIndexRecordSize)) != 0 || ::fsync(index_.get()) != 0)
        return fail_errno(errno, fmt::format("cannot cut the torn end of {}", index_path()));
    return {};
}

Result<IndexRecord> CartridgeFile::record(BlockNumber number) {
    auto n = raw(number);
    if (n >= synchronised_) return pending_[n - synchronised_];
    auto at = (n - cache_first_) * kIndexRecordSize;
    if (n < cache_first_ || at + kIndexRecordSize > cache_.size()) {
        cache_first_ = n / kCachedRecords * kCachedRecords;
        auto count = std::min(kCachedRecords, synchronised_ - cache_first_);
        cache_.resize(count * kIndexRecordSize);
        auto got = read_some(index_.get(), cache_, cache_first_ * kIndexRecordSize, index_path());
        if (!got) {
            cache_.clear();
            return std::unexpected(got.error());
        }
        cache_.resize(*got);
        at = (n - cache_first_) * kIndexRecordSize;
        if (at + kIndexRecordSize > cache_.size())
            return std::unexpected(damaged(number, "its index record is missing"));
    }
    auto found = decode_index_record(Bytes(cache_).subspan(at, kIndexRecordSize), number);
    if (!found) return std::unexpected(damaged(number, "its index record is damaged"));
    return *found;
}

Result<void> CartridgeFile::set_info(MediumInfo info) {
    CAPSTAN_CHECK(check(info));
    if (info.id != info_.id || info.segment_size != info_.segment_size)
        return fail(Recovery::change_request,
                    fmt::format("virtual cartridge {}: id and segment size never change", info_.id));
    CAPSTAN_CHECK(replace_file(directory_ + "/medium", bytes_of(encode(info))));
    info_ = std::move(info);
    return {};
}

std::uint64_t CartridgeFile::used() const { return data_end_ + filemarks_ * kFilemarkCost; }

Result<std::uint64_t> CartridgeFile::byte_position(BlockNumber number) {
    if (number >= end()) return data_end_;
    CAPSTAN_TRY(auto found, record(number));
    return found.offset;
}

Result<CartridgeFile::Object> CartridgeFile::object(BlockNumber number) {
    CAPSTAN_TRY(auto found, record(number));
    return Object{found.kind == IndexRecord::Kind::filemark, found.size};
}

Result<std::uint64_t> CartridgeFile::filemarks_before(BlockNumber number) {
    if (number >= end()) return filemarks_;
    CAPSTAN_TRY(auto found, record(number));
    return found.filemarks_before;
}

Result<BlockNumber> CartridgeFile::find_filemark(std::uint64_t nth) {
    std::uint64_t low = 0, high = raw(end());  // the answer is in [low, high)
    while (high - low > 1) {
        auto middle = low + (high - low) / 2;
        CAPSTAN_TRY(auto before, filemarks_before(BlockNumber{middle}));
        (before <= nth ? low : high) = middle;
    }
    return BlockNumber{low};
}

Result<std::size_t> CartridgeFile::read(BlockNumber number, MutableBytes space) {
    CAPSTAN_TRY(auto found, record(number));
    auto size = std::min<std::size_t>(space.size(), found.size);
    for (std::size_t done = 0; done < size;) {
        auto at = found.offset + done;
        CAPSTAN_TRY(int fd, segment(at / info_.segment_size, false));
        auto within = at % info_.segment_size;
        auto part = std::min<std::uint64_t>(size - done, info_.segment_size - within);
        if (fd < 0) return std::unexpected(damaged(number, "its data file is missing"));
        CAPSTAN_TRY(auto got, read_some(fd, space.subspan(done, part), within, segment_path(at / info_.segment_size)));
        if (got < part) return std::unexpected(damaged(number, "its data are cut short"));
        done += part;
    }
    read_on(found.offset, found.offset + size);
    return size;
}

// A tape is read in a row: the next step is fetched before it is asked for, and what was read leaves the page cache.
void CartridgeFile::read_on(std::uint64_t from, std::uint64_t until) {
    constexpr std::uint64_t kKept = 3 * kReadStep;
    if (from != read_until_) read_from_ = dropped_until_ = fetched_until_ = from;  // the tape was moved
    read_until_ = until;
    if (until < read_from_ + kReadStep) return;  // a label, a small set
    fetched_until_ = std::max(fetched_until_, until);
    if (fetched_until_ < until + kReadStep) {
        advise_step(fetched_until_, POSIX_FADV_WILLNEED);
        fetched_until_ += kReadStep;
    }
    if (until < dropped_until_ + kKept) return;
    advise_step(dropped_until_, POSIX_FADV_DONTNEED);
    dropped_until_ += kReadStep;
}

void CartridgeFile::advise_step(std::uint64_t offset, int advice) const {
    const auto number = offset / info_.segment_size;
    if (number >= segments_.size() || !segments_[number].file) return;
    const auto within = static_cast<off_t>(offset % info_.segment_size);
    (void)::posix_fadvise(segments_[number].file.get(), within, static_cast<off_t>(kReadStep), advice);
}

// -1: there is no such file, and it was not to be made.
Result<int> CartridgeFile::segment(std::uint64_t number, bool create) {
    if (number < segments_.size() && segments_[number].file) return segments_[number].file.get();
    int fd = ::open(segment_path(number).c_str(), (read_only_ ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        if (!create) return -1;
        fd = ::open(segment_path(number).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        directory_dirty_ = true;
    }
    if (fd < 0) return fail_errno(errno, fmt::format("cannot open {}", segment_path(number)));
    if (number >= segments_.size()) segments_.resize(number + 1);
    segments_[number].file.reset(fd);
    return fd;
}

Result<void> CartridgeFile::write_data(std::uint64_t offset, scsi::DataOut data, std::size_t size) {
    std::size_t part = 0, within_part = 0;
    while (size > 0) {
        auto number = offset / info_.segment_size;
        auto within = offset % info_.segment_size;
        CAPSTAN_CHECK(segment(number, true));
        std::array<iovec, 16> vectors;
        std::size_t count = 0;
        auto room = std::min<std::uint64_t>(size, info_.segment_size - within);
        for (auto i = part, skip = within_part; i < data.size() && count < vectors.size() && room > 0; ++i, skip = 0) {
            auto bytes = data[i].subspan(skip, std::min<std::uint64_t>(data[i].size() - skip, room));
            if (bytes.empty()) continue;
            vectors[count++] = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
            room -= bytes.size();
        }
        auto written = ::pwritev(segments_[number].file.get(), vectors.data(), static_cast<int>(count), static_cast<off_t>(within));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno(errno, fmt::format("cannot write {}", segment_path(number)));
        segments_[number].dirty = true;
        offset += static_cast<std::uint64_t>(written);
        size -= static_cast<std::size_t>(written);
        for (auto left = static_cast<std::size_t>(written); left > 0;) {
            auto step = std::min(left, data[part].size() - within_part);
            left -= step;
            within_part += step;
            if (within_part == data[part].size()) ++part, within_part = 0;
        }
    }
    return {};
}

// A tape is written once, from its beginning to its end, and not read again soon: its pages are handed to the disk step by step,
// and used again for what comes next once they are there. So the disk works all the time, the page cache of the machine is
// not swept out, and the memory written to is warm.
Result<void> CartridgeFile::stream_to_disk() {
    if (data_end_ < writeback_from_ + kWritebackStep) return {};
    constexpr auto kThere = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    CAPSTAN_CHECK(write_back(writeback_from_, SYNC_FILE_RANGE_WRITE));
    const auto behind = kWritebackBehind * kWritebackStep;
    if (writeback_from_ >= synchronised_data_end_ + behind) CAPSTAN_CHECK(write_back(writeback_from_ - behind, kThere));
    writeback_from_ += kWritebackStep;
    return {};
}

// One step from `offset` on, as far as its file goes. An error ends all use of the files as one of fdatasync does: the kernel
// tells of a failed page once, to whoever asks first.
Result<void> CartridgeFile::write_back(std::uint64_t offset, unsigned how) {
    const auto number = offset / info_.segment_size;
    const auto within = static_cast<off_t>(offset % info_.segment_size);
    if (number >= segments_.size() || !segments_[number].file) return {};
    const int fd = segments_[number].file.get();
    constexpr auto kSize = static_cast<off_t>(kWritebackStep);
    if (::sync_file_range(fd, within, kSize, how) != 0 && errno != ENOSYS && errno != ESPIPE && errno != EINVAL) {
        failed_ = true;
        return fail_errno(errno, fmt::format("cannot write {}", segment_path(number)));
    }
    if ((how & SYNC_FILE_RANGE_WAIT_AFTER) != 0) (void)::posix_fadvise(fd, within, kSize, POSIX_FADV_DONTNEED);
    return {};
}

Result<void> CartridgeFile::append_block(BlockNumber at, scsi::DataOut data) {
    auto size = size_of(data);
    if (size == 0 || size > kBlockSizeMax)
        return fail(Recovery::change_request, fmt::format("virtual cartridge {}: a block of {} bytes", info_.id, size));
    if (at < end()) CAPSTAN_CHECK(truncate(at));
    if (failed_) return fail(Recovery::give_up, fmt::format("virtual cartridge {}: its files failed", info_.id));
    CAPSTAN_CHECK(write_data(data_end_, data, size));
    pending_.push_back({IndexRecord::Kind::block, static_cast<std::uint32_t>(size), data_end_, filemarks_, 0});
    data_end_ += size;
    return stream_to_disk();
}

Result<void> CartridgeFile::append_filemarks(BlockNumber at, std::uint64_t count) {
    if (at < end()) CAPSTAN_CHECK(truncate(at));
    if (failed_) return fail(Recovery::give_up, fmt::format("virtual cartridge {}: its files failed", info_.id));
    for (; count > 0; --count) pending_.push_back({IndexRecord::Kind::filemark, 0, data_end_, filemarks_++, 0});
    return {};
}

void CartridgeFile::forget_pending(BlockNumber new_end) {
    if (new_end >= end()) return;
    const auto& first = pending_[raw(new_end) - synchronised_];
    data_end_ = first.offset;
    filemarks_ = first.filemarks_before;
    writeback_from_ = std::min(writeback_from_, data_end_);
    pending_.resize(raw(new_end) - synchronised_);
}

// The index first, durably: from then on nothing refers to the data that will be overwritten.
Result<void> CartridgeFile::truncate(BlockNumber new_end) {
    if (read_only_)
        return fail(Recovery::change_request, fmt::format("virtual cartridge {} was opened read-only", info_.id));
    if (new_end >= synchronised_end()) {
        forget_pending(new_end);
        return {};
    }
    CAPSTAN_TRY(auto first, record(new_end));
    forget_pending(synchronised_end());
    if (::ftruncate(index_.get(), static_cast<off_t>(raw(new_end) * kIndexRecordSize)) != 0 ||
        ::fsync(index_.get()) != 0)
        return fail_errno(errno, fmt::format("cannot cut {}", index_path()));
    cache_.clear();
    synchronised_ = raw(new_end);
    data_end_ = synchronised_data_end_ = first.offset;
    filemarks_ = first.filemarks_before;
    writeback_from_ = std::min(writeback_from_, data_end_);
    return cut_data(data_end_);
}

// Gives the space behind the end back. No part of the promise: nothing refers to it.
Result<void> CartridgeFile::cut_data(std::uint64_t data_end) {
    auto number = data_end / info_.segment_size;
    CAPSTAN_TRY(int fd, segment(number, false));
    if (fd >= 0) {
        struct stat status{};
        auto within = static_cast<off_t>(data_end % info_.segment_size);
        if (::fstat(fd, &status) != 0 || (status.st_size > within && ::ftruncate(fd, within) != 0))
            return fail_errno(errno, fmt::format("cannot cut {}", segment_path(number)));
    }
    if (segments_.size() > number + 1) segments_.resize(number + 1);
    while (::unlink(segment_path(++number).c_str()) == 0) directory_dirty_ = true;
    if (errno != ENOENT) return fail_errno(errno, fmt::format("cannot remove {}", segment_path(number)));
    return {};
}

Result<void> CartridgeFile::sync_data() {
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        if (!segments_[i].dirty) continue;
        if (::fdatasync(segments_[i].file.get()) != 0)
            return fail_errno(errno, fmt::format("cannot synchronise {}", segment_path(i)));
        segments_[i].dirty = false;
        if (i + 1 < segments_.size()) segments_[i] = {};  // written to its end: no descriptor is kept
    }
    if (!index_) {
        CAPSTAN_TRY(index_, open_file(index_path(), O_RDWR | O_CREAT));
        directory_dirty_ = true;
    }
    if (directory_dirty_) CAPSTAN_CHECK(sync_directory(directory_));
    directory_dirty_ = false;
    return {};
}

Result<void> CartridgeFile::synchronise() {
    if (pending_.empty()) return {};
    if (failed_) return fail(Recovery::give_up, fmt::format("virtual cartridge {}: its files failed", info_.id));
    failed_ = true;
    CAPSTAN_CHECK(sync_data());
    std::vector<std::uint8_t> records;
    auto number = synchronised_;
    for (std::size_t i = 0; i < pending_.size();) {
        records.clear();
        auto first = number;
        for (; i < pending_.size() && records.size() < 65536; ++i, ++number) {
            pending_[i].batch = synchronised_;
            auto bytes = encode(pending_[i], BlockNumber{number});
            records.insert(records.end(), bytes.begin(), bytes.end());
        }
        CAPSTAN_CHECK(write_all(index_.get(), records, first * kIndexRecordSize, index_path()));
    }
    if (::fdatasync(index_.get()) != 0) return fail_errno(errno, fmt::format("cannot synchronise {}", index_path()));
    synchronised_ = number;
    synchronised_data_end_ = writeback_from_ = data_end_;
    pending_.clear();
    failed_ = false;
    return {};
}

Result<void> CartridgeFile::drop_unsynchronised() {
    forget_pending(synchronised_end());
    // A failed synchronise() may have left records behind the end.
    if (failed_ && index_ && ::ftruncate(index_.get(), static_cast<off_t>(synchronised_ * kIndexRecordSize)) != 0)
        return fail_errno(errno, fmt::format("cannot cut {}", index_path()));
    for (auto& each : segments_) each.dirty = false;
    failed_ = false;
    return cut_data(data_end_);
}

}  // namespace capstan::virtual_library
