// What the MTF tests share: an output that keeps blocks and resume points, a recorder of what the decoder found, and random
// sets with an expectation of their own.
#pragma once

#include "backup/mtf/decoder.hpp"
#include "backup/mtf/writer.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace capstan::mtf::test {

using Buffer = std::vector<std::uint8_t>;

struct KeptBlock {
    BlockKind kind{};
    Buffer bytes;
    ResumePoint resume;
};

// Unlimited, or refusing to give a block until release() was called.
class KeptOutput : public BlockOutput {
  public:
    explicit KeptOutput(std::size_t size, bool stingy = false) : memory_(size), stingy_(stingy) {}
    MutableBytes reserve() override { return stingy_ && credit_ == 0 ? MutableBytes{} : MutableBytes(memory_); }
    void push(BlockKind kind, std::size_t size, const ResumePoint& resume) override {
        if (stingy_) --credit_;
        blocks.push_back({kind, Buffer(memory_.begin(), memory_.begin() + static_cast<std::ptrdiff_t>(size)), resume});
        std::ranges::fill(memory_, std::uint8_t{0xEE});  // what the writer does not write shows
    }
    void release() { ++credit_; }
    std::vector<KeptBlock> blocks;

  private:
    Buffer memory_;
    bool stingy_;
    std::size_t credit_ = 0;
};

inline void until_ready(SetWriter& writer, KeptOutput& output) {
    while (!writer.ready()) output.release();
}

struct SeenStream {
    StreamId id{};
    Buffer data;
    ChecksumState checksum = ChecksumState::absent;
    bool complete = true;
    bool operator==(const SeenStream&) const = default;
};
struct SeenObject {
    std::string kind, name;
    std::vector<SeenStream> streams;
    bool operator==(const SeenObject&) const = default;
};

// Flattens events into objects. TAPE and EOTM stand between the parts of an object and are none.
class Recorder : public DecoderEvents {
  public:
    std::vector<SeenObject> objects;
    std::vector<std::string> damages;
    std::vector<std::uint64_t> file_addresses;
    int end_of_tapes = 0, soft_filemarks = 0;
    Decoder* stop_at_file = nullptr;

    void set_start(const Place&, const SetBlock& s) override { begin("SSET", s.name); }
    void volume(const Place&, const VolumeBlock& v) override { begin("VOLB", v.device); }
    void directory(const Place&, const DirectoryBlock& d) override { begin("DIRB", d.path); }
    void file(const Place&, const FileBlock& f) override {
        begin("FILE", f.name);
        file_addresses.push_back(f.header.address);
    }
    void corrupt(const Place&, const CorruptBlock& c) override { begin("CFIL", std::to_string(c.stream_offset)); }
    void set_end(const Place&, const EndOfSetBlock& e) override { begin("ESET", std::to_string(e.number)); }
    void end_of_tape(const Place&, const EndOfTapeBlock&) override { ++end_of_tapes; }
    void soft_filemark(const Place&, const SoftFilemark&) override { ++soft_filemarks; }
    void end_pad(const Place&, const BlockHeader&) override { begin("ESPB", ""); }
    void unknown_block(const Place&, const BlockHeader& h) override { begin(name_of(h.type), ""); }
    void stream_start(const Place&, const StreamHeader& h) override {
        if (!objects.empty()) objects.back().streams.push_back({h.id, {}, {}, true});
    }
    void stream_data(std::uint64_t offset, Bytes bytes) override {
        if (objects.empty() || objects.back().streams.empty()) return;
        auto& data = objects.back().streams.back().data;
        if (data.size() != offset) damages.push_back("data out of order");
        data.insert(data.end(), bytes.begin(), bytes.end());
    }
    void stream_end(const StreamEnd& e) override {
        if (objects.empty() || objects.back().streams.empty()) return;
        objects.back().streams.back().checksum = e.checksum;
        objects.back().streams.back().complete = e.complete;
        if (objects.back().streams.back().data.size() != e.length) damages.push_back("length differs");
    }
    void damage(const Damage& d) override { damages.push_back(std::to_string(d.offset) + ": " + d.what); }

  private:
    void begin(std::string kind, std::string name) { objects.push_back({std::move(kind), std::move(name), {}}); }
};

inline const SetBlock& some_set() {
    static const SetBlock set{.number = 7, .date = from_unix(1700000000), .name = "nightly", .user = "HOST\\root"};
    return set;
}
inline const VolumeBlock& some_volume() {
    static const VolumeBlock volume{.device = "C:", .name = "/", .machine = "host"};
    return volume;
}
inline const MediaHeader& some_medium() {
    static const MediaHeader medium{.family = MediaFamilyId{0x12345678}, .date = from_unix(1700000000), .name = "A00001L8", .label = "x", .software = "Capstan"};
    return medium;
}

// Writes a random set and what a reader must find. One seed, one set.
class RandomSet {
  public:
    std::vector<SeenObject> expected;
    std::vector<std::uint64_t> file_addresses;

    RandomSet(SetWriter& writer, KeptOutput& output, std::uint32_t seed, int objects, std::size_t size_max)
        : writer_(writer), output_(output), random_(seed), size_max_(size_max) {
        until_ready(writer_, output_);
        const Buffer begin = bytes(60);
        const SmallStream begin_stream{StreamId::set_begin, begin};
        writer_.begin_set(some_set(), std::span(&begin_stream, 1));
        expected.push_back({"SSET", "nightly", {{StreamId::set_begin, begin, ChecksumState::good, true}}});
        until_ready(writer_, output_);
        writer_.volume(some_volume());
        expected.push_back({"VOLB", "C:", {}});
        directory("");
        for (int i = 0; i < objects; ++i) {
            if (chance(10)) directory(i % 7 == 3 ? std::string(pick(3000) + 1, 'p') + "/" + std::to_string(i) : "d/" + std::to_string(i));
            else file(i);
        }
        until_ready(writer_, output_);
        const Buffer end = bytes(90);
        const SmallStream end_stream{StreamId::set_end, end};
        writer_.end_set({.number = 7}, std::span(&end_stream, 1));
        expected.push_back({"ESET", "7", {{StreamId::set_end, end, ChecksumState::good, true}}});
        while (!writer_.drained()) output_.release(), writer_.ready();
    }

  private:
    std::size_t pick(std::size_t limit) { return random_() % limit; }
    bool chance(int percent) { return pick(100) < static_cast<std::size_t>(percent); }
    Buffer bytes(std::size_t size) {
        Buffer data(size);
        for (auto& b : data) b = static_cast<std::uint8_t>(random_());
        return data;
    }
    void small(StreamId id, std::size_t size) {
        const auto payload = bytes(size);
        writer_.small_stream({id, payload});
        expected.back().streams.push_back({id, payload, ChecksumState::good, true});
    }
    void give(const Buffer& data) {
        for (std::size_t at = 0; at < data.size();) {
            auto space = writer_.data_space();
            if (space.empty()) {
                output_.release();
                continue;
            }
            const auto size = std::min({space.size(), data.size() - at, pick(5000) + 1});
            std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(at), size, space.begin());
            writer_.advance(size);
            at += size;
        }
    }
    void directory(const std::string& path) {
        until_ready(writer_, output_);
        writer_.directory({.modified = from_unix(1600000000), .path = path});
        expected.push_back({"DIRB", path, {}});
        if (chance(60)) small(StreamId::posix, pick(200));
        writer_.end_object();
    }
    void file(int number) {
        until_ready(writer_, output_);
        const auto name = "f\xFF:" + std::to_string(number) + std::string(pick(200), 'n');
        file_addresses.push_back(writer_.address());
        const auto size = chance(30) ? pick(40) : pick(size_max_);
        writer_.file({.header = {.type = BlockType::file, .displayable_size = size}, .name = name});
        expected.push_back({"FILE", name, {}});
        if (chance(70)) small(StreamId::posix, pick(300));
        const auto data = bytes(size);
        const bool checksum = chance(70);
        const auto state = checksum ? ChecksumState::good : ChecksumState::absent;
        const auto form = pick(4);
        if (form == 0) {
            writer_.begin_stream_of_unknown_length(StreamId::data, {.checksum = checksum});
            give(data);
            writer_.end_stream();
            expected.back().streams.push_back({StreamId::data, data, state, true});
        } else if (form == 1) {
            writer_.sparse_header(StreamId::data);
            expected.back().streams.push_back({StreamId::data, {}, ChecksumState::absent, true});
            writer_.begin_sparse_extent(4096, data.size(), {.checksum = checksum});
            give(data);
            writer_.end_stream();
            Buffer stored{0, 16, 0, 0, 0, 0, 0, 0};
            stored.insert(stored.end(), data.begin(), data.end());
            expected.back().streams.push_back({StreamId::sparse, stored, state, true});
        } else {
            writer_.begin_stream(StreamId::data, data.size(), {.checksum = checksum});
            give(data);
            writer_.end_stream();
            expected.back().streams.push_back({StreamId::data, data, state, true});
        }
        if (chance(70)) small(StreamId::object_hash, 32);
        writer_.end_object();
        if (chance(5)) {
            until_ready(writer_, output_);
            writer_.corrupt({.stream_offset = 5});
            expected.push_back({"CFIL", "5", {}});
        }
    }

    SetWriter& writer_;
    KeptOutput& output_;
    std::mt19937 random_;
    std::size_t size_max_;
};

}  // namespace capstan::mtf::test
