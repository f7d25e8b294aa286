#include "pools/permits.hpp"

#include "pools/permit_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::pools {
namespace {

using Terms = WritePermit::Terms;
using Judgement = std::expected<Terms, PermitRefusal>;

class Judge {
  public:
    Judge(const PermitRequest& request, const PermitFacts& facts)
        : request_(request), facts_(facts), medium_(request.medium), row_(facts.cartridge) {}

    Judgement judge() {
        if (auto refusal = always()) return std::unexpected(std::move(*refusal));
        Refusal refusal;
        switch (request_.purpose) {
            case WritePurpose::label_blank: refusal = label_blank(); break;
            case WritePurpose::reuse_expired: refusal = reuse_expired(); break;
            case WritePurpose::append: refusal = append(); break;
            case WritePurpose::close_unfinished: refusal = close_unfinished(); break;
            case WritePurpose::operator_forced: refusal = operator_forced(); break;
        }
        if (refusal) return std::unexpected(std::move(*refusal));
        return terms();
    }

    Refusal end_agrees() const {
        if (auto refusal = check_identity(request_, facts_)) return refusal;
        if (auto refusal = end_known()) return refusal;
        if (raw(medium_.end_of_data) > raw(row_.side.recorded_end)) return holds_more();
        if (raw(medium_.end_of_data) < raw(row_.side.recorded_end)) return holds_less();
        return check_last_set(request_, facts_);
    }

  private:
    PermitRefusal no(Recovery recovery, std::string_view fact, std::string advice) const {
        return refuse(request_, facts_, recovery, fact, std::move(advice));
    }

    Refusal always() const {
        if (request_.cartridge != row_.id)
            return no(Recovery::stop_device, "the facts are about another cartridge",
                      "This is a fault of the program; report it.");
        if (medium_.write_protected || row_.write_protected)
            return no(Recovery::replace_medium, "the cartridge is write protected",
                      "Slide its tab, or use another one.");
        if (row_.side.state == SideState::decommissioned || row_.side.state == SideState::incompatible)
            return no(Recovery::replace_medium, fmt::format("it is {}", name_of(row_.side.state)),
                      "Use another cartridge.");
        return std::nullopt;
    }

    Refusal stopped(bool expiry) const {
        if (!facts_.overwrite_stop.empty())
            return no(Recovery::ask_operator,
                      fmt::format("nothing is overwritten at present ({})", facts_.overwrite_stop),
                      "Import the media that the state database has not seen, then end the stop.");
        if (expiry && !facts_.clock_stop.empty())
            return no(Recovery::ask_operator, fmt::format("no expiry is believed at present: {}", facts_.clock_stop),
                      "Check the time of this machine and confirm it.");
        return std::nullopt;
    }

    Refusal kept() const {
        if (!row_.hold.empty())
            return no(Recovery::change_request, fmt::format("an operator holds it ({})", row_.hold),
                      "End the hold first.");
        if (facts_.set_running)
            return no(Recovery::change_request, "a set on it is still being written",
                      "Wait for its job, or cancel it.");
        return std::nullopt;
    }

    Refusal label_blank() const {
        if (medium_.kind != MediumKind::blank) {
            // What it is decides who acts; never this purpose.
            if (auto refusal = check_identity(request_, facts_)) return refusal;
            return no(Recovery::change_request, "it is not blank, it bears our label",
                      "It is used again once its sets have expired.");
        }
        if (raw(row_.side.generation) != 0 || facts_.newest_keep_until || facts_.last_recorded)
            if (auto refusal = blank_but_recorded()) return refusal;
        if (row_.duplicate_tag)
            return no(Recovery::ask_operator, "another cartridge has the same volume tag",
                      "Give one of them another barcode, then run an inventory.");
        if (row_.side.state == SideState::allocated || row_.side.state == SideState::complete)
            return no(Recovery::ask_operator,
                      fmt::format("the state database says that it is {}", name_of(row_.side.state)),
                      "Run a full inventory of the library.");
        return kept();
    }

    // Blank, and the database has a label and perhaps sets for it. A new label that was cut off explains that; what was there
    // must have expired all the same, for the medium may also be another one with its barcode.
    Refusal blank_but_recorded() const {
        if (!facts_.label_cut_off)
            return no(Recovery::ask_operator, "the medium is blank, but the state database has a label for it",
                      "Look for the real cartridge with a full inventory; erase this record only if it is lost.");
        if (!facts_.newest_keep_until) return std::nullopt;
        if (auto refusal = stopped(true)) return refusal;  // the records of its sets go, as with any cartridge that is used again
        if (*facts_.newest_keep_until >= facts_.now)
            return no(Recovery::ask_operator,
                      "the medium is blank since a new label on it was cut off, and sets that were on it have not expired",
                      "Say once more that they are not needed with 'capstan media erase VOLUME --overwrite'.");
        return std::nullopt;
    }

    // The end of data and the sets before it, as the medium tells, for purposes that build on them.
    Refusal end_known() const {
        if (medium_.end == EndSearch::not_done)
            return no(Recovery::change_request, "its end of data was not looked for",
                      "This is a fault of the program; report it.");
        if (medium_.end == EndSearch::failed)
            return no(Recovery::replace_medium, "its end of data cannot be found",
                      "It is closed for writing; verify the sets on it.");
        return std::nullopt;
    }

    // Behind its label there was never a set: nothing on it needs to have expired.
    bool never_used() const {
        return !facts_.newest_keep_until && !facts_.last_recorded && medium_.end == EndSearch::found &&
               !medium_.last_closed && !medium_.unfinished;
    }

    Refusal reuse_expired() const {
        if (auto refusal = check_identity(request_, facts_)) return refusal;
        if (auto refusal = stopped(!never_used())) return refusal;
        if (auto refusal = kept()) return refusal;
        if (row_.side.state != SideState::available && row_.side.state != SideState::unprepared)
            return no(Recovery::change_request, fmt::format("it is {}, not available", name_of(row_.side.state)),
                      "It becomes available when every set on it has expired.");
        if (facts_.newest_keep_until && *facts_.newest_keep_until >= facts_.now)
            return no(Recovery::change_request, "a set on it, or one that needs it, has not expired",
                      "Use another cartridge.");
        if (auto refusal = end_known()) return refusal;
        if (auto refusal = check_last_set(request_, facts_)) return refusal;
        if (medium_.last_closed && medium_.last_closed->keep_until >= facts_.now)
            return no(Recovery::ask_operator, "the end of the last set on it says that a set there has not expired",
                      "The state database says otherwise; find out why before it is used.");
        if (const auto* memory = memory_of(medium_); memory && memory->newest_keep_until >= facts_.now)
            return no(Recovery::ask_operator, "the memory of the cartridge says that a set on it has not expired",
                      "The state database says otherwise; find out why before it is used.");
        if (medium_.unfinished && !facts_.unfinished_known)
            return no(Recovery::ask_operator, "it holds the beginning of a set that the state database does not know",
                      "Take what it holds into the catalog first.");
        if (medium_.unfinished && medium_.unfinished->keep_until >= facts_.now)
            return no(Recovery::ask_operator, "a set without its end on it has not expired by its own word",
                      "The state database says otherwise; find out why before it is used.");
        if (!medium_.unfinished && raw(medium_.end_of_data) > raw(row_.side.recorded_end)) return holds_more();
        return std::nullopt;
    }

    PermitRefusal holds_more() const {
        return no(Recovery::change_request,
                  fmt::format("it holds more than is recorded: data end at block {}, recorded is {}",
                              raw(medium_.end_of_data), raw(row_.side.recorded_end)),
                  "Nothing is overwritten: take complete sets into the catalog and close the unfinished one first.");
    }

    PermitRefusal holds_less() const {
        return no(Recovery::replace_medium,
                  fmt::format("it holds less than is recorded: data end at block {}, recorded is {}",
                              raw(medium_.end_of_data), raw(row_.side.recorded_end)),
                  "It is closed for writing; verify the sets on it.");
    }

    Refusal append() const {
        if (auto refusal = check_identity(request_, facts_)) return refusal;
        if (row_.side.state != SideState::allocated)
            return no(Recovery::replace_medium,
                      fmt::format("it is {}, and sets are added to allocated media only", name_of(row_.side.state)),
                      "Use another cartridge.");
        if (facts_.now > std::min(medium_.label->appendable_until, row_.side.appendable_until))
            return no(Recovery::replace_medium, "its allocation period has ended", "A new media family begins.");
        if (auto refusal = end_known()) return refusal;
        if (raw(medium_.end_of_data) > raw(row_.side.recorded_end)) return holds_more();
        if (raw(medium_.end_of_data) < raw(row_.side.recorded_end))
            return holds_less();
        if (auto refusal = check_last_set(request_, facts_)) return refusal;
        if (medium_.unfinished)
            return no(Recovery::change_request, fmt::format("set {} on it has no end", raw(medium_.unfinished->number)),
                      "Close the unfinished set first.");
        return std::nullopt;
    }

    Refusal close_unfinished() const {
        if (auto refusal = check_identity(request_, facts_)) return refusal;
        if (row_.side.state != SideState::allocated)
            return no(Recovery::change_request,
                      fmt::format("it is {}, nothing on it is to be closed", name_of(row_.side.state)), "");
        if (auto refusal = end_known()) return refusal;
        if (!medium_.unfinished || !facts_.unfinished_known)
            return no(Recovery::change_request, "no unfinished set of this database is at the end of its data",
                      "Verify what it holds.");
        if (raw(medium_.end_of_data) < raw(row_.side.recorded_end))
            return holds_less();
        return check_last_set(request_, facts_);
    }

    Refusal operator_forced() const {
        const auto& word = request_.word;
        if (!word || word->cartridge != row_.id || word->who.empty() || word->why.empty())
            return no(Recovery::ask_operator, "no operator has given his word, with a reason, for this one cartridge",
                      "Say so with 'capstan media erase VOLUME --overwrite'.");
        if (word->seen != medium_.kind)
            return no(Recovery::ask_operator,
                      fmt::format("the operator was told that it is {}, and now it is {}", name_of(word->seen),
                                  name_of(medium_.kind)),
                      "Look at the cartridge again before you decide.");
        if (auto old = check_old_database(request_, facts_)) return old;
        if (facts_.medium_id_elsewhere)
            return no(Recovery::refresh_inventory,
                      "it is another cartridge of this installation than the operator named",
                      "Run a full inventory of the library.");
        if (auto refusal = kept()) return refusal;
        if (medium_.kind != MediumKind::blank)
            if (auto refusal = stopped(false)) return refusal;
        const auto* memory = memory_of(medium_);
        const bool kept_by_memory = memory && memory->newest_keep_until >= facts_.now;
        const bool unexpired = kept_by_memory || (facts_.newest_keep_until &&
                                                  (*facts_.newest_keep_until >= facts_.now || !facts_.clock_stop.empty()));
        if (unexpired && !word->even_unexpired)
            return no(Recovery::ask_operator, "sets on it have not expired",
                      "Say that these sets, too, are not needed.");
        return std::nullopt;
    }

    Terms terms() const {
        Terms terms;
        terms.cartridge = row_.id;
        terms.volume_tag = row_.volume_tag;
        terms.drive = request_.drive;
        if (request_.purpose == WritePurpose::append || request_.purpose == WritePurpose::close_unfinished) {
            terms.family = row_.side.family;
            terms.generation = row_.side.generation;
            terms.first_block = medium_.end_of_data;
            return terms;
        }
        // Another label than any that was ever on it.
        auto generation = raw(row_.side.generation);
        if (medium_.label && medium_.label->domain_id == facts_.our_domain)
            generation = std::max(generation, raw(medium_.label->generation));
        terms.family = request_.new_family;
        terms.generation = WriteGeneration{generation + 1};
        terms.first_block = BlockNumber{0};
        return terms;
    }

    const PermitRequest& request_;
    const PermitFacts& facts_;
    const OnMedium& medium_;
    const Cartridge& row_;
};

}  // namespace

std::optional<PermitRefusal> judge_end(const PermitRequest& request, const PermitFacts& facts) {
    return Judge(request, facts).end_agrees();
}

std::expected<WritePermit::Terms, PermitRefusal> judge(const PermitRequest& request, const PermitFacts& facts) {
    return Judge(request, facts).judge();
}

}  // namespace capstan::pools
