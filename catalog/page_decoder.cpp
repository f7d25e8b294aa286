#include "catalog/page.hpp"

#include <fmt/format.h>
#include <xxhash.h>
#include <zstd.h>

#include <algorithm>

namespace capstan::catalog {
namespace {

constexpr std::size_t kRawMax = 64U << 20;  // a column before compression

std::unexpected<Error> damaged(std::uint64_t page, std::string_view what) {
    return fail(Recovery::give_up, fmt::format("page {} of the catalog segment is damaged: {}", page, what),
                "Rebuild the catalog of this set from its media.");
}

Result<Bytes> unseal(Bytes blob, std::uint64_t page) {
    NumberReader in(blob);
    std::uint32_t check = 0;
    for (unsigned shift = 0; shift < 32; shift += 8) check |= static_cast<std::uint32_t>(in.byte()) << shift;
    if (!in.good()) return damaged(page, "it is cut short");
    auto rest = blob.subspan(4);
    if (static_cast<std::uint32_t>(XXH3_64bits_withSeed(rest.data(), rest.size(), page)) != check)
        return damaged(page, "its check does not fit");
    return rest;
}

Result<ByteVector> expand(Bytes blob, std::uint64_t page) {
    CAPSTAN_TRY(auto rest, unseal(blob, page));
    NumberReader in(rest);
    auto size = in.varint_below(kRawMax + 1);
    if (!in.good()) return damaged(page, "it claims an impossible size");
    auto frame = in.take(in.left());
    // zstd needs at least one byte for each 128 KiB block, so a lie about the size costs no memory.
    if (size > frame.size() * (128U << 10)) return damaged(page, "it claims an impossible size");
    ByteVector result(static_cast<std::size_t>(size));
    auto got = ZSTD_decompress(result.data(), result.size(), frame.data(), frame.size());
    if (ZSTD_isError(got) != 0 || got != size) return damaged(page, "it does not decompress");
    return result;
}

bool take_directories(NumberReader& in, Page& page, std::size_t entries) {
    struct Shape {
        std::size_t shared, size;
    };
    std::vector<Shape> shapes(page.directories.size());
    std::uint64_t first = 0;
    for (auto& directory : page.directories) {
        directory.first = static_cast<std::uint32_t>(first);
        directory.count = static_cast<std::uint32_t>(in.varint_below(kPageEntriesMax + 1));
        first += directory.count;
    }
    if (!in.good() || first != entries) return false;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        page.directories[i].own = in.varint_below(2) != 0;
        shapes[i].shared = static_cast<std::size_t>(in.varint_below(kPathMax + 1));
        shapes[i].size = static_cast<std::size_t>(in.varint_below(kPathMax + 1));
        if (page.directories[i].own && page.directories[i].count == 0) return false;
    }
    std::string_view last;
    std::size_t total = 0;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        total += shapes[i].shared + shapes[i].size;
        if (shapes[i].shared > last.size() || total > kPageTextMax) return false;
        auto& path = page.directories[i].path;
        path.assign(last.substr(0, shapes[i].shared));
        path += text_of(in.take(shapes[i].size));
        if (!in.good() || !valid_path(path)) return false;
        last = path;
    }
    return true;
}

// The names of one directory; `shapes` are shared and own sizes of its named entries.
bool take_names(NumberReader& in, Page& page, const Page::Directory& directory, const std::uint32_t*& shared,
                const std::uint32_t*& own) {
    Page::Entry last;
    for (auto i = directory.first; i < directory.first + directory.count; ++i) {
        auto& entry = page.entries[i];
        if (directory.own && i == directory.first) continue;
        std::size_t size = std::size_t{*shared} + *own;
        if (*shared > last.name_size || size > kNameMax || page.text.size() + size > kPageTextMax) return false;
        entry = {static_cast<std::uint32_t>(page.text.size()), static_cast<std::uint32_t>(size)};
        page.text.append(page.text, last.name_at, *shared);
        page.text += text_of(in.take(*own));
        std::string_view text = page.text;
        auto name = text.substr(entry.name_at, entry.name_size);
        if (!in.good() || !valid_name(name) || name <= text.substr(last.name_at, last.name_size)) return false;
        last = entry;
        ++shared, ++own;
    }
    return true;
}

bool take_flags(std::uint8_t flags, ObjectFacts& facts) {
    auto kind = flags & 7;
    if (kind >= kObjectKinds) return false;
    facts.kind = static_cast<ObjectKind>(kind);
    facts.state = static_cast<ObjectState>(flags >> 3 & 3);
    facts.path_only = (flags & 0x20) != 0;
    facts.continued = (flags & 0x40) != 0;
    return true;
}

bool take_time(std::int64_t seconds, std::uint64_t nanoseconds, ObjectFacts& facts) {
    if (seconds > kFileSecondsMax || seconds < -kFileSecondsMax || nanoseconds >= 1'000'000'000) return false;
    facts.mtime = FileTime(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanoseconds));
    return true;
}

bool take_columns(NumberReader& in, std::vector<ObjectFacts>& all, Bytes flags, std::vector<bool>& fine) {
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!take_flags(flags[i], all[i])) return false;
    }
    for (auto& facts : all) facts.mode = static_cast<std::uint32_t>(in.varint_below(1ULL << 32));
    for (auto& facts : all) {
        facts.uid = static_cast<std::uint32_t>(in.varint_below(1ULL << 32));
        facts.gid = static_cast<std::uint32_t>(in.varint_below(1ULL << 32));
    }
    for (auto& facts : all) facts.size = in.varint();
    std::uint64_t seconds = 0, expected_fla = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto value = in.varint();
        fine[i] = (value & 1) != 0;
        seconds += static_cast<std::uint64_t>(unzigzag(value >> 1));
        if (!take_time(static_cast<std::int64_t>(seconds), 0, all[i])) return false;
    }
    for (auto& facts : all) {
        facts.fla = expected_fla + static_cast<std::uint64_t>(unzigzag(in.varint()));
        if (facts.fla >= kFlaEnd) return false;
        expected_fla = fla_behind(facts);
    }
    return in.at_end();
}

}  // namespace

ObjectFacts get_facts(NumberReader& in) {
    ObjectFacts facts;
    if (!take_flags(in.byte(), facts)) in.fault();
    facts.mode = static_cast<std::uint32_t>(in.varint_below(1ULL << 32));
    facts.uid = static_cast<std::uint32_t>(in.varint_below(1ULL << 32));
    facts.gid = static_cast<std::uint32_t>(in.varint_below(1ULL << 32));
    facts.size = in.varint();
    auto seconds = unzigzag(in.varint());
    auto nanoseconds = in.varint();
    if (!take_time(seconds, nanoseconds, facts)) in.fault();
    facts.fla = in.varint_below(kFlaEnd);
    return facts;
}

Result<Page> decode_names(Bytes names, std::uint64_t number) {
    CAPSTAN_TRY(auto raw, expand(names, number));
    NumberReader in(raw);
    Page page;
    page.number = number;
    page.goes_on = in.varint_below(2) != 0;
    auto directories = static_cast<std::size_t>(in.varint_below(kPageEntriesMax + 1));
    auto entries = static_cast<std::size_t>(in.varint_below(kPageEntriesMax + 1));
    if (!in.good() || directories > in.left()) return damaged(number, "it has impossible counts");
    page.directories.resize(directories);
    if (!take_directories(in, page, entries)) return damaged(number, "a directory in it is impossible");
    std::size_t named = entries;
    for (const auto& directory : page.directories) named -= directory.own ? 1 : 0;
    std::vector<std::uint32_t> shared(named), own(named);
    for (auto& size : shared) size = static_cast<std::uint32_t>(in.varint_below(kNameMax + 1));
    for (auto& size : own) size = static_cast<std::uint32_t>(in.varint_below(kNameMax + 1));
    if (!in.good()) return damaged(number, "a name in it is impossible");
    page.entries.resize(entries);
    page.text.reserve(in.left() * 2);
    const auto* next_shared = shared.data();
    const auto* next_own = own.data();
    for (const auto& directory : page.directories) {
        if (!take_names(in, page, directory, next_shared, next_own)) return damaged(number, "a name in it is impossible");
    }
    if (!in.at_end()) return damaged(number, "bytes are left over");
    return page;
}

Result<void> decode_facts(Page& page, Bytes numbers, Bytes noise) {
    CAPSTAN_TRY(auto raw, expand(numbers, page.number));
    NumberReader in(raw);
    auto flags = in.take(page.entries.size());
    if (!in.good()) return damaged(page.number, "columns are missing");
    std::vector<ObjectFacts> all(page.entries.size());
    std::vector<bool> fine(all.size());
    if (!take_columns(in, all, flags, fine)) return damaged(page.number, "a number in it is impossible");
    CAPSTAN_TRY(auto rest, unseal(noise, page.number));
    NumberReader raw_in(rest);
    for (std::size_t i = 0; i < all.size(); ++i) {
        if ((flags[i] & 0x80) == 0) continue;
        auto hash = raw_in.take(16);
        if (!raw_in.good()) return damaged(page.number, "hashes are missing");
        std::ranges::copy(hash, all[i].hash.emplace().begin());
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!fine[i]) continue;
        std::uint64_t nanoseconds = 0;
        for (unsigned shift = 0; shift < 32; shift += 8) nanoseconds |= static_cast<std::uint64_t>(raw_in.byte()) << shift;
        if (nanoseconds >= 1'000'000'000) return damaged(page.number, "a time in it is impossible");
        all[i].mtime += std::chrono::nanoseconds(nanoseconds);
    }
    if (!raw_in.at_end()) return damaged(page.number, "bytes are left over");
    page.facts = std::move(all);
    return {};
}

}  // namespace capstan::catalog
