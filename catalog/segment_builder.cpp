#include "catalog/segment_builder.hpp"

#include "catalog/segment_file.hpp"
#include "config/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <numeric>
#include <utility>

namespace capstan::catalog {
namespace {

constexpr std::size_t kPageEntries = 256;      // more compress better, fewer are faster to look one up in
constexpr std::size_t kPageText = 1U << 20;
constexpr std::size_t kRunEntries = 1U << 18;  // a directory with more is written in several sorted runs
constexpr std::size_t kRunText = 64U << 20;
constexpr std::size_t kPendingMax = 2U << 20;
constexpr unsigned kSmallPage = 4096;          // a segment that fits in memory, or nearly, wastes less with small pages
constexpr unsigned kLargePage = 65536;         // rows of some KiB fill large ones better, and are fewer reads

FileTime clamp_time(FileTime time) {
    constexpr std::chrono::seconds kMax(kFileSecondsMax);
    return std::clamp(time, FileTime(-kMax), FileTime(kMax));
}

}  // namespace

struct SegmentBuilder::Work {
    struct Row {
        std::size_t name_at;
        std::uint32_t name_size;
        ObjectFacts facts;
    };
    struct PendingRow {
        std::int64_t parent;
        TreeRow row;
    };

    explicit Work(std::string final_path) : path(std::move(final_path)), building(path + ".building") {}
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    ~Work() { discard(); }

    void discard() {
        writer.reset();
        if (created) ::unlink(building.c_str());
        created = false;
    }
    void note(Result<void> result) {
        if (!result && !failure) failure = std::move(result.error());
    }
    void refuse(std::string_view what) {
        note(fail(Recovery::give_up, fmt::format("cannot write the catalog segment {}: {}", path, what)));
    }
    std::string_view name(const Row& row) const { return std::string_view(text).substr(row.name_at, row.name_size); }

    ObjectFacts admit(ObjectFacts facts);
    void sort_rows();
    void end_run();
    void put_part(std::size_t first, std::size_t last, bool split);
    void end_page(bool goes_on);
    Result<void> store(PageBlobs blobs);
    Result<void> open_writer(unsigned page_size);
    Result<void> drain();
    Result<void> make_durable();

    std::string path, building;
    std::optional<Error> failure;
    bool created = false, finished = false;
    // The directory in hand.
    bool in_directory = false;
    std::string directory;
    std::optional<ObjectFacts> own;  // not yet written
    std::uint64_t directory_fla = 0;
    std::vector<Row> rows;
    std::vector<std::uint32_t> order;
    std::string text;
    // The page in hand and finished ones.
    PageEncoder page;
    std::uint64_t page_number = 1;
    std::vector<PendingRow> page_rows;  // of the page in hand
    std::vector<std::pair<std::uint64_t, PageBlobs>> pending_pages;
    std::vector<PendingRow> pending_rows;
    std::size_t pending_size = 0;
    std::unique_ptr<SegmentFileWriter> writer;
    // Counts.
    std::uint64_t objects = 0, directories = 0, bytes = 0, not_saved = 0, first_fla = kFlaEnd, end_fla = 0;
};

// Counts an object, and makes its facts such as the format can say.
ObjectFacts SegmentBuilder::Work::admit(ObjectFacts facts) {
    facts.mtime = clamp_time(facts.mtime);
    if (facts.state == ObjectState::not_saved) facts.fla = directory_fla;  // listed behind its directory
    if (facts.fla >= kFlaEnd) refuse("an address is out of range");
    if (facts.continued) return facts;
    ++objects;
    if (facts.kind == ObjectKind::directory) ++directories;
    if (facts.state == ObjectState::not_saved) {
        ++not_saved;
        return facts;
    }
    bytes += facts.size;
    first_fla = std::min(first_fla, facts.fla);
    end_fla = std::max(end_fla, facts.fla + 1);
    return facts;
}

// Ascending by name; of two objects with one name the later counts.
void SegmentBuilder::Work::sort_rows() {
    order.resize(rows.size());
    std::iota(order.begin(), order.end(), 0U);
    auto by_name = [this](std::uint32_t a, std::uint32_t b) {
        auto order_of = name(rows[a]).compare(name(rows[b]));
        return order_of != 0 ? order_of < 0 : a > b;
    };
    if (!std::ranges::is_sorted(order, by_name)) std::ranges::sort(order, by_name);
    auto same_name = [this](std::uint32_t a, std::uint32_t b) { return name(rows[a]) == name(rows[b]); };
    auto rest = std::ranges::unique(order, same_name);
    order.erase(rest.begin(), rest.end());
}

void SegmentBuilder::Work::put_part(std::size_t first, std::size_t last, bool split) {
    PendingRow tree{hash_of_path(parent_of(directory)), {}};
    tree.row.name = name_of(std::string_view(directory));
    tree.row.place = make_place(page_number, page.directories());
    tree.row.facts = own;
    if (split) {
        tree.row.low = name(rows[order[first]]);
        tree.row.high = name(rows[order[last - 1]]);
    }
    page.begin_directory(directory, own ? &*own : nullptr);
    own.reset();
    for (auto i = first; i < last; ++i) page.add(name(rows[order[i]]), rows[order[i]].facts);
    page_rows.push_back(std::move(tree));
}

// Writes what was gathered of the directory in hand.
void SegmentBuilder::Work::end_run() {
    if (!in_directory || failure || (rows.empty() && !own)) return;
    sort_rows();
    std::size_t end = order.size();
    bool small = end <= kPageEntries && text.size() <= kPageText;
    bool fits = page.entries() + end <= kPageEntries * 3 / 2 && page.text_size() + text.size() + directory.size() <= kPageText;
    if (page.directories() > 0 && !(small && fits)) end_page(false);
    if (small) put_part(0, end, false);
    for (std::size_t first = 0; !small && first < end;) {
        std::size_t last = first, size = 0;
        for (; last < end && last - first < kPageEntries && size <= kPageText; ++last) size += rows[order[last]].name_size;
        put_part(first, last, true);
        first = last;
        if (first < end) end_page(true);
    }
    if (page.entries() >= kPageEntries || page.text_size() >= kPageText) end_page(false);
    rows.clear();
    text.clear();
}

void SegmentBuilder::Work::end_page(bool goes_on) {
    auto blobs = page.finish(page_number, goes_on);
    if (!blobs) return note(std::unexpected(std::move(blobs.error())));
    note(store(std::move(*blobs)));
}

Result<void> SegmentBuilder::Work::store(PageBlobs blobs) {
    pending_size += blobs.names.size() + blobs.numbers.size() + blobs.noise.size();
    for (auto& row : page_rows) {
        pending_size += 128 + row.row.name.size();
        pending_rows.push_back(std::move(row));
    }
    page_rows.clear();
    pending_pages.emplace_back(page_number++, std::move(blobs));
    if (pending_size < kPendingMax) return {};
    if (!writer) CAPSTAN_CHECK(open_writer(kLargePage));
    return drain();
}

Result<void> SegmentBuilder::Work::open_writer(unsigned page_size) {
    ::unlink(building.c_str());  // what a crash left
    created = true;
    CAPSTAN_TRY(writer, SegmentFileWriter::create(building, page_size));
    return {};
}

Result<void> SegmentBuilder::Work::drain() {
    for (const auto& [number, blobs] : pending_pages) CAPSTAN_CHECK(writer->put_page(number, blobs));
    std::ranges::sort(pending_rows, {}, [](const PendingRow& row) { return row.parent; });  // neighbours in the tree
    for (const auto& row : pending_rows) CAPSTAN_CHECK(writer->put_row(row.parent, row.row));
    pending_pages.clear();
    pending_rows.clear();
    pending_size = 0;
    return {};
}

Result<void> SegmentBuilder::Work::make_durable() {
    CAPSTAN_TRY(auto file, open_file(building, O_RDONLY));
    if (::fsync(file.get()) != 0) return fail_errno(errno, fmt::format("cannot synchronise {}", building));
    if (std::rename(building.c_str(), path.c_str()) != 0)
        return fail_errno(errno, fmt::format("cannot rename {} to {}", building, path));
    created = false;
    auto slash = path.rfind('/');
    auto synced = sync_directory(slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash));
    if (!synced) ::unlink(path.c_str());
    return synced;
}

SegmentBuilder::SegmentBuilder(std::string path) : work_(std::make_unique<Work>(std::move(path))) {}
SegmentBuilder::~SegmentBuilder() = default;
SegmentBuilder::SegmentBuilder(SegmentBuilder&&) noexcept = default;
SegmentBuilder& SegmentBuilder::operator=(SegmentBuilder&&) noexcept = default;

void SegmentBuilder::begin_directory(std::string_view path, const ObjectFacts& facts) {
    auto& work = *work_;
    work.end_run();
    if (!valid_path(path)) return work.refuse("the path of a directory is longer than 4 MiB or not a path");
    work.in_directory = true;
    work.directory = path;
    auto own = facts;
    own.kind = ObjectKind::directory;
    own.hash.reset();
    if (own.state != ObjectState::not_saved) work.directory_fla = own.fla;
    work.own = work.admit(own);
}

void SegmentBuilder::add(std::string_view name, const ObjectFacts& facts) {
    auto& work = *work_;
    if (!work.in_directory) return work.refuse("an object came before its directory");
    if (!valid_name(name)) return work.refuse("the name of an object is empty, longer than 64 KiB or not a name");
    work.rows.push_back({work.text.size(), static_cast<std::uint32_t>(name.size()), work.admit(facts)});
    work.text += name;
    if (work.rows.size() >= kRunEntries || work.text.size() >= kRunText) work.end_run();
}

std::uint64_t SegmentBuilder::objects() const { return work_->objects; }

Result<SegmentHeader> SegmentBuilder::finish(SegmentHeader header) {
    auto& work = *work_;
    if (work.finished) return fail(Recovery::change_request, fmt::format("the catalog segment {} was finished before", work.path));
    work.finished = true;
    work.end_run();
    if (work.page.directories() > 0 && !work.failure) work.end_page(false);
    header.objects = work.objects;
    header.directories = work.directories;
    header.bytes = work.bytes;
    header.not_saved = work.not_saved;
    header.first_fla = std::min(work.first_fla, work.end_fla);
    header.end_fla = work.end_fla;
    auto encoded = encode_header(header);
    if (!work.failure && !decode_header(encoded)) work.refuse("its header has a value that the format cannot say");
    if (!work.failure && !work.writer) work.note(work.open_writer(kSmallPage));
    if (!work.failure) work.note(work.drain());
    if (!work.failure) work.note(work.writer->finish(encoded));
    if (!work.failure) work.note(work.make_durable());
    work.discard();
    if (work.failure) return std::unexpected(*work.failure);
    return header;
}

}  // namespace capstan::catalog
