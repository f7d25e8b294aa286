// Writes the stored corpus of the fuzz targets: real encodings, and the same ones damaged. Usage: scsi_make_corpus
// FOLDER
#include "drives/scsi/attributes.hpp"
#include "drives/scsi/density.hpp"
#include "drives/scsi/encryption.hpp"
#include "drives/scsi/log_pages.hpp"
#include "drives/scsi/mode.hpp"
#include "drives/scsi/reservations.hpp"
#include "drives/scsi/sense.hpp"
#include "drives/scsi/smc.hpp"
#include "drives/scsi/ssc.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

using namespace capstan;
using namespace capstan::scsi;
using Buffer = std::vector<std::uint8_t>;

std::string folder;

void store(const std::string& target, const std::string& name, const Buffer& bytes) {
    std::filesystem::create_directories(folder + "/fuzz_" + target);
    std::ofstream file(folder + "/fuzz_" + target + "/" + name, std::ios::binary);
    for (auto byte : bytes) file.put(static_cast<char>(byte));
}

// As it is, cut in the middle and near its end, and with a length or count turned into nonsense.
void store_with_damage(const std::string& target, const std::string& name, const Buffer& bytes) {
    store(target, name, bytes);
    const auto first = [&](std::size_t size) {
        return Buffer(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    };
    store(target, name + "-half", first(bytes.size() / 2));
    store(target, name + "-cut", first(bytes.size() - 1));
    store(target, name + "-head", first(std::min<std::size_t>(bytes.size(), 3)));
    Buffer odd = bytes;
    for (std::size_t i = 3; i < odd.size(); i += 5) odd[i] ^= 0xFF;
    store(target, name + "-odd", odd);
}

Buffer in_form(std::uint8_t form, const Buffer& bytes) {
    Buffer out{form};
    out.insert(out.end(), bytes.begin(), bytes.end());
    return out;
}
template <class Data>
Buffer wire(const Data& data) {
    const auto bytes = encode(data);
    return {bytes.begin(), bytes.end()};
}
Buffer text(std::string_view characters) { return {bytes_of(characters).begin(), bytes_of(characters).end()}; }

void sense() {
    const Sense cases[] = {{.code = {0x0, 0x00, 0x01}, .filemark = true, .information = 65536},
                           {.code = {0x0, 0x00, 0x00}, .incorrect_length = true, .information = -1000},
                           {.code = {0x3, 0x0C, 0x00}, .deferred = true, .end_of_medium = true},
                           {.code = {0x1, 0x5D, 0x00}, .deferred = true},
                           {.code = {0xB, 0x47, 0x7B}, .deferred = true},
                           {.code = {0xD, 0x00, 0x02}, .end_of_medium = true, .information = 0x123456789A},
                           {.code = {0x6, 0x28, 0x01}},
                           {.code = {0x2, 0x04, 0x01}, .progress = 0x8123}};
    int number = 0;
    for (const auto& one : cases) {
        for (auto format : {SenseFormat::fixed, SenseFormat::descriptor}) {
            const auto bytes = encode_sense(one, format);
            store_with_damage("sense", "sense" + std::to_string(number++),
                              {bytes.bytes().begin(), bytes.bytes().end()});
        }
    }
    store("sense", "foreign-descriptors", {0x72, 4, 0x15, 1, 0, 0, 0, 12, 3, 2, 0, 0x30, 2, 6, 0, 0, 0, 0, 0, 0});
    store("sense", "vendor", {0x7F, 1, 2, 3});
    store("sense", "empty", {});
    store("sense", "one-byte", {0x72});
    store("sense", "two-bytes", {0x70, 0});
}

void inquiry() {
    store_with_damage("inquiry", "drive",
                      encode_inquiry({.device_type = DeviceType::tape,
                                      .removable = true,
                                      .vendor = "IBM",
                                      .product = "ULTRIUM-HH8",
                                      .revision = "M2D1"}));
    store_with_damage("inquiry", "pages", encode_vpd_supported_pages(DeviceType::tape, Buffer{0, 0x80, 0x83}));
    store_with_damage("inquiry", "serial", encode_vpd_serial_number(DeviceType::tape, " 1097001234\x1B "));
    using Type = Designator::Type;
    const std::vector<Designator> all{
        {.code_set = Designator::CodeSet::ascii,
         .type = Type::t10_vendor_id,
         .bytes = text("IBM     ULT3580-TD8     1097001234")},
        {.code_set = Designator::CodeSet::ascii, .type = Type::t10_vendor_id, .bytes = text("HP")},
        {.code_set = Designator::CodeSet::ascii, .bytes = text("HU1")},
        {.bytes = {1, 2, 3}},
        {.code_set = Designator::CodeSet::utf8, .type = Type::scsi_name, .bytes = text("iqn.1")},
        {.type = Type::naa, .bytes = {0x50, 5, 7, 0x63, 0, 0, 0, 1}},
        {.type = Type::relative_port, .association = Designator::Association::target_port, .bytes = {0, 0, 0, 1}},
        {.type = static_cast<Type>(12), .bytes = {9}}};
    store_with_damage("inquiry", "identification", encode_vpd_identification(DeviceType::tape, all));
}

void log_pages() {
    LogPage page{LogPageCode::volume_statistics, {number_parameter(0, 1, 1), number_parameter(0x10, 123456789, 8), {0x40, 1, text("A00001L8")}}};
    store_with_damage("log_pages", "volume", encode_log_page(page));
    LogPage alerts{LogPageCode::tape_alert, {}};
    for (std::uint16_t flag = 1; flag <= 64; ++flag) alerts.parameters.push_back(number_parameter(flag, flag % 7 == 0, 1));
    store_with_damage("log_pages", "alerts", encode_log_page(alerts));
    const LogPageCode all[] = {LogPageCode::supported_pages, LogPageCode::write_errors, LogPageCode::tape_alert};
    store_with_damage("log_pages", "supported", encode_supported_log_pages(all));
    store("log_pages", "subpage", {0x6E, 1, 0, 0});
    store("log_pages", "long-number", {2, 0, 0, 13, 0, 5, 3, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    store("log_pages", "no-value", {2, 0, 0, 4, 0, 5, 3, 0});
}

void attributes() {
    const std::vector<Attribute> all{number_attribute(AttributeId::remaining_capacity, 11'000'000, 8), number_attribute(AttributeId::volume_change_reference, 7, 4),
                                     ascii_attribute(AttributeId::application_vendor, "CAPSTAN", 8), {AttributeId::user_label, AttributeFormat::text, false, text("Nightly\0\0")}};
    store_with_damage("attributes", "all", encode_attributes(all));
    const AttributeId ids[] = {AttributeId::load_count, AttributeId::barcode, AttributeId::coherency};
    store_with_damage("attributes", "list", encode_attribute_list(ids));
    store("attributes", "long-number", {0, 0, 0, 14, 0, 3, 0x80, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    store("attributes", "empty", {});
    store("attributes", "no-value", {0, 0, 0, 5, 8, 6, 1, 0, 0});
}

void reservations() {
    const Registrant all[] = {{ReservationKey{1}, true, ReservationType::exclusive_access, "iqn.2026-11.org.example:host,i,0x800000000001"}, {ReservationKey{2}, false, {}, "iqn.b,i,0x00"}};
    store_with_damage("reservations", "full", encode_full_status(3, all));
    store_with_damage("reservations", "keys", encode_registered_keys({2, {ReservationKey{5}, ReservationKey{~0ull}}}));
    store_with_damage("reservations", "held", encode_reservation({9, Reservation{ReservationKey{7}, ReservationType::write_exclusive}}));
    store("reservations", "free", encode_reservation({1, {}}));
    Buffer foreign = encode_full_status(1, std::span(all, 1));
    foreign[32] = 0x06;  // SAS
    store("reservations", "other-transport", foreign);
    store("reservations", "empty", {});
}

void mode_sense() {
    ModeData data{.device_specific = 0x90, .block_descriptor = BlockDescriptor{.density_code = 0x5E}};
    data.pages.push_back(to_page(DataCompressionPage{.compression = 0xC0}));
    data.pages.push_back(to_page(DeviceConfigurationPage{}));
    data.pages.push_back({.code = 0x10, .subpage = 1, .bytes = {0x50, 1, 0, 2, 0xAA, 0xBB}});
    data.pages.push_back(to_page(ElementAddressPage{}));
    for (std::uint8_t choice = 0; choice < 4; ++choice) {
        const auto form = choice & 1 ? ModeForm::ten : ModeForm::six;
        const auto use = choice & 2 ? ModeUse::select : ModeUse::sense;
        store_with_damage("mode_sense", "all" + std::to_string(choice),
                          in_form(choice, encode_mode_data(form, use, data)));
    }
    store("mode_sense", "subpage-cut", {0, 30, 0, 0, 0, 0x50, 1, 0});
    store("mode_sense", "no-descriptors", {1, 0, 30, 0, 0, 0, 0, 0xFF, 0xFF, 1, 2, 3});
}

void element_status() {
    std::vector<ElementStatus> all(5);
    all[0] = {.address = ElementAddress{0}, .type = ElementType::medium_transport};
    all[1] = {
        .address = ElementAddress{0x1000}, .type = ElementType::storage, .full = true, .source = ElementAddress{7}};
    all[1].volume_tag.text = "A00001L8";
    all[1].alternate_volume_tag = "SIDE-B";
    all[2] = {
        .address = ElementAddress{0x1001}, .type = ElementType::storage, .exception = true, .asc = 0x83, .ascq = 2};
    all[3] = {
        .address = ElementAddress{0x10}, .type = ElementType::import_export, .full = true, .placed_by_operator = true};
    all[4] = {.address = ElementAddress{0x100}, .type = ElementType::data_transfer, .full = true};
    all[4].device = Designator{.code_set = Designator::CodeSet::ascii, .bytes = text("1097001234")};
    store_with_damage("element_status", "tags",
                      encode_element_status(all, {.volume_tags = true, .device_identifier = true}));
    store_with_damage("element_status", "plain", encode_element_status(all, {}));
    store("element_status", "none", encode_element_status({}, {}));
    Buffer one = encode_element_status({all[1]}, {.volume_tags = true});
    one[3] = 0;
    store("element_status", "more-than-promised", one);
    one[3] = 1;
    one[28] = 0xFF;
    store("element_status", "unreadable-tag", one);
    one[11] = 0;
    store("element_status", "no-length", one);
    one[11] = 12;
    one[8] = 9;
    store("element_status", "unknown-type", one);
    store("element_status", "empty-page", {0, 0, 0, 0, 0, 0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0});
}

void read_position() {
    for (std::uint8_t flags : {0x80, 0x34, 0x02, 0x41}) {
        const auto name = std::to_string(flags);
        store("read_position", "short" + name,
              in_form(0, wire(ShortPositionData{.flags = flags, .first = BigEndian<4>{9}})));
        store("read_position", "long" + name,
              in_form(6, wire(LongPositionData{.flags = flags, .object = BigEndian<8>{9}})));
        store("read_position", "extended" + name, in_form(8, wire(ExtendedPositionData{.flags = flags})));
    }
    store("read_position", "long-unknown", in_form(6, wire(LongPositionData{.flags = 0x0C})));
    for (std::uint8_t form : {0, 1, 6, 8, 31})
        store("read_position", "cut" + std::to_string(form), {form, 1, 2, 3, 4, 5, 6, 7});
}

void density() {
    const std::vector<Density> all{{.primary_code = 0x5C, .secondary_code = 0x5C, .writable = true, .media_width = 127, .capacity_mb = 6'000'000, .organization = "LTO-CVE", .name = "U-716", .description = "Ultrium 7/16T"},
                                   {.primary_code = 0x5E, .secondary_code = 0x5E, .writable = true, .is_default = true, .bits_per_mm = 20668, .media_width = 127, .tracks = 6656, .capacity_mb = 12'000'000, .organization = "LTO-CVE", .name = "U-832", .description = "Ultrium 8/32T"}};
    store_with_damage("density", "two", encode_densities(all));
    store("density", "none", encode_densities({}));
    store("density", "empty", {});
    Buffer longer = encode_densities(std::span(all).first(1));
    longer[6] |= DensityDescriptor::kLengthValid;
    longer[8] = 55;
    longer.insert(longer.end(), 8, 0xEE);
    longer[1] = static_cast<std::uint8_t>(longer.size() - 2);
    store_with_damage("density", "longer-entry", longer);
    longer[8] = 3;
    store("density", "shorter-entry", longer);
}

void encryption() {
    for (std::uint8_t control : {0, 1, 2, 3, 4, 7})
        store_with_damage("encryption", "keyed" + std::to_string(control),
                          encode_encryption_status({EncryptionMode::encrypt, DecryptionMode::mixed, static_cast<EncryptionControl>(control), 7}));
    store("encryption", "off", encode_encryption_status({}));
    Buffer with_key_data = encode_encryption_status({EncryptionMode::encrypt});
    with_key_data[3] += 4;
    with_key_data.insert(with_key_data.end(), 4, 0);
    store("encryption", "key-data", with_key_data);
    store("encryption", "empty", {});
}

void operation_codes() {
    using namespace std::chrono_literals;
    const std::vector<SupportedCommand> commands{
        {.opcode = 0x01, .service_action = std::nullopt, .cdb_size = 6, .timeouts = CommandTimeouts{60s, 480s}},
        {.opcode = 0x34, .service_action = 6, .cdb_size = 10, .timeouts = CommandTimeouts{0s, 90s}},
        {.opcode = 0x12, .service_action = std::nullopt, .cdb_size = 6, .timeouts = std::nullopt}};
    store_with_damage("operation_codes", "all", encode_supported_commands(commands));
    Buffer cut = encode_supported_commands(commands);
    cut.resize(16);
    store("operation_codes", "timeouts-cut", cut);
    OneCommandSupport one{.support = OneCommandSupport::Support::standard,
                          .usage = {0x12, 1, 0xFF, 0xFF, 0xFF, 7},
                          .timeouts = CommandTimeouts{1s, 60s}};
    store_with_damage("operation_codes", "one", encode_one_command(one));
    Buffer without_usage = encode_one_command(one);
    without_usage.resize(8);
    store("operation_codes", "usage-cut", without_usage);
    one.support = OneCommandSupport::Support::vendor_specific;
    store("operation_codes", "vendor", encode_one_command(one));
    store("operation_codes", "not-supported", {0, 1, 0, 0});
    store("operation_codes", "reserved", {0, 7, 0, 0});
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: scsi_make_corpus FOLDER\n");
        return 2;
    }
    folder = argv[1];
    sense();
    inquiry();
    log_pages();
    attributes();
    reservations();
    mode_sense();
    element_status();
    read_position();
    operation_codes();
    density();
    encryption();
    return 0;
}
