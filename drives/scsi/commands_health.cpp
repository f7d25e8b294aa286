// LOG SENSE, the attributes of the cartridge memory, and the state of encryption.
#include "drives/scsi/commands_run.hpp"

#include <fmt/format.h>

namespace capstan::scsi {
namespace {

constexpr std::size_t kLogPageSize = 16 * 1024, kAttributesSize = 64 * 1024, kEncryptionPageSize = 4 * 1024;

Result<std::vector<std::uint8_t>> fetch_page(const Target& target, LogPageCode page, std::string_view act) {
    std::vector<std::uint8_t> buffer(kLogPageSize);
    const LogSenseCdb cdb{.page = static_cast<std::uint8_t>(LogSenseCdb::kCumulative | raw(page)),
                          .allocation_length = BigEndian<2>{buffer.size()}};
    CAPSTAN_CHECK(fetch(target, act, to_cdb(cdb), buffer));
    return buffer;
}

}  // namespace

Result<std::vector<LogPageCode>> supported_log_pages(const Target& target) {
    constexpr std::string_view act = "ask which log pages it has";
    CAPSTAN_TRY(const auto bytes, fetch_page(target, LogPageCode::supported_pages, act));
    auto pages = decode_supported_log_pages(bytes);
    if (!pages) return odd_reply(target, act, "the reply is not the list of log pages");
    return std::move(*pages);
}

Result<LogPage> log_sense(const Target& target, LogPageCode code) {
    const auto act = fmt::format("read log page {:02X}h", raw(code));
    CAPSTAN_TRY(const auto bytes, fetch_page(target, code, act));
    auto page = decode_log_page(bytes);
    if (!page || page->code != code) return odd_reply(target, act, "the reply is another page");
    return std::move(*page);
}

Result<std::vector<Attribute>> read_attributes(const Target& target, AttributeId first) {
    constexpr std::string_view act = "read the cartridge's memory";
    std::vector<std::uint8_t> buffer(kAttributesSize);
    CAPSTAN_CHECK(fetch(target, act, to_cdb(ReadAttributeCdb{.first = BigEndian<2>{raw(first)}, .allocation_length = BigEndian<4>{buffer.size()}}), buffer));
    auto attributes = decode_attributes(buffer);
    if (!attributes) return odd_reply(target, act, "the reply has no length");
    return std::move(*attributes);
}

Result<void> write_attributes(const Target& target, std::span<const Attribute> attributes) {
    const auto bytes = encode_attributes(attributes);
    const Bytes pieces[] = {bytes};
    return done(
        run(target, "write the cartridge's memory", to_cdb(WriteAttributeCdb{.parameter_length = BigEndian<4>{bytes.size()}}), pieces));
}

Result<EncryptionStatus> encryption_status(const Target& target) {
    constexpr std::string_view act = "ask whether it encrypts";
    std::vector<std::uint8_t> buffer(kEncryptionPageSize);
    CAPSTAN_CHECK(fetch(target, act,
                        to_cdb(SecurityProtocolInCdb{.protocol = SecurityProtocolInCdb::kTapeEncryption,
                                                     .page = BigEndian<2>{raw(EncryptionPage::status)},
                                                     .allocation_length = BigEndian<4>{buffer.size()}}),
                        buffer));
    const auto status = decode_encryption_status(buffer);
    if (!status) return odd_reply(target, act, "the reply is not the state of its encryption");
    return *status;
}

}  // namespace capstan::scsi
