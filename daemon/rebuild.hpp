// `catalog rebuild`: brings back what the tapes hold and the state directory does not. Lost as a whole: the newest copy of the state
// database on the media is the source of facts, catalog segments come from the small set behind each job, and what no copy knows is
// read from the tape (design rule 11). Lost in part: the segments that are missing or damaged. Control thread.
#pragma once

#include "backup/job/decoder_stage.hpp"
#include "daemon/catalog_files.hpp"
#include "daemon/catalog_view.hpp"
#include "daemon/take_in.hpp"

#include <set>

namespace capstan::daemon {

class Rebuild {
  public:
    // All references outlive it. `progress` counts the objects that were read from tapes anew.
    Rebuild(Context& context, MountService& mounts, backup::JobEnvironment& environment, SetReader& reader, JobId job,
            backup::DecoderProgress& progress);
    ~Rebuild();
    // `volumes`: the cartridges to read; none: every one of the pool Import. Errors: nothing could be done, cancelled. What could not
    // be brought back is in the job's ledger, and `incomplete` says so.
    Task<Result<void>> run(std::vector<std::string> volumes);
    void cancel() { cancelled_ = true; }
    bool incomplete() const { return incomplete_; }

  private:
    struct Medium {  // as it was walked
        CartridgeId id{};
        std::uint32_t block_size = 0;
        std::vector<SetSpan> spans;
        bool whole = false;  // read to the end of its data
    };
    struct Part {  // of a set, on one cartridge
        CartridgeId cartridge{};
        BlockNumber first{};
    };
    Result<std::vector<CartridgeId>> candidates(const std::vector<std::string>& volumes);
    Task<Result<drives::DriveOwner*>> hold(CartridgeId cartridge);
    void let_go();
    Task<Result<void>> walk(CartridgeId cartridge);
    Task<Result<void>> extract_of(Medium& medium);
    std::vector<Part> parts_of(const Medium& medium, const SetSpan& span) const;
    Task<Result<void>> extract(SetNumber set, std::vector<Part> parts, std::uint32_t block_size);
    Task<Result<void>> bring_state_back();
    Task<Result<bool>> import_copy(std::string file, SetNumber from);
    Result<void> adopt_rest();
    Task<Result<void>> take_in_rest(CartridgeId cartridge);
    Task<Result<void>> repair();
    Task<Result<std::vector<pools::Set>>> without_catalog();
    Task<Result<void>> from_catalog_set(pools::Set set);
    Task<Result<void>> scan(pools::Set set);
    Result<void> settle_stop();
    void note(std::string text, bool failed);
    std::uint32_t block_size_of(CartridgeId cartridge) const;

    Context& context_;
    MountService& mounts_;
    backup::JobEnvironment& environment_;
    SetReader& reader_;
    JobId job_;
    backup::DecoderProgress& progress_;
    CatalogFiles files_;
    std::optional<pools::ReadLease> lease_;
    std::vector<Medium> media_;
    std::set<std::uint64_t> rescan_;      // sets of which a part is not in any catalog
    std::vector<std::string> not_here_;   // media that the copy names
    std::vector<std::string> reports_;
    bool lost_ = false, incomplete_ = false, cancelled_ = false;
};

}  // namespace capstan::daemon
