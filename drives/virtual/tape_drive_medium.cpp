// REPORT DENSITY SUPPORT, SET CAPACITY and FORMAT MEDIUM of a virtual drive.
#include "drives/scsi/density.hpp"
#include "drives/virtual/tape_drive.hpp"

#include <algorithm>

namespace capstan::virtual_library {
namespace {

constexpr std::uint16_t kHalfInch = 127;  // tenths of a millimetre
constexpr std::uint64_t kMB = 1'000'000;

scsi::Density describe(DensityAbility ability, bool is_default) {
    scsi::Density density;
    density.primary_code = density.secondary_code = ability.density;
    density.writable = ability.writes;
    density.is_default = is_default;
    density.media_width = kHalfInch;
    density.organization = "CAPSTAN";
    density.name = name_of_density(ability.density);
    density.description = "virtual cartridge";
    if (const auto* type = media_type_of_density(ability.density)) density.capacity_mb = static_cast<std::uint32_t>(type->capacity / kMB);
    return density;
}

// Of a drive that takes every cartridge.
std::vector<DensityAbility> every_density(std::uint8_t own) {
    std::vector<DensityAbility> all{{own, true}};
    for (const auto& type : media_types())
        if (type.use == MediumUse::data && type.density != own) all.push_back({type.density, true});
    return all;
}

}  // namespace

Answer TapeDrive::report_densities(const Command& command) {
    using Cdb = scsi::ReportDensityCdb;
    const auto cdb = *scsi::from_cdb<Cdb>(command.cdb);
    if ((cdb.flags & ~Cdb::kMedia) != 0) return check_condition(code::kInvalidField);
    std::vector<DensityAbility> abilities;
    if (model_ != nullptr)
        abilities.assign(model_->densities.begin(), model_->densities.end());
    else
        abilities = every_density(density_);
    auto by_default = density_;
    if (scsi::has(cdb.flags, Cdb::kMedia)) {
        if (not_ready()) return check_condition(waits());
        by_default = cartridge_->info().density;
        abilities = {ability() != nullptr ? *ability() : DensityAbility{by_default, true}};
    }
    std::ranges::sort(abilities, {}, &DensityAbility::density);
    std::vector<scsi::Density> densities;
    for (const auto& each : abilities) densities.push_back(describe(each, each.density == by_default));
    return give(scsi::encode_densities(densities), cdb.allocation_length.value(), command);
}

Answer TapeDrive::set_capacity(const Command& command) {
    constexpr std::uint64_t kWhole = scsi::SetCapacityCdb::kWhole;
    const auto proportion = scsi::from_cdb<scsi::SetCapacityCdb>(command.cdb)->proportion.value();
    if (proportion == 0) return check_condition(code::kInvalidField);
    auto info = cartridge_->info();
    const auto full = info.full_capacity != 0 ? info.full_capacity : info.capacity;
    info.capacity = static_cast<std::uint64_t>(static_cast<double>(full) * static_cast<double>(proportion) / static_cast<double>(kWhole));
    if (proportion == kWhole) info.capacity = full;
    info.full_capacity = info.capacity == full ? 0 : full;
    return make_blank(std::move(info));
}

Answer TapeDrive::format_medium(const Command& command) {
    const auto cdb = *scsi::from_cdb<scsi::FormatMediumCdb>(command.cdb);
    if ((cdb.format & scsi::FormatMediumCdb::kFormatMask) != 0) return check_condition(code::kInvalidField);  // there are no partitions
    if (cdb.transfer_length.value() != 0) return check_condition(code::kParameterListLength);
    return make_blank(cartridge_->info());
}

Answer TapeDrive::make_blank(MediumInfo info) {
    if (raw(position_) != 0) return check_condition(code::kPastBeginning);
    if (auto reason = write_protected()) return check_condition(*reason);
    if (append_only() && !may_format_ && raw(cartridge_->end()) > 0) return check_condition(code::kAppendOnly);
    if (auto problem = flush()) return check_condition(*problem);
    if (auto noted = health_.before_change(); !noted) return check_condition(failed(noted.error()));
    if (auto cut = cartridge_->truncate(BlockNumber{0}); !cut) return check_condition(failed(cut.error()));
    if (info != cartridge_->info())
        if (auto changed = cartridge_->set_info(std::move(info)); !changed) return check_condition(failed(changed.error()));
    Answer answer;
    answer.motion.activity = Activity::erase;
    return answer;
}

}  // namespace capstan::virtual_library
