#include "backup/job/object_blocks.hpp"

#include "backup/mtf/datetime.hpp"
#include "backup/mtf/text.hpp"

#include <algorithm>

namespace capstan::backup {

namespace {

template <class Block>
void fill(const ObjectRecord& record, Block& block) {
    const auto& metadata = record.metadata;
    block.modified = mtf::from_unix(metadata.modified.seconds);
    block.created = metadata.born ? mtf::from_unix(metadata.born->seconds) : block.modified;
    block.access = mtf::from_unix(metadata.accessed.seconds);
    if ((metadata.mode & 0222) == 0) block.attributes |= mtf::object_attribute::read_only;
}

catalog::ObjectKind kind_of(const Metadata& metadata) {
    using Kind = catalog::ObjectKind;
    if (metadata.is_directory()) return Kind::directory;
    if (!metadata.first_name.empty()) return Kind::hard_link;
    if (metadata.is_symlink()) return Kind::symlink;
    if (metadata.is_fifo()) return Kind::fifo;
    if (metadata.is_device()) return (metadata.mode & 0170000) == 0020000 ? Kind::character_device : Kind::block_device;
    return Kind::regular;
}

}  // namespace

mtf::DirectoryBlock directory_block(const ObjectRecord& record) {
    mtf::DirectoryBlock block;
    fill(record, block);
    block.path = record.path;
    return block;
}

mtf::FileBlock file_block(const ObjectRecord& record) {
    mtf::FileBlock block;
    fill(record, block);
    block.name = record.metadata.name;
    block.header.displayable_size = record.has_data() ? record.metadata.size : 0;
    return block;
}

std::vector<std::uint8_t> link_payload(const std::string& first_name) {
    std::vector<std::uint8_t> payload;
    for (std::size_t begin = 0; begin <= first_name.size();) {
        auto end = std::min(first_name.find('/', begin), first_name.size());
        mtf::append_text("\\", payload);
        mtf::append_name(std::string_view(first_name).substr(begin, end - begin), payload);
        begin = end + 1;
    }
    return payload;
}

catalog::ObjectFacts facts_of(const ObjectRecord& record, std::uint64_t address) {
    const auto& metadata = record.metadata;
    catalog::ObjectFacts facts;
    facts.kind = kind_of(metadata);
    facts.path_only = metadata.path_only;
    facts.mode = metadata.mode & 07777;
    facts.uid = metadata.uid, facts.gid = metadata.gid;
    facts.size = record.has_data() ? metadata.size : 0;
    constexpr std::int64_t kSeconds = INT64_MAX / 1'000'000'000 - 1;  // what fits the catalog's 64 bits of nanoseconds
    auto seconds = std::clamp(metadata.modified.seconds, -kSeconds, kSeconds);
    facts.mtime =
        catalog::FileTime(std::chrono::seconds(seconds) + std::chrono::nanoseconds(metadata.modified.nanoseconds));
    facts.fla = address;
    return facts;
}

}  // namespace capstan::backup
