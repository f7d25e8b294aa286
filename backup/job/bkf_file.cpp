#include "backup/job/bkf_file.hpp"

#include "backup/labels/labels.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace capstan::backup {
namespace {

using drives::ReadReport;
using drives::RingEntry;
using drives::StreamReport;
using std::chrono::milliseconds;

constexpr std::uint64_t kWriteBackAt = 8 << 20;  // the disk is kept busy, so that the last fsync is short

std::string directory_of(const std::string& path) {
    auto slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

Result<void> synchronise(BkfFile& file) {
    if (::fsync(file.descriptor.get()) != 0) return fail_errno(errno, fmt::format("cannot synchronise {}", file.path));
    if (file.named) return {};
    CAPSTAN_CHECK(sync_directory(directory_of(file.path)));
    file.named = true;
    return {};
}

StreamReport failed(StreamReport report, Error error) {
    report.reason = StreamReport::Reason::failed;
    report.error = std::move(error);
    return report;
}

// The worker's thread: takes entries until there is something to report.
StreamReport write_entries(BkfFile& file, drives::BlockRing& ring, milliseconds patience) {
    StreamReport report;
    auto at = [&](StreamReport::Reason reason) {
        report.reason = reason;
        report.next_sequence = report.proven_sequence = ring.taken();
        report.position = report.proven_position = BlockNumber{file.size / kBkfBlock};
        return report;
    };
    for (;;) {
        const auto* entry = file.interrupted.exchange(false) ? nullptr : ring.wait_front(patience);
        if (entry == nullptr) return at(StreamReport::Reason::starved);
        if (entry->kind == RingEntry::Kind::block || entry->kind == RingEntry::Kind::end_block) {
            auto written = write_all(file.descriptor.get(), entry->bytes(), file.size, file.path);
            if (!written) return failed(at(StreamReport::Reason::failed), written.error());
            file.size += entry->size;
            report.bytes += entry->size;
            if (file.size / kWriteBackAt != (file.size - entry->size) / kWriteBackAt)
                (void)::sync_file_range(file.descriptor.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
        } else {  // checkpoint, end; a file has no filemarks of its own
            if (auto done = synchronise(file); !done) return failed(at(StreamReport::Reason::failed), done.error());
        }
        const auto kind = entry->kind;
        ring.pop();
        ring.prove(ring.taken());
        if (kind == RingEntry::Kind::checkpoint) return at(StreamReport::Reason::checkpoint);
        if (kind == RingEntry::Kind::end) return at(StreamReport::Reason::ended);
    }
}

ReadReport read_chunks(BkfFile& file, drives::BlockRing& ring, BlockNumber from, std::uint64_t count, milliseconds patience) {
    ReadReport report;
    report.position = from;
    auto at = [&](ReadReport::Reason reason) {
        report.reason = reason;
        return report;
    };
    while (report.blocks < count) {
        auto space = file.interrupted.exchange(false) ? MutableBytes{} : ring.wait_room(patience);
        if (space.empty()) return at(ReadReport::Reason::no_room);
        auto wanted = std::min<std::uint64_t>((count - report.blocks) * kBkfBlock, space.size() / kBkfBlock * kBkfBlock);
        auto size = read_some(file.descriptor.get(), space.first(wanted), raw(report.position) * kBkfBlock, file.path);
        if (!size) {
            report.error = size.error();
            return at(ReadReport::Reason::failed);
        }
        if (*size == 0) return at(ReadReport::Reason::end_of_data);
        ring.push(RingEntry::Kind::block, *size);
        auto blocks = (*size + kBkfBlock - 1) / kBkfBlock;  // a file that was cut off may end inside a block
        report.blocks += blocks;
        report.bytes += *size;
        report.position = report.position + blocks;
    }
    return at(ReadReport::Reason::count_reached);
}

Error stopping() { return fail(Recovery::cancelled, "the daemon is stopping").error(); }

}  // namespace

Result<std::unique_ptr<BkfWriter>> BkfWriter::create(const std::string& path, std::unique_ptr<Worker> worker) {
    auto file = std::make_shared<BkfFile>();
    auto made = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
    if (!made) return std::unexpected(made.error());
    file->descriptor = std::move(*made);
    file->path = path;
    return std::unique_ptr<BkfWriter>(new BkfWriter(std::move(file), std::move(worker)));
}

Task<StreamReport> BkfWriter::write_from(std::shared_ptr<drives::BlockRing> ring, milliseconds patience) {
    std::move_only_function<StreamReport()> call = [file = file_, ring, patience] { return write_entries(*file, *ring, patience); };
    auto report = co_await worker_->run<StreamReport>(std::move(call));
    if (!report) co_return failed({}, stopping());
    co_return std::move(*report);
}

Task<Result<BlockNumber>> BkfWriter::mark_end(std::vector<drives::WriteItem>) {
    co_return fail(Recovery::give_up, fmt::format("{}: a file has no end of medium to be marked", file_->path));
}

Task<Result<drives::WriteReport>> BkfWriter::write_blocks(std::vector<drives::WriteItem>) {
    co_return fail(Recovery::give_up, fmt::format("{}: a file has no end of medium to be marked", file_->path));
}

Task<Result<BlockNumber>> BkfWriter::synchronize() {
    std::move_only_function<Result<BlockNumber>()> call = [file = file_]() -> Result<BlockNumber> {
        CAPSTAN_CHECK(synchronise(*file));
        return BlockNumber{file->size / kBkfBlock};
    };
    auto done = co_await worker_->run<Result<BlockNumber>>(std::move(call));
    if (!done) co_return std::unexpected(stopping());
    co_return std::move(*done);
}

Result<std::unique_ptr<BkfReader>> BkfReader::open(const std::string& path, const Uuid& media_id, std::unique_ptr<Worker> worker) {
    auto file = std::make_shared<BkfFile>();
    auto opened = open_file(path, O_RDONLY);
    if (!opened) return std::unexpected(opened.error());
    file->descriptor = std::move(*opened);
    file->path = path;
    std::vector<std::uint8_t> first(kBkfBlock);
    CAPSTAN_TRY(auto size, read_some(file->descriptor.get(), first, 0, path));
    auto found = labels::recognise(Bytes(first).first(size));
    auto* label = std::get_if<labels::MediaLabel>(&found);
    if (label == nullptr || label->media_id != media_id)
        return fail(Recovery::change_request,
                    fmt::format("{} is not the file that the set was written to: it holds {}", path, labels::describe(found)),
                    "Bring the file back to this place.");
    return std::unique_ptr<BkfReader>(new BkfReader(std::move(file), std::move(worker)));
}

Task<ReadReport> BkfReader::read_into(std::shared_ptr<drives::BlockRing> ring, BlockNumber from, std::uint64_t count,
                                      milliseconds patience) {
    std::move_only_function<ReadReport()> call = [file = file_, ring, from, count, patience] {
        return read_chunks(*file, *ring, from, count, patience);
    };
    auto report = co_await worker_->run<ReadReport>(std::move(call));
    if (report) co_return std::move(*report);
    ReadReport stopped;
    stopped.position = from;
    stopped.error = stopping();
    co_return stopped;
}

Task<Result<std::vector<drives::TapeObject>>> BkfReader::read_objects(BlockNumber from, std::size_t count) {
    using Objects = Result<std::vector<drives::TapeObject>>;
    std::move_only_function<Objects()> call = [file = file_, from, count]() -> Objects {
        std::vector<drives::TapeObject> objects;
        for (auto number = from; objects.size() < count; number = number + 1) {
            drives::TapeObject object{.number = number, .bytes = std::vector<std::uint8_t>(kBkfBlock)};
            CAPSTAN_TRY(auto size, read_some(file->descriptor.get(), object.bytes, raw(number) * kBkfBlock, file->path));
            object.bytes.resize(size);
            if (size == 0) object.kind = drives::TapeObject::Kind::end_of_data;
            objects.push_back(std::move(object));
            if (size == 0) break;
        }
        return objects;
    };
    auto objects = co_await worker_->run<Objects>(std::move(call));
    if (!objects) co_return std::unexpected(stopping());
    co_return std::move(*objects);
}

}  // namespace capstan::backup
