#include "backup/job/set_scanner.hpp"

#include "backup/job/object_blocks.hpp"
#include "backup/mtf/datetime.hpp"
#include "backup/mtf/text.hpp"

#include <fmt/format.h>

#include <utility>

namespace capstan::backup {
namespace {

catalog::ObjectState state_of(mtf::ObjectState state) {
    switch (state) {
        case mtf::ObjectState::ok: return catalog::ObjectState::saved;
        case mtf::ObjectState::changed:
        case mtf::ObjectState::grown: return catalog::ObjectState::changed;
        case mtf::ObjectState::shrunk:
        case mtf::ObjectState::read_error: break;
    }
    return catalog::ObjectState::partial;
}

}  // namespace

SetScanner::SetScanner(ScanSink& sink, ScanStart start)
    : sink_(sink), start_(std::move(start)), directory_(start_.directory), small_(kMetadataSizeMax) {
    if (start_.address == 0) return;
    catalog::ObjectFacts leads;
    leads.kind = catalog::ObjectKind::directory;
    leads.continued = true;
    sink_.directory(directory_, leads);
}

void SetScanner::note(std::string what) {
    ++found_.damaged;
    whole_ = false;
    if (!found_.damage.empty()) return;
    auto path = kind_ == Kind::directory || kind_ == Kind::file ? "/" + mtf::printable(record_.path) + ": " : std::string();
    found_.damage = path + std::move(what);
}

void SetScanner::set_start(const mtf::Place&, const mtf::SetBlock& block) {
    kind_ = Kind::set;
    if (!found_.block) found_.block = block;
}

void SetScanner::begin(Kind kind, const mtf::BlockHeader& header, std::string path, std::uint32_t mode) {
    kind_ = kind;
    record_ = {};
    record_.path = std::move(path);
    record_.metadata.mode = mode;
    address_ = header.address;
    // A repeated block belongs to an object that began on a medium which is not part of this scan.
    known_ = header.continuation() || (start_.address != 0 && header.address <= start_.address);
    whole_ = true;
    has_metadata_ = hashed_ = collecting_ = in_data_ = sparse_ = false;
    offset_ = data_bytes_ = 0;
    extent_offset_size_ = 8;
    stored_.reset();
    hasher_.begin();
}

void SetScanner::directory(const mtf::Place&, const mtf::DirectoryBlock& block) {
    begin(Kind::directory, block.header, block.path, 0040755);
    record_.metadata.modified.seconds = mtf::to_unix(block.modified);
    directory_id_ = block.id;
    directory_ = block.path;
    if (!block.header.continuation()) return;
    catalog::ObjectFacts leads;
    leads.kind = catalog::ObjectKind::directory;
    leads.continued = true;
    sink_.directory(directory_, leads);
}

void SetScanner::file(const mtf::Place&, const mtf::FileBlock& block) {
    if (!directory_id_) directory_id_ = block.directory_id;  // the scan began inside that directory
    begin(Kind::file, block.header, directory_.empty() ? block.name : directory_ + "/" + block.name, 0100644);
    if (block.directory_id != *directory_id_) note("it belongs to a directory that was not met");
    record_.metadata.modified.seconds = mtf::to_unix(block.modified);
    record_.metadata.size = block.header.displayable_size;
    wanted_ = !known_ && sink_.wants_data(record_.path);
}

void SetScanner::set_end(const mtf::Place&, const mtf::EndOfSetBlock& block) {
    kind_ = Kind::end;
    found_.end_block = block;
}

void SetScanner::stream_start(const mtf::Place&, const mtf::StreamHeader& header) {
    using Id = mtf::StreamId;
    bool object = kind_ == Kind::directory || kind_ == Kind::file;
    collecting_ = (object && (header.id == Id::posix || header.id == Id::object_hash)) ||
                  (kind_ == Kind::set && header.id == Id::set_begin) || (kind_ == Kind::end && header.id == Id::set_end);
    if (collecting_) small_.start(header);
    if (kind_ != Kind::file || known_) return;
    if (header.id == Id::data) {
        sparse_ = (header.attributes & mtf::stream_attribute::sparse) != 0;
        in_data_ = hashed_ = true;
    } else if (header.id == Id::sparse) {
        in_data_ = hashed_ = true;
        extent_offset_size_ = 0;
    }
}

void SetScanner::data(Bytes bytes) {
    if (wanted_ && !bytes.empty()) sink_.data(offset_, bytes);
    offset_ += bytes.size();
    data_bytes_ += bytes.size();
}

void SetScanner::stream_data(std::uint64_t, Bytes bytes) {
    if (collecting_) return small_.data(bytes);
    if (!in_data_) return;
    hasher_.add(bytes);
    while (extent_offset_size_ < 8 && !bytes.empty()) {  // an extent begins with its place in the file
        extent_offset_[extent_offset_size_++] = bytes.front();
        bytes = bytes.subspan(1);
        if (extent_offset_size_ == 8) offset_ = *Reader(extent_offset_).little<8>();
    }
    data(bytes);
}

void SetScanner::stream_end(const mtf::StreamEnd& end) {
    const bool small = std::exchange(collecting_, false);
    in_data_ = false;
    if (known_ && (kind_ == Kind::directory || kind_ == Kind::file)) return;
    if (end.checksum == mtf::ChecksumState::bad) note(fmt::format("the checksum of {} is wrong", mtf::name_of(end.header.id)));
    if (!end.complete) note(fmt::format("{} is cut short", mtf::name_of(end.header.id)));
    if (end.marked_corrupt) note(fmt::format("{} is marked as corrupt", mtf::name_of(end.header.id)));
    if (small && end.complete && end.checksum != mtf::ChecksumState::bad && !small_.too_long()) end_small(end.header.id);
}

void SetScanner::end_small(mtf::StreamId id) {
    auto take = [&](auto decoded, auto& into) {
        if (decoded) into = std::move(*decoded);
        else note(decoded.error().happened);
    };
    switch (id) {
        case mtf::StreamId::set_begin: return take(mtf::decode_set_begin(small_.bytes()), found_.begin);
        case mtf::StreamId::set_end: return take(mtf::decode_set_end(small_.bytes()), found_.end);
        case mtf::StreamId::object_hash: return take(mtf::decode_object_hash(small_.bytes()), stored_);
        default: break;
    }
    auto metadata = decode_metadata(small_.bytes());
    if (!metadata) return note(metadata.error().happened);
    if (metadata->is_directory() != (kind_ == Kind::directory)) return note("its metadata are those of an object of another type");
    record_.metadata = std::move(*metadata);
    has_metadata_ = true;
}

void SetScanner::object_end() {
    const auto kind = std::exchange(kind_, Kind::other);
    if ((kind != Kind::directory && kind != Kind::file) || known_) return;
    kind_ = kind;
    if (!has_metadata_) note("its metadata are missing");
    auto facts = facts_of(record_, address_);
    if (record_.has_data() && kind == Kind::file) {
        if (stored_ && stored_->algorithm == mtf::ObjectHash::Algorithm::xxh3_128) {
            if (hashed_ && stored_->hash != hasher_.value()) note("its data do not have the hash that the medium holds");
            facts.hash = stored_->hash;
        }
        if (stored_) facts.state = state_of(stored_->state);
        if (stored_ && record_.metadata.size_unknown) facts.size = stored_->bytes_read;
        found_.bytes += stored_ ? stored_->bytes_read : data_bytes_;
    }
    if (facts.state != catalog::ObjectState::saved) ++found_.changed;
    if (!whole_) facts.state = catalog::ObjectState::partial;
    ++found_.objects;
    if (kind == Kind::directory) sink_.directory(record_.path, facts);
    else sink_.object(record_.path, facts);
    if (std::exchange(wanted_, false)) sink_.finished(facts.size, whole_);
    kind_ = Kind::other;
}

void SetScanner::damage(const mtf::Damage& damage) { note(fmt::format("{} at byte {}", damage.what, damage.offset)); }

}  // namespace capstan::backup
