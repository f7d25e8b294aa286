// Writing. What was accepted is proven only by a synchronise after which the drive stands where it should.
#include "drives/operations.hpp"
#include "drives/scsi/sense_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::drives::operations {

namespace {

using Reason = StreamReport::Reason;

std::uint64_t objects_in(const RingEntry& entry) {
    return entry.kind == RingEntry::Kind::checkpoint || entry.kind == RingEntry::Kind::end ? 0 : 1;
}

// Gives back every taken entry that lies below cursor.proven on the medium.
void prove_entries(WriteCursor& cursor, BlockRing& ring) {
    while (cursor.ring_sequence < ring.taken()) {
        auto objects = objects_in(ring.unproven(cursor.ring_sequence));
        if (cursor.ring_position + objects > cursor.proven) break;
        cursor.ring_position = cursor.ring_position + objects;
        ++cursor.ring_sequence;
    }
    ring.prove(cursor.ring_sequence);
}

// Without a synchronise READ POSITION still says what lies on the medium: while the drive streams, and at the medium's end.
enum class After : std::uint8_t { work, a_bad_spot };
void prove_what_the_drive_names(const scsi::Target& drive, WriteCursor& cursor, After after = After::work) {
    auto position = scsi::read_position(drive, scsi::PositionForm::short_block);
    if (!position || !position->block || !position->on_medium) return;
    // A tape that somebody else moved proves nothing: the next synchronise will find it out. A drive that gave its buffer up stands
    // before what it lost.
    const auto stands = *position->block, on_medium = *position->on_medium;
    const bool plausible = after == After::work ? stands == cursor.position : stands >= cursor.proven && stands <= cursor.position;
    if (plausible && on_medium > cursor.proven && on_medium <= stands) cursor.proven = on_medium;
}

struct Stream {
    const scsi::Target& drive;
    BlockRing& ring;
    WriteCursor cursor;
    StreamReport report{};

    // Each returns true when the stream goes on.
    bool end(Reason reason) {
        report.reason = reason;
        return false;
    }
    // What the drive says of a bad medium, it says with its buffer and position in order: what reached the medium is proven.
    // After anything else only the last synchronise counts.
    bool broken(Error error) {
        if (scsi::tells_of_bad_medium(error)) {
            prove_what_the_drive_names(drive, cursor, After::a_bad_spot);
            prove_entries(cursor, ring);
        }
        ring.rewind();
        cursor.position = cursor.proven;
        report.error = std::move(error);
        return end(Reason::failed);
    }
    bool synchronised(Reason reason) {
        auto done = synchronize(drive, cursor, &ring);
        if (done) {
            cursor = *done;
            return end(reason);
        }
        return not_synchronised(std::move(done));
    }
    // A block stays in the ring until it is proven: before the ring is full of such, the drive is asked what is on the
    // medium, and told to put it there when its buffer is larger than what the ring can hold.
    bool keep_room() {
        const auto slots = ring.slots();
        auto unproven = [&] { return ring.taken() - ring.proven(); };
        if (unproven() * 2 < slots || ring.taken() % std::max<std::uint64_t>(slots / 8, 1) != 0) return true;
        prove_what_the_drive_names(drive, cursor);
        prove_entries(cursor, ring);
        if (unproven() * 4 < slots * 3) return true;
        auto done = synchronize(drive, cursor, &ring);
        if (!done) return not_synchronised(std::move(done));
        cursor = *done;
        return true;
    }
    bool not_synchronised(Result<WriteCursor> done) {
        if (!done.error().sense || scsi::key_of(*done.error().sense) != scsi::SenseKey::volume_overflow) {
            return broken(std::move(done.error()));
        }
        return overflow();
    }
    // The drive may say only now that what it took before finds no room (a deferred error).
    bool not_written(Error error) {
        const bool full = error.sense && scsi::key_of(*error.sense) == scsi::SenseKey::volume_overflow;
        return full ? overflow() : broken(explain_refusal(drive, cursor, std::move(error)));
    }
    // What the drive took but cannot put on the medium goes back into the ring, for the next one.
    bool overflow() {
        cursor.early_warning = true;
        prove_what_the_drive_names(drive, cursor);
        prove_entries(cursor, ring);
        ring.rewind();
        cursor.position = cursor.proven;
        return end(Reason::volume_overflow);
    }
    bool accepted(const Result<scsi::WriteOutcome>& outcome, std::size_t bytes) {
        if (outcome->volume_overflow || !outcome->written) return synchronised(Reason::volume_overflow);
        ring.pop();
        cursor.position = cursor.position + 1;
        if (bytes > 0) ++report.blocks;
        report.bytes += bytes;
        if (!outcome->early_warning || cursor.early_warning) return keep_room();
        cursor.early_warning = true;
        return synchronised(Reason::early_warning);
    }
    bool step(const RingEntry& entry) {
        if (objects_in(entry) > 0) {
            if (auto allowed = use_allowance(drive, cursor); !allowed) return broken(std::move(allowed.error()));
        }
        switch (entry.kind) {
            case RingEntry::Kind::block:
                if (cursor.early_warning) return synchronised(Reason::early_warning);
                [[fallthrough]];
            case RingEntry::Kind::end_block: {
                auto size = entry.size;
                auto outcome = scsi::write_block(drive, entry.bytes());
                return outcome ? accepted(outcome, size) : not_written(std::move(outcome.error()));
            }
            case RingEntry::Kind::filemark: {
                auto outcome = scsi::write_filemarks(drive, 1, scsi::Wait::immediate);
                return outcome ? accepted(outcome, 0) : not_written(std::move(outcome.error()));
            }
            case RingEntry::Kind::checkpoint:
                ring.pop();
                return synchronised(Reason::checkpoint);
            case RingEntry::Kind::end:
                ring.pop();
                return synchronised(Reason::ended);
        }
        return broken(Error{Recovery::give_up, fmt::format("{}: the ring holds an entry of an unknown kind", drive.name), {}, {}});
    }
};

}  // namespace

Streamed write_stream(const scsi::Target& drive, WriteCursor cursor, BlockRing& ring, std::chrono::milliseconds patience,
                      const std::atomic<bool>& stop) {
    if (ring.proven() == ring.taken()) {  // nothing of this ring is on its way: its next entry goes where the drive stands
        cursor.ring_sequence = ring.taken();
        cursor.ring_position = cursor.position;
    }
    Stream stream{drive, ring, cursor};
    for (bool more = true; more;) {
        const auto* entry = stop ? nullptr : ring.wait_front(patience);
        more = entry == nullptr ? stream.end(Reason::starved) : stream.step(*entry);
    }
    auto& report = stream.report;
    report.next_sequence = ring.taken();
    report.proven_sequence = ring.proven();
    report.position = stream.cursor.position;
    report.proven_position = stream.cursor.proven;
    report.early_warning = stream.cursor.early_warning;
    return {std::move(report), stream.cursor};
}

Result<WriteCursor> synchronize(const scsi::Target& drive, WriteCursor cursor, BlockRing* ring) {
    CAPSTAN_TRY(auto outcome, scsi::synchronize(drive));
    if (outcome.early_warning) cursor.early_warning = true;
    if (outcome.volume_overflow || !outcome.written) {
        Sense overflow{{raw(scsi::SenseKey::volume_overflow), 0x00, 0x02}};
        overflow.end_of_medium = true;
        return std::unexpected(Error{Recovery::replace_medium,
                                     fmt::format("{}: the cartridge is full; the drive could not empty its buffer", drive.name),
                                     "The job goes on with the next cartridge of the pool", overflow});
    }
    CAPSTAN_CHECK(confirm(drive, cursor.position));
    cursor.proven = cursor.position;
    if (ring != nullptr) prove_entries(cursor, *ring);
    return cursor;
}

Result<ItemsWritten> write_items(const scsi::Target& drive, WriteCursor cursor, const std::vector<WriteItem>& items) {
    ItemsWritten done{{}, cursor};
    auto& report = done.report;
    for (const auto& item : items) {
        CAPSTAN_CHECK(use_allowance(drive, done.cursor));
        auto outcome = item.filemark ? scsi::write_filemarks(drive, 1, scsi::Wait::immediate) : scsi::write_block(drive, item.bytes);
        if (!outcome) return std::unexpected(explain_refusal(drive, done.cursor, std::move(outcome.error())));
        if (outcome->volume_overflow || !outcome->written) {
            report.outcome = WriteReport::Outcome::volume_overflow;
            done.cursor.early_warning = true;
            break;
        }
        if (outcome->early_warning) {
            report.outcome = WriteReport::Outcome::early_warning;
            done.cursor.early_warning = true;
        }
        ++report.written;
        done.cursor.position = done.cursor.position + 1;
        if (!item.filemark) ++done.blocks;
        done.bytes += item.bytes.size();
    }
    report.position = done.cursor.position;
    return done;
}

Result<WriteCursor> mark_end(const scsi::Target& drive, WriteCursor cursor, const std::vector<WriteItem>& items) {
    CAPSTAN_CHECK(operations::locate(drive, cursor.proven));
    cursor.position = cursor.proven;
    cursor.overwrites = cursor.append_only && cursor.proven > cursor.first;  // over what this session wrote, and nothing else
    CAPSTAN_TRY(auto marked, write_items(drive, cursor, items));
    if (marked.report.written != items.size())
        return fail(Recovery::replace_medium, fmt::format("{}: there is no room to mark the end of what is proven", drive.name));
    return synchronize(drive, marked.cursor, nullptr);
}

}  // namespace capstan::drives::operations
