// The operations of a drive: ordinary functions that run on its device's thread, one at a time. They know nothing of the
// control plane; what they need comes in, what they learnt goes out. Private to drives/.
// A unit attention ends every operation with an Error, except where one is said to take them.
#pragma once

#include "drives/drive_owner.hpp"
#include "drives/scsi/commands.hpp"

#include <atomic>

namespace capstan::drives::operations {

struct Identified {
    DriveIdentity identity;
    scsi::Timeouts timeouts;
    std::optional<Error> by_another;  // another host has reserved it: no more than INQUIRY data was asked
};
using Key = std::optional<scsi::ReservationKey>;
// Takes unit attentions. A drive whose serial number is not the wanted one (empty: any) is stop_device, and is not reserved.
Result<Identified> identify(const scsi::Target& drive, const Key& key, const std::string& wanted_serial);
Result<void> look(const scsi::Target& drive);  // takes unit attentions, and no more

// What the drive offers and what it does not: its list of commands, its densities, a table by its name where it does not say.
// Identity and time limits are completed.
Result<void> learn_abilities(const scsi::Target& drive, Identified& found);
Result<scsi::Claimed> claim(const scsi::Target& drive, const Key& key);             // takes unit attentions
Result<void> let_go(const scsi::Target& drive, const scsi::ReservationKey& key);  // takes unit attentions; allows removal

struct Probed {
    Presence presence = Presence::absent;
    std::optional<Sense> sense;  // NOT READY
    std::optional<int> percent;  // of what it is doing, if it says
    std::string words;           // for the operator
};
Result<Probed> probe(const scsi::Target& drive);  // takes unit attentions
Result<void> load(const scsi::Target& drive);
struct Prepared {
    PreparedMedium medium;
    scsi::Claimed claim;  // of_another: nothing was prepared
    std::optional<scsi::EncryptionStatus> encryption;  // empty: the drive does not encrypt
};
struct Abilities {
    bool append_only = false, encryption = false;  // the drive may have it
};
Result<Prepared> prepare(const scsi::Target& drive, const Key& key, Abilities abilities);  // takes unit attentions
Result<void> unload(const scsi::Target& drive, bool has_append_only);                       // takes unit attentions

// Where the drive stands after reading is said even when the read failed: std::nullopt is unknown.
struct FirstRead {
    FirstRecord record;
    std::optional<BlockNumber> position;
};
Result<FirstRead> read_first_record(const scsi::Target& drive, std::size_t size_max);
Result<void> locate(const scsi::Target& drive, BlockNumber block);
Result<EndOfData> find_end_of_data(const scsi::Target& drive);
// `position`: where the drive stands, if known; a locate is saved then.
Result<std::optional<BlockNumber>> pass_filemark(const scsi::Target& drive, std::optional<BlockNumber> position, BlockNumber from);
Result<std::vector<TapeObject>> read_objects(const scsi::Target& drive, std::optional<BlockNumber> position, BlockNumber from,
                                             std::size_t count, std::size_t size_max);

using StopFlag = std::shared_ptr<std::atomic<bool>>;
struct ReadOrder {
    BlockNumber from{};
    std::uint64_t count = 0;
    std::chrono::milliseconds patience{};
    StopFlag stop;
};
ReadReport read_into(const scsi::Target& drive, std::optional<BlockNumber> position, BlockRing& ring, const ReadOrder& order);

// Empty: the drive does not have the page. Some answer with another page of the same number instead.
template <class Page>
Result<std::optional<Page>> read_page(const scsi::Target& drive) {
    auto data = scsi::mode_sense(drive, Page::kPage, scsi::PageControl::current, Page::kSubpage);
    if (data) return scsi::find_page<Page>(*data);
    if (scsi::is_refused(data.error())) return std::optional<Page>();
    return std::unexpected(std::move(data.error()));
}
// Blocks carry nothing but their data: read back. ask_operator: the drive does not take it.
Result<void> end_block_protection(const scsi::Target& drive);
Result<std::optional<scsi::EncryptionStatus>> ask_encryption(const scsi::Target& drive);  // empty: it does not encrypt

// What a write session knows between its operations. ring_sequence/ring_position: the oldest ring entry that is not proven,
// and its place on the medium.
struct WriteCursor {
    BlockNumber position{};  // of the next object, as the drive has accepted them
    BlockNumber proven{};    // objects below it are on the medium
    std::uint64_t ring_sequence = 0;
    BlockNumber ring_position{};
    bool early_warning = false;
    BlockNumber first{};       // where the session began
    bool append_only = false;  // the drive refuses to write over anything
    bool overwrites = false;   // but for the next object, which the permit lets it write over what lies there
};
// Append-only mode. The tape stands at its beginning. True: the mode is in effect, as read back; false: the drive does not take it.
Result<bool> set_append_only(const scsi::Target& drive);
// Without a cartridge: for the programs that use the drive after us. What fails is logged.
void leave_append_only(const scsi::Target& drive);
// Just before an object is written: the drive is told once that it may write over what lies there, if the cursor says so.
Result<void> use_allowance(const scsi::Target& drive, WriteCursor& cursor);
// What a write that failed is called where the drive refused to write over something (replace_medium); any other error as it is.
Error explain_refusal(const scsi::Target& drive, const WriteCursor& cursor, Error error);

struct Streamed {
    StreamReport report;
    WriteCursor cursor;
};
Streamed write_stream(const scsi::Target& drive, WriteCursor cursor, BlockRing& ring, std::chrono::milliseconds patience,
                      const std::atomic<bool>& stop);
struct ItemsWritten {
    WriteReport report;
    WriteCursor cursor;
    std::uint64_t blocks = 0, bytes = 0;
};
Result<ItemsWritten> write_items(const scsi::Target& drive, WriteCursor cursor, const std::vector<WriteItem>& items);
// Synchronises, compares the drive's position with the cursor's, and gives proven entries of the ring (if any) back.
Result<WriteCursor> synchronize(const scsi::Target& drive, WriteCursor cursor, BlockRing* ring);
// Behind what is proven, over what is not: the items are written and synchronised.
Result<WriteCursor> mark_end(const scsi::Target& drive, WriteCursor cursor, const std::vector<WriteItem>& items);
// The cartridge's memory. Reading it also makes the drive change the volume change reference before it writes on the tape again.
Result<std::optional<MemoryNote>> read_memory(const scsi::Target& drive);
// Before the tape is written on: a note that is current is none any more. The volume change reference as it is now.
Result<std::uint64_t> void_memory(const scsi::Target& drive);
// `before`: the reference when void_memory was called. The tape was written on since: one that is still the same is not believed.
Result<void> write_memory(const scsi::Target& drive, const MemoryEntry& entry, std::uint64_t before);
// The drive stands at just this block.
Result<void> confirm(const scsi::Target& drive, BlockNumber expected);

}  // namespace capstan::drives::operations
