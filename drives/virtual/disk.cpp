#include "drives/virtual/disk.hpp"

#include "drives/scsi/mode.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace capstan::virtual_library {
namespace {

using scsi::Opcode;

// SBC-3's own, beside those that tapes have, too.
enum class DiskOpcode : std::uint8_t {
    read_capacity_10 = 0x25,
    read_10 = 0x28,
    write_10 = 0x2A,
    write_and_verify_10 = 0x2E,
    verify_10 = 0x2F,
    synchronise_cache_10 = 0x35,
    read_16 = 0x88,
    write_16 = 0x8A,
    write_and_verify_16 = 0x8E,
    verify_16 = 0x8F,
    synchronise_cache_16 = 0x91,
    service_action_in = 0x9E,
    read_12 = 0xA8,
    write_12 = 0xAA,
    write_and_verify_12 = 0xAE,
    verify_12 = 0xAF,
};
constexpr std::uint16_t kReadCapacity16 = 0x10;
constexpr Opcode of(DiskOpcode code) { return static_cast<Opcode>(code); }

constexpr DeviceServer::Supported kSupported[] = {
    {Opcode::test_unit_ready, {}, 1, 60},
    {Opcode::request_sense, {}, 1, 60},
    {Opcode::read_6, {}, 1, 60},
    {Opcode::write_6, {}, 1, 60},
    {Opcode::inquiry, {}, 1, 60},
    {Opcode::mode_sense_6, {}, 1, 60},
    {Opcode::prevent_allow_medium_removal, {}, 1, 60},
    {of(DiskOpcode::read_capacity_10), {}, 1, 60},
    {of(DiskOpcode::read_10), {}, 1, 60},
    {of(DiskOpcode::write_10), {}, 1, 60},
    {of(DiskOpcode::write_and_verify_10), {}, 1, 60},
    {of(DiskOpcode::verify_10), {}, 1, 60},
    {of(DiskOpcode::synchronise_cache_10), {}, 1, 60},
    {Opcode::mode_sense_10, {}, 1, 60},
    {Opcode::persistent_reserve_in, {}, 1, 60},
    {Opcode::persistent_reserve_out, {}, 1, 60},
    {of(DiskOpcode::read_16), {}, 1, 60},
    {of(DiskOpcode::write_16), {}, 1, 60},
    {of(DiskOpcode::write_and_verify_16), {}, 1, 60},
    {of(DiskOpcode::verify_16), {}, 1, 60},
    {of(DiskOpcode::synchronise_cache_16), {}, 1, 60},
    {of(DiskOpcode::service_action_in), kReadCapacity16, 1, 60},
    {Opcode::report_luns, {}, 1, 60},
    {Opcode::maintenance_in, scsi::ReportOperationCodesCdb::kServiceAction, 1, 60},
    {of(DiskOpcode::read_12), {}, 1, 60},
    {of(DiskOpcode::write_12), {}, 1, 60},
    {of(DiskOpcode::write_and_verify_12), {}, 1, 60},
    {of(DiskOpcode::verify_12), {}, 1, 60},
};
constexpr SenseCode kBeyondTheEnd{0x5, 0x21, 0x00}, kMiscompare{0xE, 0x1D, 0x00};

struct Extent {
    std::uint64_t first = 0, count = 0;
    std::uint8_t flags = 0;  // protection (bits 7-5), DPO, FUA, BYTCHK (bits 2-1)
};
// Address and length stand where the size of the CDB says (SBC-3 clause 5).
std::optional<Extent> extent_of(const scsi::Cdb& cdb) {
    Reader reader(Bytes(cdb.bytes).subspan(1));
    Extent extent;
    switch (cdb.size) {
        case 6: {
            constexpr std::uint64_t kAddressMask = 0x1FFFFF, kWhole = 256;
            extent.first = *reader.big<3>() & kAddressMask;
            const auto count = *reader.big<1>();
            extent.count = count == 0 ? kWhole : count;
            return extent;
        }
        case 10:
            extent.flags = static_cast<std::uint8_t>(*reader.big<1>());
            extent.first = *reader.big<4>();
            (void)reader.big<1>();
            extent.count = *reader.big<2>();
            return extent;
        case 12:
            extent.flags = static_cast<std::uint8_t>(*reader.big<1>());
            extent.first = *reader.big<4>();
            extent.count = *reader.big<4>();
            return extent;
        case 16:
            extent.flags = static_cast<std::uint8_t>(*reader.big<1>());
            extent.first = *reader.big<8>();
            extent.count = *reader.big<4>();
            return extent;
        default: return std::nullopt;
    }
}

constexpr std::uint8_t kByteCheck = 0x06, kProtection = 0xE0, kForceUnitAccess = 0x08;

}  // namespace

Disk::Disk(FileHandle file, std::uint64_t blocks, std::string serial)
    : DeviceServer({scsi::DeviceType::disk, "CAPSTAN", "VIRTUAL DISK", "0100", std::move(serial)},
                   {std::begin(kSupported), std::end(kSupported)}),
      file_(std::move(file)),
      blocks_(blocks) {}

Result<std::unique_ptr<Disk>> Disk::open(const std::string& path, std::uint64_t size, std::string serial) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
    if (size < kBlockSize || size > kMost)
        return fail(Recovery::change_request, fmt::format("a disk of {} bytes cannot be made", size), "It has 512 bytes to 1 TiB.");
    CAPSTAN_TRY(auto file, open_file(path, O_RDWR | O_CREAT));
    const auto blocks = size / kBlockSize;
    if (::ftruncate(file.get(), static_cast<off_t>(blocks * kBlockSize)) != 0)
        return fail_errno(errno, fmt::format("cannot make {}", path));
    return std::unique_ptr<Disk>(new Disk(std::move(file), blocks, std::move(serial)));
}

std::optional<std::uint64_t> Disk::length_of(const scsi::Cdb& cdb) {
    const auto code = static_cast<DiskOpcode>(cdb.bytes[0]);
    const auto extent = extent_of(cdb);
    if (!extent) return std::nullopt;
    switch (code) {
        case DiskOpcode::verify_10:
        case DiskOpcode::verify_12:
        case DiskOpcode::verify_16: return (extent->flags & kByteCheck) != 0 ? extent->count * kBlockSize : 0;
        case DiskOpcode::read_10:
        case DiskOpcode::read_12:
        case DiskOpcode::read_16:
        case DiskOpcode::write_10:
        case DiskOpcode::write_12:
        case DiskOpcode::write_16:
        case DiskOpcode::write_and_verify_10:
        case DiskOpcode::write_and_verify_12:
        case DiskOpcode::write_and_verify_16: return extent->count * kBlockSize;
        default: break;
    }
    const auto opcode = scsi::opcode_of(cdb);
    if (opcode == Opcode::read_6 || opcode == Opcode::write_6) return extent->count * kBlockSize;
    return std::nullopt;
}

Answer Disk::run(const Command& command) {
    switch (scsi::opcode_of(command.cdb)) {
        case Opcode::test_unit_ready: return {};
        case Opcode::prevent_allow_medium_removal: return prevent_allow(command);
        case Opcode::mode_sense_6:
        case Opcode::mode_sense_10: return mode_sense(command);
        case Opcode::read_6: return access(command, Access::read);
        case Opcode::write_6: return access(command, Access::write);
        default: break;
    }
    switch (static_cast<DiskOpcode>(command.cdb.bytes[0])) {
        case DiskOpcode::read_capacity_10: return capacity_10(command);
        case DiskOpcode::service_action_in: return capacity_16(command);
        case DiskOpcode::read_10:
        case DiskOpcode::read_12:
        case DiskOpcode::read_16: return access(command, Access::read);
        case DiskOpcode::write_10:
        case DiskOpcode::write_12:
        case DiskOpcode::write_16: return access(command, Access::write);
        case DiskOpcode::write_and_verify_10:
        case DiskOpcode::write_and_verify_12:
        case DiskOpcode::write_and_verify_16: return access(command, Access::write_and_verify);
        case DiskOpcode::verify_10:
        case DiskOpcode::verify_12:
        case DiskOpcode::verify_16: return access(command, Access::verify);
        case DiskOpcode::synchronise_cache_10:
        case DiskOpcode::synchronise_cache_16: return synchronise(command);
    }
    return check_condition(code::kInvalidOpcode);
}

// An initiator that has less room or data than the CDB says gets or gives so much; the transport tells the difference.
Answer Disk::access(const Command& command, Access access) {
    const auto extent = extent_of(command.cdb);
    if (!extent || (extent->flags & kProtection) != 0) return check_condition(code::kInvalidField);
    if (extent->first > blocks_ || extent->count > blocks_ - extent->first) return check_condition(kBeyondTheEnd);
    const auto check = access == Access::verify ? extent->flags & kByteCheck : 0;
    if (check != 0 && check != 0x02) return check_condition(code::kInvalidField);
    auto at = static_cast<off_t>(extent->first * kBlockSize);
    std::uint64_t left = extent->count * kBlockSize;
    Answer answer;
    if (access == Access::read) {
        const auto space = command.data_in.first(std::min<std::uint64_t>(left, command.data_in.size()));
        if (::pread(file_.get(), space.data(), space.size(), at) != static_cast<ssize_t>(space.size()))
            return check_condition(code::kUnrecoveredRead);
        answer.transferred = space.size();
        return answer;
    }
    if (access == Access::verify && check == 0) return answer;
    std::vector<std::uint8_t> found;
    for (auto part : command.data_out) {
        part = part.first(std::min<std::uint64_t>(part.size(), left));
        if (access == Access::verify) {
            found.resize(part.size());
            if (::pread(file_.get(), found.data(), found.size(), at) != static_cast<ssize_t>(found.size()))
                return check_condition(code::kUnrecoveredRead);
            if (!std::ranges::equal(found, part)) return check_condition(kMiscompare);
        } else if (::pwrite(file_.get(), part.data(), part.size(), at) != static_cast<ssize_t>(part.size())) {
            return check_condition(code::kWriteError);
        }
        at += static_cast<off_t>(part.size());
        left -= part.size();
        answer.transferred += part.size();
    }
    const bool at_once = access == Access::write_and_verify || scsi::has(extent->flags, kForceUnitAccess);
    if (at_once && access != Access::verify && ::fdatasync(file_.get()) != 0) return check_condition(code::kWriteError);
    return answer;
}

Answer Disk::synchronise(const Command& command) {
    const auto extent = extent_of(command.cdb);
    if (!extent || extent->first > blocks_ || extent->count > blocks_ - extent->first) return check_condition(kBeyondTheEnd);
    return ::fdatasync(file_.get()) == 0 ? Answer{} : check_condition(code::kWriteError);
}

Answer Disk::capacity_10(const Command& command) const {
    const std::array<BigEndian<4>, 2> data{BigEndian<4>{std::min<std::uint64_t>(blocks_ - 1, UINT32_MAX)}, BigEndian<4>{kBlockSize}};
    const auto bytes = std::bit_cast<std::array<std::uint8_t, sizeof(data)>>(data);
    return give(bytes, bytes.size(), command);
}

Answer Disk::capacity_16(const Command& command) const {
    if ((command.cdb.bytes[1] & 0x1F) != kReadCapacity16) return check_condition(code::kInvalidField);
    std::array<std::uint8_t, 32> data{};
    std::ranges::copy(scsi::encode(BigEndian<8>{blocks_ - 1}), data.begin());
    std::ranges::copy(scsi::encode(BigEndian<4>{kBlockSize}), data.begin() + 8);
    const auto room = *Reader(Bytes(command.cdb.bytes).subspan(10)).big<4>();
    return give(data, room, command);
}

// Caching (SBC-3 6.5.5: writes are cached) and Control (SPC-4 7.5.8); nothing can be changed.
Answer Disk::mode_sense(const Command& command) const {
    constexpr std::uint8_t kCaching = 0x08, kControl = 0x0A, kPageMask = 0x3F, kForceUnitAccessSupported = 0x10, kWriteCache = 0x04;
    const bool six = command.cdb.size == 6;
    const auto page = command.cdb.bytes[2];
    if ((page & 0xC0) == static_cast<std::uint8_t>(scsi::PageControl::saved)) return check_condition(code::kSavingNotSupported);
    const bool changeable = (page & 0xC0) == static_cast<std::uint8_t>(scsi::PageControl::changeable);
    const auto wanted = static_cast<std::uint8_t>(page & kPageMask);
    std::vector<std::uint8_t> data(six ? 4 : 8);
    data[six ? 2 : 3] = kForceUnitAccessSupported;
    auto add = [&](std::uint8_t code, std::size_t size, std::uint8_t first) {
        if (wanted != code && wanted != scsi::kAllPages) return;
        const auto at = data.size();
        data.resize(at + 2 + size);
        data[at] = code;
        data[at + 1] = static_cast<std::uint8_t>(size);
        data[at + 2] = changeable ? 0 : first;
    };
    add(kCaching, 18, kWriteCache);
    add(kControl, 10, 0);
    if (data.size() <= 8 && wanted != scsi::kAllPages) return check_condition(code::kInvalidField);
    if (six)
        data[0] = static_cast<std::uint8_t>(data.size() - 1);
    else
        data[1] = static_cast<std::uint8_t>(data.size() - 2);
    const auto room = six ? command.cdb.bytes[4] : *Reader(Bytes(command.cdb.bytes).subspan(7)).big<2>();
    return give(data, room, command);
}

}  // namespace capstan::virtual_library
