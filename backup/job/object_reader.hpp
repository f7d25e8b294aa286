// Decoder events -> objects for a sink: one object at a time, its metadata from CPSX, its data from STAN and SPAR, and
// its hash against CHSH and the catalog. The decoder stage tells which objects are wanted.
#pragma once

#include "backup/job/content_hash.hpp"
#include "backup/job/decoder_stage.hpp"
#include "backup/mtf/decoder.hpp"

#include <deque>
#include <mutex>
#include <unordered_set>

namespace capstan::backup {

class ObjectReader final : public mtf::DecoderEvents {
  public:
    ObjectReader(ObjectSink& sink, IssueQueue& issues) : sink_(sink), issues_(issues) {}

    void want(std::vector<WantedObject> wanted);
    std::size_t left() const { return wanted_.size(); }   // not yet completed
    std::vector<UnresolvedLink> take_unresolved_links();  // any thread
    // The stretch is over and does not go on: what is open or was never met is damaged.
    void give_up();
    // It broke off and goes on at `address`: what lies before that is damaged, for this reason. The first before the decoder is told that
    // the data end, so that the object in hand has the real reason.
    void broke_off(const std::string& why) {
        if (open_) damage_ = why;
    }
    void give_up_before(std::uint64_t address, const std::string& why);

    void directory(const mtf::Place& place, const mtf::DirectoryBlock& block) override;
    void file(const mtf::Place& place, const mtf::FileBlock& block) override;
    void stream_start(const mtf::Place& place, const mtf::StreamHeader& header) override;
    void stream_data(std::uint64_t offset, Bytes bytes) override;
    void stream_end(const mtf::StreamEnd& end) override;
    void object_end() override;
    void damage(const mtf::Damage& damage) override;

  private:
    enum class Stage : std::uint8_t { none, described, data, skipped };
    bool begin(const mtf::BlockHeader& header, const std::string& name, bool whole_path);
    void report(IssueKind kind, const WantedObject& wanted, const std::string& text);
    void complete(const WantedObject& wanted);
    void begin_sink(bool sparse);
    void note(std::string what) { damage_ += (damage_.empty() ? "" : "; ") + std::move(what); }
    void end_metadata(const mtf::StreamEnd& end);
    void end_hash(const mtf::StreamEnd& end);
    void file_data(Bytes bytes);

    ObjectSink& sink_;
    IssueQueue& issues_;
    std::deque<WantedObject> wanted_;
    bool open_ = false;  // the first of wanted_ is being read
    Stage stage_ = Stage::none;
    IncomingObject object_;
    mtf::StreamCollector small_;
    bool collecting_ = false, in_data_ = false, sparse_ = false, is_hashed_ = false;
    std::uint64_t file_offset_ = 0;
    std::array<std::uint8_t, 8> extent_offset_{};
    std::size_t extent_offset_size_ = 0;
    ContentHasher hasher_;
    std::optional<catalog::ContentHash> stored_hash_;
    std::string damage_;
    Metadata link_metadata_;                       // for further names of the present object
    std::unordered_set<std::string> first_names_;  // objects with several names that were restored, verified or kept
    std::mutex mutex_;
    std::vector<UnresolvedLink> unresolved_;
};

}  // namespace capstan::backup
