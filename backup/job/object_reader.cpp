#include "backup/job/object_reader.hpp"

#include "backup/mtf/datetime.hpp"
#include "backup/mtf/private_streams.hpp"
#include "backup/mtf/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace capstan::backup {

namespace {

constexpr std::size_t kSmallStreamMax = kMetadataSizeMax;

FileTime file_time(const mtf::DateTime& time) { return {mtf::to_unix(time), 0}; }

// What a set of another writer tells of an object: no owner, no permissions.
template <class Block>
Metadata plain_metadata(const Block& block, std::uint32_t mode) {
    Metadata metadata;
    metadata.mode = mode;
    metadata.modified = file_time(block.modified);
    metadata.accessed = file_time(block.access);
    return metadata;
}

}  // namespace

void ObjectReader::want(std::vector<WantedObject> wanted) {
    wanted_.insert(wanted_.end(), std::make_move_iterator(wanted.begin()), std::make_move_iterator(wanted.end()));
    small_ = mtf::StreamCollector(kSmallStreamMax);
}

void ObjectReader::report(IssueKind kind, const WantedObject& wanted, const std::string& text) {
    if (wanted.ancestor) return;  // its descendants tell
    issues_.add({kind, wanted.path, text});
    for (const auto& name : wanted.further_names) issues_.add({kind, name, text});
}

void ObjectReader::give_up() {
    if (open_) {
        note("the medium ended before the object did");
        object_end();
    }
    for (const auto& missed : wanted_)
        report(IssueKind::damaged, missed, "it was not found at its place on the medium");
    wanted_.clear();
}

void ObjectReader::give_up_before(std::uint64_t address, const std::string& why) {
    object_end();
    while (!wanted_.empty() && wanted_.front().address < address) {
        report(IssueKind::damaged, wanted_.front(), why);
        wanted_.pop_front();
    }
}

std::vector<UnresolvedLink> ObjectReader::take_unresolved_links() {
    std::lock_guard lock(mutex_);
    return std::exchange(unresolved_, {});
}

// Whether the block that begins is the next wanted object's. Those before it in the list were passed: they are not
// there.
bool ObjectReader::begin(const mtf::BlockHeader& header, const std::string& name, bool whole_path) {
    if (header.continuation()) return false;
    if (open_) object_end();
    while (!wanted_.empty() && wanted_.front().address < header.address) {
        report(IssueKind::damaged, wanted_.front(), "it was not found at its place on the medium");
        wanted_.pop_front();
    }
    if (wanted_.empty() || wanted_.front().address != header.address) return false;
    const auto& wanted = wanted_.front();
    const auto& path = wanted.recorded_path.empty() ? wanted.path : wanted.recorded_path;
    if (name != (whole_path ? std::string_view(path) : catalog::name_of(path))) {
        report(IssueKind::damaged, wanted, fmt::format("at its place the medium holds '{}'", mtf::printable(name)));
        wanted_.pop_front();
        return false;
    }
    open_ = true;
    stage_ = Stage::described;
    object_ = {};
    object_.path = wanted.path;
    in_data_ = collecting_ = sparse_ = is_hashed_ = false;
    file_offset_ = 0;
    stored_hash_.reset();
    damage_.clear();
    hasher_.begin();
    return true;
}

void ObjectReader::directory(const mtf::Place&, const mtf::DirectoryBlock& block) {
    if (begin(block.header, block.path, true)) object_.metadata = plain_metadata(block, 0040755);
}

void ObjectReader::file(const mtf::Place&, const mtf::FileBlock& block) {
    if (!begin(block.header, block.name, false)) return;
    object_.metadata = plain_metadata(block, 0100644);
    object_.metadata.size = block.header.displayable_size;
    object_.metadata.size_unknown = true;  // unless CPSX says it
}

void ObjectReader::begin_sink(bool sparse) {
    if (object_.metadata.links > 1 && object_.metadata.first_name.empty()) {
        first_names_.insert(object_.path);
        link_metadata_ = object_.metadata;
    }
    object_.sparse = sparse;
    auto verdict = sink_.begin(std::move(object_));
    stage_ = verdict == ObjectSink::Verdict::write_data ? Stage::data : Stage::skipped;
}

void ObjectReader::stream_start(const mtf::Place&, const mtf::StreamHeader& header) {
    if (!open_) return;
    switch (header.id) {
        case mtf::StreamId::posix:
        case mtf::StreamId::object_hash:
            collecting_ = true;
            small_.start(header);
            return;
        case mtf::StreamId::data:
            sparse_ = (header.attributes & mtf::stream_attribute::sparse) != 0;
            if (stage_ == Stage::described && object_.metadata.is_regular() && object_.metadata.first_name.empty())
                begin_sink(sparse_);
            in_data_ = is_hashed_ = true;
            if (header.has(mtf::stream_media::continued)) note("the beginning of its data was not read");
            return;
        case mtf::StreamId::sparse:
            in_data_ = is_hashed_ = true;
            extent_offset_size_ = 0;
            return;
        default: return;  // streams of other writers that a POSIX file system has no place for
    }
}

void ObjectReader::file_data(Bytes bytes) {
    if (stage_ == Stage::data && !bytes.empty()) sink_.write(file_offset_, bytes);
    file_offset_ += bytes.size();
}

void ObjectReader::stream_data(std::uint64_t, Bytes bytes) {
    if (!open_) return;
    if (collecting_) return small_.data(bytes);
    if (!in_data_) return;
    hasher_.add(bytes);
    if (!sparse_) return file_data(bytes);
    while (extent_offset_size_ < 8 && !bytes.empty()) {
        extent_offset_[extent_offset_size_++] = bytes.front();
        bytes = bytes.subspan(1);
        if (extent_offset_size_ == 8) file_offset_ = *Reader(extent_offset_).little<8>();
    }
    file_data(bytes);
}

void ObjectReader::stream_end(const mtf::StreamEnd& end) {
    if (!open_) return;
    bool small = std::exchange(collecting_, false);
    bool data = std::exchange(in_data_, false);
    if (!small && !data) return;
    auto name = mtf::name_of(end.header.id);
    if (end.checksum == mtf::ChecksumState::bad) note(fmt::format("checksum of {} is wrong", name));
    if (end.marked_corrupt) note(fmt::format("{} is marked as corrupt", name));
    if (!end.complete) note(fmt::format("{} is cut short", name));
    if (!small) return;
    if (end.header.id == mtf::StreamId::posix)
        end_metadata(end);
    else
        end_hash(end);
}

void ObjectReader::end_metadata(const mtf::StreamEnd& end) {
    if (!end.complete || end.checksum == mtf::ChecksumState::bad || small_.too_long() || stage_ != Stage::described)
        return;
    auto metadata = decode_metadata(small_.bytes());
    if (!metadata) return note(metadata.error().happened);
    bool directory = object_.metadata.is_directory();
    if (metadata->is_directory() != directory) return note("its metadata are those of an object of another type");
    object_.metadata = std::move(*metadata);
}

void ObjectReader::end_hash(const mtf::StreamEnd& end) {
    auto stored =
        end.complete ? mtf::decode_object_hash(small_.bytes()) : fail(Recovery::ask_operator, "its hash is cut short");
    if (!stored) return note(stored.error().happened);
    if (stored->algorithm == mtf::ObjectHash::Algorithm::xxh3_128) stored_hash_ = stored->hash;
}

// The object is whole: a link finds its first name, the others get what is left of theirs.
void ObjectReader::complete(const WantedObject& wanted) {
    if (stage_ == Stage::described) {
        const auto& first = object_.metadata.first_name;
        if (!first.empty() && !first_names_.contains(first)) {
            std::lock_guard lock(mutex_);
            unresolved_.push_back({wanted.path, first});
            stage_ = Stage::skipped;
            return;
        }
        begin_sink(false);
    }
    bool damaged = !damage_.empty();
    if (stage_ == Stage::data)
        sink_.finish(damage_);
    else if (damaged)
        report(IssueKind::damaged, wanted, damage_);
}

void ObjectReader::object_end() {
    if (!open_) return;
    open_ = false;
    auto wanted = std::move(wanted_.front());
    wanted_.pop_front();
    if (is_hashed_ && stored_hash_) {
        auto hash = hasher_.value();
        if (*stored_hash_ != hash) note("its data do not have the hash that the medium holds");
        if (wanted.hash && *wanted.hash != hash) note("its data do not have the hash that the catalog holds");
    }
    complete(wanted);
    for (const auto& name : wanted.further_names) {
        IncomingObject link{name, link_metadata_, false};
        link.metadata.first_name = wanted.path;
        sink_.begin(std::move(link));
    }
    stage_ = Stage::none;
}

void ObjectReader::damage(const mtf::Damage& damage) {
    if (open_) note(fmt::format("{} at byte {} of the set", damage.what, damage.offset));
}

}  // namespace capstan::backup
