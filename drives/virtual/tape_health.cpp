#include "drives/virtual/tape_health.hpp"

#include "config/base/log.hpp"

#include <algorithm>

namespace capstan::virtual_library {
namespace {

using scsi::AttributeId;
using scsi::LogPageCode;
using scsi::number_attribute;
using scsi::number_parameter;
constexpr std::uint64_t kMiB = 1 << 20, kMB = 1'000'000;
constexpr LogPageCode kPages[] = {LogPageCode::supported_pages,   LogPageCode::write_errors,      LogPageCode::read_errors,
                                  LogPageCode::sequential_access, LogPageCode::volume_statistics, LogPageCode::tape_alert,
                                  LogPageCode::tape_capacity};

scsi::LogParameter text_parameter(std::uint16_t code, std::string_view text, std::size_t size) {
    auto padded = scsi::ascii_attribute({}, text, size);
    return {code, 0x01, std::move(padded.value)};  // ASCII format list parameter
}
std::uint64_t left(const CartridgeFile& cartridge) {
    const auto capacity = cartridge.info().capacity;
    return capacity - std::min(capacity, cartridge.used());
}

}  // namespace

void TapeHealth::power_on() {
    written_ = read_ = write_errors_ = read_errors_ = 0;
    alerts_.reset();
}

void TapeHealth::load(const CartridgeFile& cartridge) {
    directory_ = cartridge.directory();
    auto memory = read_memory(directory_);
    if (!memory) {
        log::error("virtual drive: the memory of a cartridge begins anew",
                   {{"volume_tag", cartridge.info().id}, {"error", to_text(memory.error())}});
        raise(Alert::memory_failure);
    }
    memory_ = memory ? std::move(*memory) : CartridgeMemory{};
    ++memory_.loads;
    memory_.last_drive = drive_;
    written_before_ = written_;
    read_before_ = read_;
    changed_ = false;
}

void TapeHealth::unload() {
    if (directory_.empty()) return;
    memory_.written += written_ - written_before_;
    memory_.read += read_ - read_before_;
    if (auto saved = write_memory(directory_, memory_); !saved)
        log::error("virtual drive: the memory of a cartridge is not saved", {{"error", to_text(saved.error())}});
    directory_.clear();
}

Result<void> TapeHealth::before_change() {
    if (changed_ || directory_.empty()) return {};
    ++memory_.changes;
    CAPSTAN_CHECK(write_memory(directory_, memory_));
    changed_ = true;
    return {};
}

// A drive that meets errors again and again asks to be cleaned; reading the flag does not clean it.
void TapeHealth::hard_error() {
    constexpr unsigned kDirty = 8;
    raise(Alert::hard_error);
    if (++errors_since_cleaned_ >= kDirty) raise(Alert::clean_now);
}

void TapeHealth::found(Found what) {
    switch (what) {
        case Found::unsupported_format: return raise(Alert::unsupported_format);
        case Found::read_only_format: return raise(Alert::read_only_format);
        case Found::cleaning_cartridge: return raise(Alert::cleaning_media);
        case Found::expired_cleaning_cartridge: return raise(Alert::expired_cleaning_media);
    }
}

void TapeHealth::cleaned() {
    errors_since_cleaned_ = 0;
    alerts_.reset(static_cast<std::size_t>(Alert::clean_now));
}

void TapeHealth::failed_to_write() {
    ++write_errors_;
    ++memory_.write_errors;
    hard_error();
    raise(Alert::write_failure);
}

void TapeHealth::failed_to_read() {
    ++read_errors_;
    ++memory_.read_errors;
    hard_error();
    raise(Alert::read_failure);
}

std::vector<scsi::LogParameter> TapeHealth::volume_statistics(const CartridgeFile& cartridge) const {
    const auto& info = cartridge.info();
    return {number_parameter(0x0000, 1, 1),  // the page is valid
            number_parameter(0x0001, memory_.loads, 8),
            number_parameter(0x0004, memory_.write_errors, 8),
            number_parameter(0x0009, memory_.read_errors, 8),
            number_parameter(0x0010, (memory_.written + written_ - written_before_) / kMB, 8),
            number_parameter(0x0011, (memory_.read + read_ - read_before_) / kMB, 8),
            number_parameter(0x0016, info.capacity / kMB, 8),
            number_parameter(0x0017, cartridge.used() / kMB, 8),
            text_parameter(0x0040, info.id, 32),
            text_parameter(0x0042, info.volume_tag.text, 32),
            number_parameter(0x0080, info.write_protected ? 1 : 0, 1),
            number_parameter(0x0081, 0, 1)};
}

std::optional<std::vector<std::uint8_t>> TapeHealth::log_page(LogPageCode code, const CartridgeFile* cartridge) {
    scsi::LogPage page{code, {}};
    switch (code) {
        case LogPageCode::supported_pages: return scsi::encode_supported_log_pages(kPages);
        case LogPageCode::write_errors:  // SPC-4 7.3.6: bytes processed, uncorrected errors
            page.parameters = {number_parameter(0x0005, written_, 8), number_parameter(0x0006, write_errors_, 8)};
            break;
        case LogPageCode::read_errors:
            page.parameters = {number_parameter(0x0005, read_, 8), number_parameter(0x0006, read_errors_, 8)};
            break;
        case LogPageCode::sequential_access:  // SSC-4 8.2.4: from the host, on the tape, from the tape, to the host
            page.parameters = {number_parameter(0x0000, written_, 8), number_parameter(0x0001, written_, 8),
                               number_parameter(0x0002, read_, 8), number_parameter(0x0003, read_, 8)};
            break;
        case LogPageCode::volume_statistics:
            page.parameters = cartridge ? volume_statistics(*cartridge) : std::vector{number_parameter(0x0000, 0, 1)};
            break;
        case LogPageCode::tape_alert:
            for (std::size_t flag = 1; flag < alerts_.size(); ++flag)
                page.parameters.push_back(number_parameter(static_cast<std::uint16_t>(flag), alerts_.test(flag) ? 1 : 0, 1));
            alerts_.reset();
            break;
        case LogPageCode::tape_capacity:  // of LTO drives, in MiB: what is left and what there is, of the main and the other partition
            page.parameters = {number_parameter(1, cartridge ? left(*cartridge) / kMiB : 0, 4), number_parameter(2, 0, 4),
                               number_parameter(3, cartridge ? cartridge->info().capacity / kMiB : 0, 4), number_parameter(4, 0, 4)};
            break;
        default: return std::nullopt;
    }
    return scsi::encode_log_page(page);
}

std::vector<scsi::Attribute> TapeHealth::attributes(const CartridgeFile& cartridge) const {
    const auto& info = cartridge.info();
    const auto text = [](AttributeId id, std::string_view value, std::size_t size) {
        auto attribute = scsi::ascii_attribute(id, value, size);
        attribute.read_only = true;
        return attribute;
    };
    std::vector<scsi::Attribute> all{
        number_attribute(AttributeId::remaining_capacity, left(cartridge) / kMiB, 8),
        number_attribute(AttributeId::maximum_capacity, info.capacity / kMiB, 8),
        number_attribute(AttributeId::load_count, memory_.loads, 8),
        number_attribute(AttributeId::free_memory, kMemorySize - host_bytes(memory_), 8),
        number_attribute(AttributeId::format_density, info.density, 1),
        number_attribute(AttributeId::volume_change_reference, memory_.changes, 4),
        text(AttributeId::last_load, memory_.last_drive, 40),
        number_attribute(AttributeId::written_in_life, (memory_.written + written_ - written_before_) / kMiB, 8),
        number_attribute(AttributeId::read_in_life, (memory_.read + read_ - read_before_) / kMiB, 8),
        text(AttributeId::manufacturer, "CAPSTAN", 8),
        text(AttributeId::medium_serial, info.id, 32),
        number_attribute(AttributeId::medium_density, info.density, 1),
        number_attribute(AttributeId::memory_capacity, kMemorySize, 8),
        number_attribute(AttributeId::medium_type, 0, 1)};
    all.insert(all.end(), memory_.host.begin(), memory_.host.end());
    return all;
}

Result<std::optional<SenseCode>> TapeHealth::set_attributes(const std::vector<scsi::Attribute>& attributes) {
    constexpr SenseCode kInvalidParameter{0x5, 0x26, 0x00}, kMemoryFull{0x5, 0x55, 0x06};
    auto next = memory_;
    for (const auto& each : attributes) {
        if (!scsi::is_host_attribute(each.id) || each.format > scsi::AttributeFormat::text) return kInvalidParameter;
        auto at = std::ranges::lower_bound(next.host, each.id, {}, &scsi::Attribute::id);
        const bool is_there = at != next.host.end() && at->id == each.id;
        if (each.value.empty()) {
            if (is_there) next.host.erase(at);
            continue;
        }
        if (!is_there) at = next.host.insert(at, scsi::Attribute{});
        *at = each;
        at->read_only = false;
    }
    if (host_bytes(next) > kMemorySize) return kMemoryFull;
    CAPSTAN_CHECK(write_memory(directory_, next));
    memory_ = std::move(next);
    return std::nullopt;
}

}  // namespace capstan::virtual_library
