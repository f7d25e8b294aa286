// What a drive can do: asked once, when it is identified. A cartridge need not be in it.
#include "drives/operations.hpp"
#include "drives/scsi/models.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::drives::operations {

namespace {

using scsi::Opcode;

using scsi::is_refused;

// What an operator may miss, by the command that would bring it.
struct Offer {
    Opcode opcode;
    std::string_view name;
};
constexpr Offer kOffers[] = {
    {Opcode::read_attribute, "cartridge memory (MAM)"},
    {Opcode::log_sense, "log pages"},
    {Opcode::persistent_reserve_out, "reservations"},
    {Opcode::report_density_support, "density report"},
    {Opcode::prevent_allow_medium_removal, "prevent removal"},
    {Opcode::set_capacity, "SET CAPACITY"},
    {Opcode::format_medium, "FORMAT MEDIUM"},
    {Opcode::allow_overwrite, "append-only mode"},
    {Opcode::security_protocol_in, "encryption"},
};

class Commands {
  public:
    explicit Commands(const std::vector<scsi::SupportedCommand>& list) : list_(list) {}
    bool has(Opcode opcode) const {
        return std::ranges::any_of(list_, [&](const auto& each) { return each.opcode == raw(opcode); });
    }
    // Many drives list a command without its service actions; then it is not known.
    bool lacks_action(Opcode opcode, std::uint16_t action) const {
        bool listed = false;
        for (const auto& each : list_) {
            if (each.opcode != raw(opcode) || !each.service_action) continue;
            if (*each.service_action == action) return false;
            listed = true;
        }
        return listed;
    }
    std::chrono::seconds limit_of(Opcode opcode) const {
        std::chrono::seconds limit{0};
        for (const auto& each : list_)
            if (each.opcode == raw(opcode) && each.timeouts) limit = std::max({limit, each.timeouts->recommended, each.timeouts->nominal});
        return limit;
    }

  private:
    const std::vector<scsi::SupportedCommand>& list_;
};

void note_commands(Identified& found, const std::vector<scsi::SupportedCommand>& list) {
    auto& identity = found.identity;
    const Commands commands(list);
    found.timeouts.take(list);
    identity.timeouts_known =
        std::ranges::any_of(list, [](const auto& each) { return each.timeouts && each.timeouts->recommended.count() > 0; });
    identity.has_memory = commands.has(Opcode::read_attribute) && commands.has(Opcode::write_attribute);
    identity.has_append_only = commands.has(Opcode::allow_overwrite);
    identity.may_encrypt = commands.has(Opcode::security_protocol_in);
    identity.counts_position = !commands.has(Opcode::locate_16) && !commands.has(Opcode::locate_10);
    auto& lacks = identity.not_offered;
    if (!identity.timeouts_known) lacks.emplace_back("time limits of commands");
    if (identity.counts_position) lacks.emplace_back("LOCATE");
    if (!commands.has(Opcode::read_position) || commands.lacks_action(Opcode::read_position, raw(scsi::PositionForm::long_form)))
        lacks.emplace_back("long READ POSITION");
    for (const auto& offer : kOffers)
        if (!commands.has(offer.opcode)) lacks.emplace_back(offer.name);
}

// What only helps is no reason to do without the drive: some want a cartridge before they answer, others answer with nonsense. What a
// drive says of something else, by a unit attention or a deferred error, is not passed over.
bool is_about_something_else(const Error& error) { return error.sense && (error.sense->deferred || scsi::is_unit_attention(*error.sense)); }

Result<void> note_densities(const scsi::Target& drive, DriveIdentity& identity) {
    auto densities = scsi::report_densities(drive);
    if (!densities && is_about_something_else(densities.error())) return std::unexpected(std::move(densities.error()));
    if (!densities) return {};
    const scsi::Density* own = nullptr;
    for (const auto& each : *densities) {
        const auto known = std::ranges::find(identity.densities, each.primary_code, &DensityAbility::density);
        if (known == identity.densities.end())
            identity.densities.push_back({each.primary_code, each.writable});
        else
            known->writes |= each.writable;
        if (std::ranges::find(identity.densities, each.secondary_code, &DensityAbility::density) == identity.densities.end())
            identity.densities.push_back({each.secondary_code, each.writable});
        if (own == nullptr || (each.writable && each.primary_code > own->primary_code)) own = &each;
    }
    if (own != nullptr && identity.kind.empty()) identity.kind = name_of_density(own->primary_code);
    return {};
}

// Empty: it does not say.
Result<std::optional<bool>> warns_early(const scsi::Target& drive) {
    auto page = read_page<scsi::DeviceConfigurationExtensionPage>(drive);
    if (page) return page->has_value();
    if (is_about_something_else(page.error())) return std::unexpected(std::move(page.error()));
    return std::nullopt;
}

}  // namespace

Result<void> learn_abilities(const scsi::Target& drive, Identified& found) {
    auto& identity = found.identity;
    const auto model = scsi::find_model(identity.vendor, identity.product);
    if (model.lto_generation != 0) identity.kind = fmt::format("LTO-{}", model.lto_generation);
    identity.load_limit = scsi::load_limit(model, std::chrono::seconds{0});
    identity.may_encrypt = true;  // until its list says otherwise
    auto commands = scsi::supported_commands(drive);
    if (!commands && !is_refused(commands.error())) return std::unexpected(std::move(commands.error()));
    if (commands) {
        note_commands(found, *commands);
        identity.load_limit = scsi::load_limit(model, Commands(*commands).limit_of(Opcode::load_unload));
        if (Commands(*commands).has(Opcode::report_density_support)) CAPSTAN_CHECK(note_densities(drive, identity));
    } else {
        identity.not_offered.emplace_back("list of commands");
        CAPSTAN_CHECK(note_densities(drive, identity));
        if (identity.densities.empty()) identity.not_offered.emplace_back("density report");
    }
    if (identity.densities.empty()) {
        const auto by_model = lto_abilities(model.lto_generation);
        identity.densities.assign(by_model.begin(), by_model.end());
    }
    found.timeouts.set(Opcode::load_unload, std::max<std::chrono::milliseconds>(found.timeouts.of(Opcode::load_unload), identity.load_limit));
    CAPSTAN_TRY(const auto warns, warns_early(drive));
    if (warns == false) identity.not_offered.emplace_back("programmable early warning");
    return {};
}

}  // namespace capstan::drives::operations
