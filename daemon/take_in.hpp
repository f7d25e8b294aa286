// Reads and proves complete sets that the database does not have, or not whole: what a crash left between tape and commit, and
// what `catalog rebuild` finds. Writes their catalog segments; commits nothing. Control thread; the caller holds the drive.
#pragma once

#include "backup/job/set_scan.hpp"
#include "daemon/mount_service.hpp"

namespace capstan::daemon {

class SetReader {
  public:
    SetReader(Context& context, backup::JobEnvironment& environment) : context_(context), environment_(environment) {}

    // The set of a closed span, complete where nothing of it is missing and everything is as it was written, else aborted. Errors:
    // it is not Capstan's, or a block cannot be read (replace_medium); its catalog segment could not be written.
    Task<Result<TakenIn>> take_in(drives::DriveOwner& drive, pools::Cartridge cartridge, SetSpan span);
    // On the worker; the file is written and synchronised.
    Task<Result<pools::CatalogSegment>> write_segment(std::unique_ptr<catalog::SegmentBuilder> builder, catalog::SegmentHeader header);

  private:
    struct Beginning {  // of the scan
        backup::ScanStart start;
        BlockNumber block{};
        std::uint32_t offset = 0;
    };
    Result<pools::Set> set_of(const pools::Cartridge& cartridge, const SetSpan& span);
    Task<Result<Beginning>> beginning_of(pools::Cartridge cartridge, SetSpan span, pools::Set set, std::vector<pools::CatalogSegment> segments);
    Result<std::vector<catalog::MediaExtent>> extents_of(const pools::Cartridge& cartridge, const SetSpan& span, SetNumber set,
                                                         const pools::SetExtent& here);

    Context& context_;
    backup::JobEnvironment& environment_;
};

catalog::SegmentHeader segment_header_of(const pools::Set& set, const std::string& pool, Wall now);

}  // namespace capstan::daemon
