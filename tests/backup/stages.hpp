// Source -> encoder -> ring -> "medium" in memory -> ring -> decoder -> sink, on one thread. The catalog's segments
// tell the decoder what lies where.
#pragma once

#include "backup/job/decoder_stage.hpp"
#include "backup/job/encoder_stage.hpp"
#include "backup/source/file_source.hpp"
#include "backup/tree.hpp"
#include "catalog/segment_reader.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <thread>

namespace capstan::backup {
using Kind = drives::RingEntry::Kind;

struct Medium {
    struct Item {
        Kind kind;
        std::vector<std::uint8_t> bytes;
        mtf::ResumePoint resume;
    };
    std::vector<Item> items;              // blocks and filemarks; no checkpoints
    std::vector<CheckpointPart> parts;    // without their segments
    std::vector<std::size_t> part_items;  // items in front of each part
    std::vector<std::string> segments;
    std::vector<Issue> issues;
    std::uint64_t objects = 0, bytes = 0;
};

struct Encoding {
    std::uint32_t block_size = 16384;
    std::size_t slots = 8;
    std::uint64_t checkpoint_bytes = 64ull << 30;
    unsigned stop_after = 0;  // request_stop() after so many blocks
    std::function<void(EncoderStage&, std::size_t)> at_block;
};

inline EncoderSettings settings_for(const Encoding& how, const std::string& directory) {
    EncoderSettings settings;
    settings.output_size = how.block_size;
    settings.checkpoint_bytes = how.checkpoint_bytes;
    settings.set.name = "test";
    settings.volume.device = "C:";
    settings.volume.name = "/";
    settings.begin.set = Uuid{"01234567-89ab-4def-8123-456789abcdef"};
    settings.begin.number = SetNumber{17};
    settings.segment_path = [directory](std::uint32_t ordinal) { return directory + "/17." + std::to_string(ordinal); };
    return settings;
}

inline void take_part(Medium& medium, EncoderStage& stage, std::uint64_t sequence) {
    auto part = stage.take_checkpoint(sequence);
    ASSERT_TRUE(part);
    if (part->segment) {
        catalog::SegmentHeader header;
        header.set = SetNumber{17};
        header.set_uuid = Uuid{"01234567-89ab-4def-8123-456789abcdef"};
        header.ordinal = part->ordinal;
        header.last = part->last;
        auto written = part->segment->finish(header);
        ASSERT_TRUE(written) << written.error().happened;
        part->segment.reset();
    }
    medium.part_items.push_back(medium.items.size());
    medium.parts.push_back(std::move(*part));
}

// Runs the stage to its end, emptying the ring whenever it is idle.
inline Medium encode_set(FileSourceOptions options, const std::string& directory, Encoding how = {}) {
    Medium medium;
    Doorbell doorbell;
    auto ring = std::make_shared<drives::BlockRing>(how.block_size, how.slots, &doorbell);
    options.doorbell = &doorbell;
    auto source = open_file_source(std::move(options));
    EXPECT_TRUE(source);
    IssueQueue issues;
    EncoderProgress progress;
    EncoderStage stage(**source, ring, settings_for(how, directory), issues, progress);
    bool running = true, ended = false;
    while (running || ring->front() != nullptr) {
        auto seen = doorbell.count();
        auto step = running ? stage.step() : StepResult::finished;
        running = step != StepResult::finished;
        bool took = false;
        while (const auto* entry = ring->front()) {
            took = true;
            if (entry->kind == Kind::checkpoint)
                take_part(medium, stage, entry->sequence);
            else if (entry->kind == Kind::end)
                ended = true;
            else
                medium.items.push_back(
                    {entry->kind, {entry->bytes().begin(), entry->bytes().end()}, stage.resume_point(entry->sequence)});
            if (how.at_block) how.at_block(stage, medium.items.size());
            auto next = entry->sequence + 1;
            ring->pop();
            ring->prove(next);
        }
        if (how.stop_after > 0 && medium.items.size() >= how.stop_after) stage.request_stop();
        if (step == StepResult::idle && !took) doorbell.wait(seen, std::chrono::milliseconds(2000));
    }
    EXPECT_TRUE(ended);
    for (const auto& part : medium.parts) {
        auto file = directory + "/17." + std::to_string(part.ordinal);
        if (std::filesystem::exists(file) && (medium.segments.empty() || medium.segments.back() != file))
            medium.segments.push_back(file);
    }
    medium.issues = issues.drain();
    medium.objects = progress.objects;
    medium.bytes = progress.bytes;
    return medium;
}

inline std::vector<WantedObject> all_of(const Medium& medium) {
    std::vector<WantedObject> wanted;
    for (const auto& file : medium.segments) {
        auto reader = catalog::SegmentReader::open(file);
        EXPECT_TRUE(reader) << file;
        if (!reader) continue;
        auto cursor = (*reader)->scan({});
        EXPECT_TRUE(cursor);
        for (;;) {
            auto object = cursor->next();
            EXPECT_TRUE(object);
            if (!object || *object == nullptr) break;
            const auto& facts = (*object)->facts;
            if (facts.state == catalog::ObjectState::not_saved) continue;
            wanted.push_back({(*object)->path, facts.fla, facts.path_only, facts.hash});
        }
    }
    return wanted;
}

class Decoding {
  public:
    Decoding(ObjectSink& sink, std::size_t block_size)
        : ring_(std::make_shared<drives::BlockRing>(block_size, 4)), sink_(sink), stage_(ring_, sink, issues, progress) {}

    // Reads blocks from the one that holds the first wanted object on, as a drive would.
    void read(const Medium& medium, std::vector<WantedObject> wanted, std::uint32_t block_size) {
        Stretch stretch;
        stretch.first_address = wanted.front().address;
        auto first = stretch.first_address * 1024 / block_size;
        stretch.offset = static_cast<std::uint32_t>(stretch.first_address * 1024 % block_size);
        stretch.wanted = std::move(wanted);
        stage_.begin_stretch(std::move(stretch));
        feed(medium, first, medium.items.size());
        push(Kind::checkpoint, {});
    }
    void feed(const Medium& medium, std::size_t from, std::size_t to) {
        for (auto i = from; i < to && !stage_.satisfied(); ++i) {
            ++blocks_read;
            push(medium.items[i].kind, medium.items[i].bytes);
            if (medium.items[i].kind == Kind::filemark) break;
        }
    }
    void push(Kind kind, Bytes bytes) {
        while (ring_->reserve().empty()) stage_.step();
        auto space = ring_->reserve();
        std::copy(bytes.begin(), bytes.end(), space.begin());
        ring_->push(kind, bytes.size());
        while ((!lags || kind == Kind::checkpoint || kind == Kind::end) && stage_.step() == StepResult::progressed) {
        }
    }
    DecoderStage& stage() { return stage_; }
    void end() {
        push(Kind::end, {});
        EXPECT_TRUE(sink_.lock());
    }

    IssueQueue issues;
    DecoderProgress progress;
    std::size_t blocks_read = 0;
    bool lags = false;  // the stage steps only when the ring is full

  private:
    std::shared_ptr<drives::BlockRing> ring_;
    ObjectSink& sink_;
    DecoderStage stage_;
};

inline std::string text_of(const std::vector<Issue>& issues) {
    std::string text;
    for (const auto& issue : issues)
        text += std::string(name_of(issue.kind)) + " " + issue.path + ": " + issue.text + "\n";
    return text;
}

struct Stages : testing::Test {
    ScratchDirectory from, to, catalog;
    std::string source = std::filesystem::canonical(from.path()).string();
    std::string target = to.path() + source;

    std::string restore(const Medium& medium, std::vector<WantedObject> wanted, std::uint32_t block_size,
                        std::size_t* blocks = nullptr) {
        IssueQueue issues;
        auto sink = std::move(open_restore_target({.root = to.path()}, issues).value());
        Decoding decoding(*sink, block_size);
        decoding.read(medium, std::move(wanted), block_size);
        decoding.end();
        EXPECT_TRUE(decoding.stage().outcome());
        if (blocks != nullptr) *blocks = decoding.blocks_read;
        return text_of(issues.drain()) + text_of(decoding.issues.drain());
    }
};

}  // namespace capstan::backup
