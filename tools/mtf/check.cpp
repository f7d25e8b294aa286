// capstan mtf check: everything that can be proven from the medium alone. Each fault is named with its offset.
#include "backup/mtf/private_streams.hpp"
#include "backup/mtf/set_map.hpp"
#include "tools/mtf/walk.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <memory>
#include <ostream>

namespace capstan::tools {

namespace {

struct HashStateFree {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

class CheckEvents : public TreeEvents {
  public:
    using TreeEvents::TreeEvents;

    void media_header(const mtf::Place& place, const mtf::MediaHeader& header) override {
        TreeEvents::media_header(place, header);
        soft_block_ = header.physical_block_units * 512U;
        marks_.clear();
    }
    void set_start(const mtf::Place& place, const mtf::SetBlock& set) override {
        TreeEvents::set_start(place, set);
        if (!set.header.continuation()) ++sets_;
    }
    void directory(const mtf::Place& place, const mtf::DirectoryBlock& d) override {
        TreeEvents::directory(place, d);
        ++directories_;
        begin_object();
        if (d.attributes & mtf::object_attribute::unreadable) fault(place.offset, name() + ": its data could not be read by the writer");
    }
    void file(const mtf::Place& place, const mtf::FileBlock& f) override {
        TreeEvents::file(place, f);
        ++files_;
        begin_object();
        if (f.attributes & mtf::object_attribute::unreadable) fault(place.offset, name() + ": its data could not be read by the writer");
    }
    void unknown_block(const mtf::Place& place, const mtf::BlockHeader& header) override {
        TreeEvents::unknown_block(place, header);
        ++unknown_;
        begin_object();
    }
    void corrupt(const mtf::Place& place, const mtf::CorruptBlock& c) override {
        fault(place.offset, fmt::format("{}: marked as damaged by its writer, from byte {} of stream {}", name(), c.stream_offset,
                                        c.stream_number));
    }
    void soft_filemark(const mtf::Place& place, const mtf::SoftFilemark& mark) override {
        // A full list names the newest ones only.
        for (std::size_t i = 0; i < mark.marks.size(); ++i) {
            const bool numbers = mark.form == mtf::SoftFilemark::Form::numbers_32;
            const auto offset = numbers ? mark.marks[i] * soft_block_ : mark.marks[i];
            if (i < marks_.size() && offset == marks_[marks_.size() - 1 - i]) continue;
            fault(place.offset, fmt::format("SFMB block: entry {} names offset {}, where no soft filemark is", i + 1, offset));
        }
        marks_.push_back(place.offset);
    }
    void stream_start(const mtf::Place& place, const mtf::StreamHeader& header) override {
        stream_at_ = place.offset;
        collecting_ = header.id == mtf::StreamId::object_hash || header.id == mtf::StreamId::set_map ||
                      header.id == mtf::StreamId::fdd || header.id == mtf::StreamId::set_begin || header.id == mtf::StreamId::set_end;
        hashing_ = header.id == mtf::StreamId::data || header.id == mtf::StreamId::sparse;
        if (collecting_) small_.start(header);
        if (header.has(mtf::stream_media::continued)) whole_object_ = false;
    }
    void stream_data(std::uint64_t, Bytes bytes) override {
        bytes_ += bytes.size();
        if (collecting_) small_.data(bytes);
        if (hashing_) XXH3_128bits_update(hash_.get(), bytes.data(), bytes.size());
    }
    void stream_end(const mtf::StreamEnd& end) override {
        ++streams_;
        if (end.checksum == mtf::ChecksumState::good) ++checksums_;
        const auto what = fmt::format("{}{}{} stream", name(), name().empty() ? "" : ": ", mtf::name_of(end.header.id));
        if (end.checksum == mtf::ChecksumState::bad) fault(stream_at_, what + ": its checksum is wrong");
        if (end.marked_corrupt) fault(stream_at_, what + ": marked as damaged by its writer");
        if (!end.complete) fault(stream_at_, fmt::format("{}: only {} bytes are there", what, end.length));
        else if (collecting_) check_small(what);
        collecting_ = hashing_ = false;
    }
    void done() override {
        if (options_.json) {
            out_ << fmt::format(",\n{{\"kind\":\"summary\",\"sets\":{},\"directories\":{},\"files\":{},\"unknown_blocks\":{},"
                                "\"streams\":{},\"bytes\":{},\"checksums_good\":{},\"hashes_good\":{},\"faults\":{}}}",
                                sets_, directories_, files_, unknown_, streams_, bytes_, checksums_, hashes_, faults_);
            return;
        }
        out_ << fmt::format("{} sets, {} directories, {} files, {} blocks of unknown type\n", sets_, directories_, files_, unknown_);
        out_ << fmt::format("{} streams with {} bytes: {} checksums and {} hashes are right\n", streams_, bytes_, checksums_, hashes_);
        out_ << (faults_ == 0 ? "no faults\n" : fmt::format("{} faults\n", faults_));
    }

  private:
    std::string name() const { return path_.empty() ? std::string{} : mtf::printable(path_); }
    void begin_object() {
        XXH3_128bits_reset(hash_.get());
        whole_object_ = true;
    }
    void check_small(const std::string& what) {
        auto tell = [&](const auto& decoded) {
            if (!decoded) fault(stream_at_, to_text(decoded.error()));
        };
        if (small_.too_long()) return;
        switch (small_.id()) {
            case mtf::StreamId::set_map: return tell(mtf::decode_set_map(small_.bytes()));
            case mtf::StreamId::fdd: return tell(mtf::decode_fdd(small_.bytes()));
            case mtf::StreamId::set_begin: return tell(mtf::decode_set_begin(small_.bytes()));
            case mtf::StreamId::set_end: return tell(mtf::decode_set_end(small_.bytes()));
            default: break;
        }
        const auto stored = mtf::decode_object_hash(small_.bytes());
        if (!stored) return tell(stored);
        if (stored->algorithm != mtf::ObjectHash::Algorithm::xxh3_128 || !whole_object_) return;
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash_.get()));
        if (std::equal(stored->hash.begin(), stored->hash.end(), canonical.digest)) ++hashes_;
        else fault(stream_at_, what + ": the data do not have the stored hash");
    }

    std::unique_ptr<XXH3_state_t, HashStateFree> hash_{XXH3_createState()};
    mtf::StreamCollector small_{std::size_t{64} << 20};
    bool collecting_ = false, hashing_ = false, whole_object_ = false;
    std::uint64_t stream_at_ = 0, soft_block_ = 0;
    std::vector<std::uint64_t> marks_;  // offsets of the soft filemarks seen
    std::uint64_t sets_ = 0, directories_ = 0, files_ = 0, unknown_ = 0, streams_ = 0, bytes_ = 0, checksums_ = 0, hashes_ = 0;
};

}  // namespace

int check_media(const MtfOptions& options, const OpenMedium& open_medium, std::ostream& out, std::ostream& errors) {
    CheckEvents events(options, out, errors);
    return walk_media(options, open_medium, events, errors) && events.faults() == 0 ? 0 : 1;
}

}  // namespace capstan::tools
