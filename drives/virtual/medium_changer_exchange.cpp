// EXCHANGE MEDIUM and POSITION TO ELEMENT of a virtual library. Its robot has a second gripper for the exchange, which is no element:
// both cartridges change places in one durable record, so that after a crash they have done so or have not.
#include "config/base/log.hpp"
#include "drives/virtual/medium_changer.hpp"

#include <array>
#include <tuple>
#include <utility>

namespace capstan::virtual_library {

using scsi::ElementType;

Answer MediumChanger::position_to_element(const Command& command) {
    const auto cdb = *scsi::from_cdb<scsi::PositionToElementCdb>(command.cdb);
    if (cdb.invert != 0) return check_condition(code::kInvalidField);
    if (!picker_of(cdb.picker) || !is_element(scsi::element(cdb.destination))) return check_condition(code::kInvalidElement);
    Answer answer;
    answer.motion.activity = Activity::move;
    return answer;
}

std::optional<SenseCode> MediumChanger::may_exchange(const Element& source, const Element& destination, const Element& second) const {
    if (shelf_.at(source.address).empty() || shelf_.at(destination.address).empty()) return code::kSourceEmpty;
    if (second.address != source.address && !shelf_.at(second.address).empty()) return code::kDestinationFull;
    for (const auto* each : {&source, &destination}) {
        if (each->type != ElementType::data_transfer) continue;
        std::lock_guard lock(drives_[each->drive]->mutex());
        if (auto reason = drives_[each->drive]->may_remove(geometry_.auto_unload)) return reason;
    }
    return std::nullopt;
}

Answer MediumChanger::exchange_medium(const Command& command) {
    using Cdb = scsi::ExchangeMediumCdb;
    const auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    if (scsi::has(cdb.invert, Cdb::kInvertAny)) return check_condition(code::kInvalidField);
    const auto from = index_of(scsi::element(cdb.source)), to = index_of(scsi::element(cdb.destination)),
               then = index_of(scsi::element(cdb.second_destination));
    if (!from || !to || !then || !picker_of(cdb.picker) || from == to || to == then) return check_condition(code::kInvalidElement);
    auto &source = elements_[*from], &destination = elements_[*to], &second = elements_[*then];
    ++moves_;
    if (auto reason = may_exchange(source, destination, second)) {
        for (auto* each : {&source, &destination, &second}) look(*each);
        return check_condition(*reason);
    }
    Answer answer;
    answer.motion.activity = Activity::move;
    if (auto reason = swap(source, destination, second)) answer.sense = Sense{.code = *reason};
    return answer;
}

std::optional<SenseCode> MediumChanger::swap(Element& source, Element& destination, Element& second) {
    if (auto reason = jam(RobotJam::Where::at_source)) return reason;
    take_out(source);
    take_out(destination);
    const auto goes = [&](const Element& giver, const Element& taker) {
        const auto cartridge = shelf_.at(giver.address);
        auto place = shelf_.place(cartridge);
        if (giver.type == ElementType::storage || giver.type == ElementType::import_export) place.source = giver.address;
        place.by_operator = false;
        place.element = taker.address;
        return Places::Change{cartridge, place};
    };
    const std::array changes{goes(source, destination), goes(destination, second)};
    if (auto put = shelf_.put(changes); !put) {
        log::error("virtual robot: cannot record an exchange", {{"volume_tag", changes[0].cartridge}, {"error", to_text(put.error())}});
        jammed_ = true;  // what is on the disk decides after the next start
        return code::kInternalFailure;
    }
    // What the robot believes travels with the cartridges.
    const auto believed = [](const Element& element) { return std::pair(element.barcode, element.volume_tag); };
    const auto first = believed(source), other = believed(destination);
    source.full = false;
    source.volume_tag = {};
    source.barcode = MediumInfo::Barcode::readable;
    std::tie(destination.barcode, destination.volume_tag) = first;
    second.full = true;
    std::tie(second.barcode, second.volume_tag) = other;
    put_in(destination, robot_time());
    put_in(second, robot_time());
    return std::nullopt;
}

}  // namespace capstan::virtual_library
