#include "catalog/page.hpp"

#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <initializer_list>

namespace capstan::catalog {
namespace {

constexpr int kLevel = 3;

std::uint8_t flags_of(const ObjectFacts& facts) {
    return static_cast<std::uint8_t>(static_cast<unsigned>(facts.kind) | static_cast<unsigned>(facts.state) << 3 |
                                     (facts.path_only ? 0x20U : 0U) | (facts.continued ? 0x40U : 0U) |
                                     (facts.hash ? 0x80U : 0U));
}

void put_little(ByteVector& out, std::uint32_t value) {
    for (int i = 0; i < 4; ++i, value >>= 8) out.push_back(static_cast<std::uint8_t>(value));
}

void append(ByteVector& out, const ByteVector& more) { out.insert(out.end(), more.begin(), more.end()); }

std::size_t shared_prefix(std::string_view one, std::string_view other) {
    auto end = std::mismatch(one.begin(), one.end(), other.begin(), other.end()).first;
    return static_cast<std::size_t>(end - one.begin());
}

// Puts the check over everything behind its own four bytes at the front.
void seal(ByteVector& blob, std::uint64_t page) {
    auto check = static_cast<std::uint32_t>(XXH3_64bits_withSeed(blob.data() + 4, blob.size() - 4, page));
    for (std::size_t i = 0; i < 4; ++i, check >>= 8) blob[i] = static_cast<std::uint8_t>(check);
}

}  // namespace

void put_facts(ByteVector& out, const ObjectFacts& facts) {
    auto since = facts.mtime.time_since_epoch();
    auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    out.push_back(static_cast<std::uint8_t>(flags_of(facts) & 0x7F));
    put_varint(out, facts.mode);
    put_varint(out, facts.uid);
    put_varint(out, facts.gid);
    put_varint(out, facts.size);
    put_varint(out, zigzag(seconds.count()));
    put_varint(out, static_cast<std::uint64_t>((since - seconds).count()));
    put_varint(out, facts.fla);
}

struct PageEncoder::Compressor {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ByteVector raw;
    ~Compressor() { ZSTD_freeCCtx(context); }

    Result<void> compress(std::initializer_list<const ByteVector*> columns, ByteVector& out, std::uint64_t page) {
        raw.clear();
        for (const auto* column : columns) append(raw, *column);
        out.assign(4, 0);
        put_varint(out, raw.size());
        auto start = out.size();
        out.resize(start + ZSTD_compressBound(raw.size()));
        auto size = context == nullptr ? 0 : ZSTD_compressCCtx(context, out.data() + start, out.size() - start, raw.data(),
                                                               raw.size(), kLevel);
        if (context == nullptr || ZSTD_isError(size) != 0)
            return fail(Recovery::give_up, "cannot compress a catalog page: out of memory");
        out.resize(start + size);
        seal(out, page);
        return {};
    }
};

PageEncoder::PageEncoder() : compressor_(std::make_unique<Compressor>()) {}
PageEncoder::~PageEncoder() = default;

void PageEncoder::begin_directory(std::string_view path, const ObjectFacts* own) {
    auto shared = shared_prefix(last_path_, path);
    put_varint(dirs_, own != nullptr ? 1 : 0);
    put_varint(dirs_, shared);
    put_varint(dirs_, path.size() - shared);
    auto suffix = bytes_of(path.substr(shared));
    dir_text_.insert(dir_text_.end(), suffix.begin(), suffix.end());
    last_path_ = path;
    last_name_.clear();
    text_size_ += path.size();
    ++directories_;
    counts_.push_back(0);
    if (own == nullptr) return;
    ++counts_.back();
    ++entries_;
    put_columns(*own);
}

void PageEncoder::add(std::string_view name, const ObjectFacts& facts) {
    auto shared = shared_prefix(last_name_, name);
    put_varint(shared_, shared);
    put_varint(sizes_, name.size() - shared);
    auto suffix = bytes_of(name.substr(shared));
    text_.insert(text_.end(), suffix.begin(), suffix.end());
    last_name_ = name;
    text_size_ += name.size();
    ++counts_.back();
    ++entries_;
    put_columns(facts);
}

void PageEncoder::put_columns(const ObjectFacts& facts) {
    auto since = facts.mtime.time_since_epoch();
    auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    auto nanoseconds = static_cast<std::uint32_t>((since - seconds).count());
    flags_.push_back(flags_of(facts));
    put_varint(modes_, facts.mode);
    put_varint(owners_, facts.uid);
    put_varint(owners_, facts.gid);
    put_varint(bytes_, facts.size);
    put_varint(seconds_, zigzag(seconds.count() - last_seconds_) << 1 | (nanoseconds != 0 ? 1 : 0));
    last_seconds_ = seconds.count();
    if (nanoseconds != 0) put_little(nanoseconds_, nanoseconds);
    // In a directory that was read by name, each object begins where the one before it ends.
    put_varint(addresses_, zigzag(static_cast<std::int64_t>(facts.fla - expected_fla_)));
    expected_fla_ = fla_behind(facts);
    if (facts.hash) hashes_.insert(hashes_.end(), facts.hash->begin(), facts.hash->end());
}

Result<PageBlobs> PageEncoder::finish(std::uint64_t page, bool goes_on) {
    ByteVector head;
    put_varint(head, goes_on ? 1 : 0);
    put_varint(head, directories_);
    put_varint(head, entries_);
    for (auto count : counts_) put_varint(head, count);
    PageBlobs blobs;
    CAPSTAN_CHECK(compressor_->compress({&head, &dirs_, &dir_text_, &shared_, &sizes_, &text_}, blobs.names, page));
    CAPSTAN_CHECK(compressor_->compress({&flags_, &modes_, &owners_, &bytes_, &seconds_, &addresses_}, blobs.numbers, page));
    blobs.noise.assign(4, 0);
    append(blobs.noise, hashes_);
    append(blobs.noise, nanoseconds_);
    seal(blobs.noise, page);
    clear();
    return blobs;
}

void PageEncoder::clear() {
    for (auto* column : {&dirs_, &dir_text_, &shared_, &sizes_, &text_, &flags_, &modes_, &owners_, &bytes_, &seconds_,
                         &addresses_, &nanoseconds_, &hashes_})
        column->clear();
    counts_.clear();
    last_path_.clear();
    last_name_.clear();
    entries_ = directories_ = text_size_ = 0;
    last_seconds_ = 0;
    expected_fla_ = 0;
}

}  // namespace capstan::catalog
