// MOVE MEDIUM of a virtual library. A crash in the middle leaves the cartridge at the source, in the picker, or at the
// destination: each step is one durable record.
#include "config/base/log.hpp"
#include "drives/virtual/medium_changer.hpp"

#include <algorithm>
#include <array>

namespace capstan::virtual_library {

using scsi::ElementType;

std::optional<SenseCode> MediumChanger::jam(RobotJam::Where where) {
    for (const auto& each : jams_) {
        if (each.move != moves_ || each.where != where) continue;
        jammed_ = true;
        return code::kMechanical;
    }
    return std::nullopt;
}

std::optional<SenseCode> MediumChanger::may_move(const Element& source, const Element& destination,
                                                 ElementAddress picker) const {
    if (shelf_.at(source.address).empty()) return code::kSourceEmpty;
    if (source.address != destination.address && !shelf_.at(destination.address).empty()) return code::kDestinationFull;
    bool by_picker = source.address != picker && destination.address != picker;
    if (by_picker && !shelf_.at(picker).empty())
        return code::kDestinationFull;  // it holds what a jam or a crash left in it
    if (source.type != ElementType::data_transfer) return std::nullopt;
    std::lock_guard lock(drives_[source.drive]->mutex());
    return drives_[source.drive]->may_remove(geometry_.auto_unload);
}

std::optional<std::size_t> MediumChanger::picker_of(BigEndian<2> address) const {
    auto picker = index_of(address.value() == 0 ? ElementAddress{geometry_.pickers.first} : scsi::element(address));
    return picker && elements_[*picker].type == ElementType::medium_transport ? picker : std::nullopt;
}

Answer MediumChanger::move_medium(const Command& command) {
    auto cdb = *scsi::from_cdb<scsi::MoveMediumCdb>(command.cdb);
    if (scsi::has(cdb.invert, scsi::MoveMediumCdb::kInvert)) return check_condition(code::kInvalidField);
    auto from = index_of(scsi::element(cdb.source)), to = index_of(scsi::element(cdb.destination)), by = picker_of(cdb.picker);
    if (!from || !to || !by) return check_condition(code::kInvalidElement);
    auto &source = elements_[*from], &destination = elements_[*to], &hand = elements_[*by];
    ++moves_;
    if (auto reason = may_move(source, destination, hand.address)) {
        look(source);  // the robot stood before it
        look(destination);
        return check_condition(*reason);
    }
    Answer answer;
    answer.motion.activity = Activity::move;
    if (from == to) return answer;
    if (auto reason = carry(source, destination, hand)) answer.sense = Sense{.code = *reason};
    return answer;
}

std::optional<SenseCode> MediumChanger::carry(Element& source, Element& destination, Element& picker) {
    if (auto reason = jam(RobotJam::Where::at_source)) return reason;
    auto cartridge = shelf_.at(source.address);
    take_out(source);
    auto place = shelf_.place(cartridge);
    if (source.type == ElementType::storage || source.type == ElementType::import_export) place.source = source.address;
    place.by_operator = false;
    // What the robot believes travels with the cartridge; it does not look again on the way.
    auto pass_on = [&](Element& giver, Element& taker) -> bool {
        place.element = taker.address;
        const std::array change{Places::Change{cartridge, place}};
        if (auto put = shelf_.put(change); !put) {
            log::error("virtual robot: cannot record a move",
                       {{"volume_tag", cartridge}, {"error", to_text(put.error())}});
            return false;
        }
        taker.full = true;
        taker.barcode = giver.barcode;
        taker.volume_tag = giver.volume_tag;
        giver.full = false;
        giver.volume_tag = {};
        giver.barcode = MediumInfo::Barcode::readable;
        return true;
    };
    if (&source != &picker && !pass_on(source, picker)) {
        jammed_ = true;  // what is on the disk decides after the next start
        return code::kInternalFailure;
    }
    if (auto reason = jam(RobotJam::Where::in_picker)) return reason;
    if (&destination != &picker && !pass_on(picker, destination)) {
        jammed_ = true;
        return code::kInternalFailure;
    }
    put_in(destination, robot_time());
    return std::nullopt;
}

std::chrono::microseconds MediumChanger::robot_time() const {
    return timing_.mode == TimeMode::none ? std::chrono::microseconds{} : timing_.model->takes({.activity = Activity::move});
}

void MediumChanger::take_out(const Element& element) {
    if (element.type != ElementType::data_transfer) return;
    std::lock_guard lock(drives_[element.drive]->mutex());
    drives_[element.drive]->remove();
}

void MediumChanger::put_in(const Element& element, std::chrono::microseconds after) {
    if (element.type != ElementType::data_transfer) return;
    const auto cartridge = shelf_.at(element.address);
    auto file = shelf_.open_cartridge(cartridge);
    if (!file)
        log::error("virtual drive: cannot read a cartridge", {{"volume_tag", cartridge}, {"error", to_text(file.error())}});
    std::lock_guard lock(drives_[element.drive]->mutex());
    drives_[element.drive]->insert(file ? std::move(*file) : nullptr, after);
}

}  // namespace capstan::virtual_library
