// Joins pools, changer and drives: gives leases on (drive, medium) with the label read and compared, draws and labels
// cartridges, dismounts idle ones. Control thread. One coroutine per request; between the decision and its reservation
// nothing else runs, so a drive or a cartridge has one owner at every moment.
#pragma once

#include "daemon/labeller.hpp"
#include "daemon/library.hpp"
#include "daemon/turned_down.hpp"
#include "daemon/work_queue.hpp"
#include "pools/mount_port.hpp"
#include "pools/store/set_rows.hpp"

#include <map>

namespace capstan::daemon {

using Libraries = std::vector<std::unique_ptr<Library>>;

// Reads and proves a complete set that lies beyond a medium's recorded end, writes its catalog segment, and says what is to be
// committed (daemon/take_in.hpp). Set by the control plane: the engine for it is backup's.
struct TakenIn {
    pools::FoundSet found;
    std::string damage;  // not empty: something in it is not as it was written
};
using TakeIn = std::function<Task<Result<TakenIn>>(drives::DriveOwner&, pools::Cartridge, SetSpan)>;

class MountService final : public pools::MountPort {
  public:
    MountService(Context& context, Libraries& libraries, WorkQueue& queue);

    Task<Result<pools::WriteLease>> mount_for_writing(pools::WriteRequest request) override;
    Task<Result<pools::ReadLease>> mount_for_reading(JobId job, CartridgeId cartridge) override;
    void release(pools::LeaseId lease, After after, const std::string& why = {}) override;

    drives::DriveOwner* drive_owner(const DriveName& name);
    Library* library(const LibraryName& name);
    Library::Drive* drive(const DriveName& name);

    // Puts idle cartridges away after the drive's dismount delay. Runs until the loop stops.
    Task<void> dismount_idle();

    // Work of operators; each runs as the given work item, which the caller made and finishes.
    Task<Result<void>> label(CartridgeId cartridge, pools::Pool pool, std::optional<pools::OperatorWord> word, WorkItemId item);
    Task<Result<void>> identify(CartridgeId cartridge, WorkItemId item);      // mounts it and reads its label
    Task<Result<void>> move(CartridgeId cartridge, pools::Place destination, WorkItemId item);

    // Of a span that ends with EOTM: its part here, to be recorded. The set was cut off, or its end is on another medium.
    Result<pools::FoundSet> found_going_on(const pools::Cartridge& cartridge, const SetSpan& span);

    TakeIn take_in;
    std::vector<pools::DriveView> views() const;
    // The operator request about a device (another host has it; a key is in it), where no drive can be used until it is answered.
    std::optional<RequestId> request_for_every_drive(bool for_writing) const;
    std::vector<pools::AllocationRequest::Busy> busy() const;  // what leases hold
    std::vector<pools::AllocationRequest::Busy> stuck() const;
    // Why a cartridge cannot be had until an operator enables something: "in drive D1, which is disabled by root"; empty: it can be had.
    std::string why_out_of_reach(const pools::Cartridge& cartridge);

  private:
    struct Lease {
        Library* library;
        Library::Drive* drive;
        CartridgeId cartridge;
        JobId job;
        bool writing;
        drives::DriveCounters before;  // of the drive, when it was given
    };
    struct Reserved {
        pools::LeaseId lease{};
        std::optional<CartridgeId> evict;
    };
    Task<Result<pools::WriteLease>> write_mount(pools::WriteRequest request, WorkItemId item);
    Task<Result<pools::WriteLease>> prepare_writing(Reserved reserved, pools::AllocationDecision decision,
                                                    pools::WriteRequest request, WorkItemId item);
    Task<Result<Library::Loaded>> load(Reserved reserved, WorkItemId item);
    // mount_proof.cpp, rule 3: what the medium holds beyond the recorded end is taken in or closed. The cartridge afterwards, whose
    // recorded end is the end of its data; one that cannot be brought to that is closed for writing.
    Task<Result<pools::Cartridge>> ready_to_append(Lease lease, pools::Cartridge cartridge, pools::OnMedium facts);
    Task<Result<pools::Cartridge>> prove_end(Lease lease, pools::Cartridge cartridge, pools::OnMedium facts);
    Task<Result<void>> settle_span(Lease lease, pools::Cartridge cartridge, pools::OnMedium facts, SetSpan span);
    Task<Result<void>> settle_cut_span(Lease lease, pools::Cartridge cartridge, pools::OnMedium facts, SetSpan span);
    Result<pools::Set> set_of_span(const pools::Cartridge& cartridge, const SetSpan& span, BlockNumber& first);
    Result<void> well_again(const pools::Cartridge& cartridge);
    // A suspect cartridge that is in the drive anyway, its label read: is its end as recorded?
    Task<Result<void>> prove_suspect(Lease lease, const Library::Loaded& loaded);
    // All cartridges that are out of reach, and in words why: "library LIB1 is disabled by root"; empty: none.
    struct OutOfReach {
        std::vector<CartridgeId> cartridges;
        std::string why;
    };
    Result<OutOfReach> out_of_reach();
    struct Purpose {
        JobId job;
        std::string owner;             // "job 17"
        bool writing = false;
        std::uint32_t block_size = 0;  // of what is read or written; 0: the label alone is looked at
    };
    // Waits until the cartridge can be had in some drive, and reserves both.
    Task<Result<Reserved>> reserve(CartridgeId cartridge, Purpose purpose, WorkItemId item);
    struct InDrive {
        Reserved reserved;
        Result<Library::Loaded> loaded;
    };
    // Another drive is taken, or the same later, where another host has the drive, or where it only reads and shall write.
    Task<Result<InDrive>> reserve_and_load(CartridgeId cartridge, Purpose purpose, WorkItemId item);
    std::optional<Reserved> try_reserve(const pools::Cartridge& cartridge, const Purpose& purpose, pools::MountPlan& plan);
    Task<Result<void>> read_before_asking(CartridgeId id, WorkItemId item);
    Result<void> word_goes_on(pools::OperatorWord& word, const pools::OnMedium& medium, WorkItemId item);
    Result<bool> has_labelled(const pools::Cartridge& cartridge, WorkItemId item);
    Result<void> ask_for_media(const pools::AllocationDecision& decision, PoolId pool, WorkItemId item);
    void count_errors(const Lease& lease);  // what the drive met since it was given
    Task<void> put_away_as_work(Library& library, Library::Drive& drive);
    pools::AuditNote note(std::string why) const { return {"daemon", std::move(why), context_.clock.wall()}; }

    Context& context_;
    Libraries& libraries_;
    WorkQueue& queue_;
    TurnedDown turned_down_{context_};
    std::map<pools::LeaseId, Lease> leases_;
    std::uint64_t last_lease_ = 0;
};

}  // namespace capstan::daemon
