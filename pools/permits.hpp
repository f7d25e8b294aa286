// The one place that grants the right to write on a medium: rules 1, 2, 3, 9, 10 and 11 of "what must never happen".
// judge() is the rule itself, a pure function of facts; PermitOffice collects the database's facts and makes the
// permit. A refusal is an Error (change_request, ask_operator or replace_medium) that names the cartridge, the fact and
// the act.
#pragma once

#include "config/base/error.hpp"
#include "config/base/write_permit.hpp"
#include "pools/clock_guard.hpp"
#include "pools/on_medium.hpp"

namespace capstan::pools {

class StateStore;

enum class WritePurpose : std::uint8_t {
    label_blank,       // from BOT, on a blank medium: label, erase nothing
    reuse_expired,     // from BOT, over our own label; every set on it has expired, and the medium agrees
    append,            // behind the last set, at the recorded end
    close_unfinished,  // behind what a crash left beyond the recorded end: FM, ESET (aborted), FM and nothing else
    operator_forced,   // from BOT, whatever is on it, by an operator's word for this one cartridge
};

struct OperatorWord {
    CartridgeId cartridge{};                   // the one it is for
    std::string who, why;                      // neither empty
    MediumKind seen = MediumKind::unreadable;  // what he was told is on it
    bool even_unexpired = false;               // he was told which unexpired sets are on it
};

struct PermitRequest {
    WritePurpose purpose = WritePurpose::append;
    CartridgeId cartridge{};
    DriveName drive;
    OnMedium medium;                   // read in this lease, after the last unit attention
    std::optional<OperatorWord> word;  // operator_forced
    // The label about to be written (purposes from BOT). 0: generation is the old one plus 1, from the database.
    MediaFamilyId new_family{};
};

// What the database says. Collected by PermitOffice; tests make it by hand.
struct PermitFacts {
    Cartridge cartridge;
    Uuid our_domain;
    std::optional<SetOnMedium> last_recorded;  // the last set whose ESET is on it (keep-until unused)
    std::optional<Wall> newest_keep_until;  // over all sets with data on it and the sets that need them; none: no set
    bool set_running = false;               // a set with data on it is still being written
    bool unfinished_known = false;          // medium.unfinished is a set of this database
    bool label_cut_off = false;  // label_blank: a label was granted after the recorded one and is not known to be whole
    bool medium_id_elsewhere = false;       // the media id read belongs to another cartridge of the database
    SetNumber next_set{};                   // numbers from here on were never given by this database
    MediaFamilyId next_family{};
    Wall now{};
    std::string clock_stop;      // why no expiry is believed; empty: it is
    std::string overwrite_stop;  // why nothing is overwritten (rule 11); empty: it may be
};

struct PermitRefusal {
    Error error;
    // Not empty: the medium proves that the database is older than it. Nothing is overwritten until this was looked at.
    std::string database_is_old;
};

// The rule. The terms of the permit, or why not.
std::expected<WritePermit::Terms, PermitRefusal> judge(const PermitRequest& request, const PermitFacts& facts);

// Label, end of data and last set agree with the database's.
std::optional<PermitRefusal> judge_end(const PermitRequest& request, const PermitFacts& facts);

// Control thread. Grants only while the caller holds the lease on the drive; the drive invalidates it
// (write_permit.hpp).
class PermitOffice {
  public:
    PermitOffice(StateStore& store, ClockGuard& clock, const Clock& time) : store_(store), clock_(clock), time_(time) {}
    // Every grant and every refusal is audited. Evidence for an old database sets the overwrite stop before it returns.
    Result<WritePermit> grant(const PermitRequest& request);
    // Without a permit: do label, end of data and last set of a medium that was read agree with the database? An Error says what
    // does not.
    Result<void> check_end(CartridgeId cartridge, const OnMedium& medium);

  private:
    StateStore& store_;
    ClockGuard& clock_;
    const Clock& time_;
};

std::string_view name_of(WritePurpose purpose);

}  // namespace capstan::pools
