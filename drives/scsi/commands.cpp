#include "drives/scsi/commands.hpp"

#include "drives/scsi/commands_run.hpp"
#include "drives/scsi/sense_table.hpp"

#include <fmt/format.h>

namespace capstan::scsi {
namespace {

constexpr std::size_t kVpdSize = 252;  // fits the one length byte of the oldest devices
constexpr std::size_t kIdentificationSize = 1024;
constexpr std::size_t kModeSize6 = 252, kModeSize10 = 1024;
constexpr std::size_t kOperationCodesSize = 16 * 1024, kOperationCodesSizeMax = 256 * 1024;
constexpr SenseCode kInvalidField{0x5, 0x24, 0x00};

std::vector<std::uint8_t> space_for(std::size_t size) { return std::vector<std::uint8_t>(size); }

Result<std::vector<std::uint8_t>> vpd(const Target& target, VpdPage page, std::string_view act, std::size_t size) {
    auto buffer = space_for(size);
    const InquiryCdb cdb{
        .flags = InquiryCdb::kVitalProductData, .page_code = raw(page), .allocation_length = BigEndian<2>{size}};
    CAPSTAN_CHECK(fetch(target, act, to_cdb(cdb), buffer));
    // A device that does not know EVPD answers with standard data, of which byte 1 is 80h for removable media and so
    // looks like the serial number page. But then the length promises more than came, although there was room.
    const auto header = decode<VpdHeader>(buffer);
    if (header && buffer.size() < size && header->page_length.value() + sizeof(VpdHeader) > buffer.size()) {
        return odd_reply(target, act, "the page is shorter than it says");
    }
    return buffer;
}

Cdb operation_codes_cdb(bool timeouts, std::size_t size) {
    return to_cdb(ReportOperationCodesCdb{.options = flag_if(timeouts, ReportOperationCodesCdb::kReturnTimeouts),
                                          .allocation_length = BigEndian<4>{size}});
}

bool invalid_field(const Error& error) { return error.sense && error.sense->code == kInvalidField; }

}  // namespace

std::string attempted(const Target& target, std::string_view act) {
    return fmt::format("{}: cannot {}", target.name, act);
}

std::unexpected<Error> failed(const Target& target, std::string_view act, Error error) {
    error.happened = fmt::format("{}: {}", attempted(target, act), error.happened);
    return std::unexpected(std::move(error));
}

std::unexpected<Error> refused(const Target& target, std::string_view act, const Sense& sense) {
    return std::unexpected(error_from_sense(attempted(target, act), sense));
}

std::unexpected<Error> odd_reply(const Target& target, std::string_view act, std::string_view fact) {
    return fail(Recovery::stop_device, fmt::format("{}: {}", attempted(target, act), fact),
                "The device does not follow the SCSI standard here; update its firmware or report its model.");
}

Result<ScsiReply> run(const Target& target, std::string_view act, const Cdb& cdb, DataOut out, MutableBytes in) {
    auto reply = send(target, cdb, out, in);
    if (!reply) return failed(target, act, std::move(reply.error()));
    if (reply->sense && !is_harmless(*reply->sense)) return refused(target, act, *reply->sense);
    return reply;
}

Result<void> fetch(const Target& target, std::string_view act, const Cdb& cdb, std::vector<std::uint8_t>& buffer) {
    CAPSTAN_TRY(const ScsiReply reply, run(target, act, cdb, {}, buffer));
    buffer.resize(std::min(buffer.size(), reply.transferred));
    return {};
}

bool unknown_command(const Error& error) { return error.sense && error.sense->code == SenseCode{0x5, 0x20, 0x00}; }

Result<std::optional<Sense>> test_unit_ready(const Target& target) {
    auto reply = send(target, to_cdb(TestUnitReadyCdb{}));
    if (!reply) return failed(target, "ask whether it is ready", std::move(reply.error()));
    if (reply->sense && is_harmless(*reply->sense)) return std::nullopt;
    return reply->sense;
}

Result<Sense> request_sense(const Target& target) {
    constexpr std::string_view act = "ask for sense data";
    auto buffer = space_for(kVpdSize);
    const RequestSenseCdb cdb{.allocation_length = static_cast<std::uint8_t>(buffer.size())};
    CAPSTAN_CHECK(fetch(target, act, to_cdb(cdb), buffer));
    const auto sense = decode_sense(buffer);
    if (!sense) return odd_reply(target, act, "the reply is not sense data");
    return *sense;
}

Result<InquiryData> inquiry(const Target& target) {
    constexpr std::string_view act = "ask who it is";
    auto buffer = space_for(96);
    const InquiryCdb cdb{.allocation_length = BigEndian<2>{buffer.size()}};
    CAPSTAN_CHECK(fetch(target, act, to_cdb(cdb), buffer));
    auto data = decode_inquiry(buffer);
    if (!data) return odd_reply(target, act, "the INQUIRY data are too short");
    return std::move(*data);
}

Result<std::vector<std::uint8_t>> vpd_supported_pages(const Target& target) {
    constexpr std::string_view act = "ask for its list of VPD pages";
    CAPSTAN_TRY(const auto bytes, vpd(target, VpdPage::supported_pages, act, kVpdSize));
    auto pages = decode_vpd_supported_pages(bytes);
    if (!pages) return odd_reply(target, act, "another page came back");
    return std::move(*pages);
}

Result<std::string> vpd_serial_number(const Target& target) {
    constexpr std::string_view act = "ask for its serial number";
    CAPSTAN_TRY(const auto bytes, vpd(target, VpdPage::unit_serial_number, act, kVpdSize));
    auto serial_number = decode_vpd_serial_number(bytes);
    if (!serial_number) return odd_reply(target, act, "another page came back");
    return std::move(*serial_number);
}

Result<std::vector<Designator>> vpd_identification(const Target& target) {
    constexpr std::string_view act = "ask for its identification";
    CAPSTAN_TRY(const auto bytes, vpd(target, VpdPage::device_identification, act, kIdentificationSize));
    auto designators = decode_vpd_identification(bytes);
    if (!designators) return odd_reply(target, act, "another page came back");
    return std::move(*designators);
}

Result<void> set_medium_removal(const Target& target, Removal removal) {
    const std::string_view act = removal == Removal::prevent ? "lock the cartridge in" : "unlock the cartridge";
    return done(run(target, act, to_cdb(PreventAllowCdb{.prevent = raw(removal)})));
}

Result<std::vector<SupportedCommand>> supported_commands(const Target& target) {
    constexpr std::string_view act = "ask which commands it knows";
    bool timeouts = true;
    for (std::size_t size = kOperationCodesSize;;) {
        auto buffer = space_for(size);
        auto fetched = fetch(target, act, operation_codes_cdb(timeouts, size), buffer);
        if (!fetched && timeouts && invalid_field(fetched.error())) {  // SPC-3 devices have no RCTD
            timeouts = false;
            continue;
        }
        if (!fetched) return std::unexpected(std::move(fetched.error()));
        auto commands = decode_supported_commands(buffer);
        if (!commands) return odd_reply(target, act, "the reply is too short");
        const std::size_t needed = 4 + decode<BigEndian<4>>(buffer)->value();
        if (needed <= size || size == kOperationCodesSizeMax) return std::move(*commands);
        size = std::min(needed, kOperationCodesSizeMax);
    }
}

Result<OneCommandSupport> command_support(const Target& target, Opcode opcode,
                                          std::optional<std::uint16_t> service_action) {
    constexpr std::string_view act = "ask whether it knows a command";
    using Options = ReportOperationCodesCdb::Options;
    auto buffer = space_for(kVpdSize);
    const auto options = service_action ? Options::one_service_action : Options::one_opcode;
    const ReportOperationCodesCdb cdb{
        .options = static_cast<std::uint8_t>(raw(options) | ReportOperationCodesCdb::kReturnTimeouts),
        .requested_opcode = raw(opcode),
        .requested_service_action = BigEndian<2>{service_action.value_or(0)},
        .allocation_length = BigEndian<4>{buffer.size()}};
    CAPSTAN_CHECK(fetch(target, act, to_cdb(cdb), buffer));
    auto support = decode_one_command(buffer);
    if (!support) return odd_reply(target, act, "the reply is too short");
    return std::move(*support);
}

Result<ModeData> mode_sense(const Target& target, std::uint8_t page, PageControl control, std::uint8_t subpage) {
    constexpr std::string_view act = "read its mode pages";
    const auto page_byte = static_cast<std::uint8_t>(raw(control) | (page & ModeSense10Cdb::kPageMask));
    auto buffer = space_for(kModeSize10);
    const ModeSense10Cdb ten{.page = page_byte, .subpage = subpage, .allocation_length = BigEndian<2>{buffer.size()}};
    auto fetched = fetch(target, act, to_cdb(ten), buffer);
    auto form = ModeForm::ten;
    if (!fetched && unknown_command(fetched.error())) {
        buffer = space_for(kModeSize6);
        const ModeSense6Cdb six{.page = page_byte, .subpage = subpage, .allocation_length = static_cast<std::uint8_t>(buffer.size())};
        fetched = fetch(target, act, to_cdb(six), buffer);
        form = ModeForm::six;
    }
    if (!fetched) return std::unexpected(std::move(fetched.error()));
    auto data = decode_mode_data(form, ModeUse::sense, buffer);
    if (!data) return odd_reply(target, act, "the reply is too short");
    return std::move(*data);
}

Result<void> mode_select(const Target& target, const ModeData& data) {
    constexpr std::string_view act = "change its mode pages";
    const auto ten = encode_mode_data(ModeForm::ten, ModeUse::select, data);
    const Bytes ten_pieces[] = {ten};
    const ModeSelect10Cdb ten_cdb{.flags = ModeSelect10Cdb::kPageFormat, .parameter_length = BigEndian<2>{ten.size()}};
    auto reply = run(target, act, to_cdb(ten_cdb), ten_pieces);
    if (reply || !unknown_command(reply.error())) return done(reply);
    const auto six = encode_mode_data(ModeForm::six, ModeUse::select, data);
    if (six.size() > 255) return done(reply);  // only the longer command could carry it
    const Bytes six_pieces[] = {six};
    const ModeSelect6Cdb six_cdb{.flags = ModeSelect6Cdb::kPageFormat,
                                 .parameter_length = static_cast<std::uint8_t>(six.size())};
    return done(run(target, act, to_cdb(six_cdb), six_pieces));
}

}  // namespace capstan::scsi
