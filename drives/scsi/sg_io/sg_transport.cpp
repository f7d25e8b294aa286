#include "drives/scsi/sg_io/sg_transport.hpp"

#include "drives/scsi/sg_io/sg_result.hpp"
#include "drives/scsi/ssc.hpp"

#include <fmt/format.h>
#include <linux/fs.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>

#include <fcntl.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace capstan::scsi {
namespace {

constexpr int kSgVersionMin = 30'000;           // since then there is sg_io_hdr
constexpr std::size_t kReservedMax = 4U << 20;  // the kernel's buffer that is kept from command to command

// One that others have open is not a fault of the device, nor is one that is switched off.
Result<FileHandle> open_node(const std::string& path, int flags) {
    FileHandle handle(::open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC));
    if (handle) return handle;
    switch (errno) {
        case EBUSY:
            return fail(Recovery::ask_operator, fmt::format("{} is in use by another program", path),
                        fmt::format("Find it with 'fuser -v {}' and end it.", path));
        case ENODEV:
        case ENXIO:
        case ENOENT: return fail(Recovery::retry_later, fmt::format("{} does not answer", path), "Switch the device on.");
        default: return fail_errno(errno, fmt::format("cannot open {}", path), "Let the daemon's user read and write this device.");
    }
}

// Data in the kernel's buffers or in ours, in up to 8 pieces.
struct Pieces {
    std::array<sg_iovec, 8> list{};
    std::size_t count = 0, bytes = 0;

    bool add(const void* data, std::size_t size) {
        if (count == list.size()) return false;
        list[count++] = {const_cast<void*>(data), size};  // NOLINT: the kernel does not write to what goes out
        bytes += size;
        return true;
    }
};

}  // namespace

SgTransport::SgTransport(std::string which, Hold hold, SystemRoots roots)
    : which_(std::move(which)), hold_(hold), roots_(std::move(roots)) {}

Result<void> SgTransport::open() {
    CAPSTAN_TRY(auto node, find_sg_node(which_, roots_));
    const int exclusive = hold_ == Hold::held ? O_EXCL : 0;
    CAPSTAN_TRY(auto sg, open_node(node.sg, O_RDWR | exclusive));
    int version = 0;
    if (::ioctl(sg.get(), SG_GET_VERSION_NUM, &version) != 0 || version < kSgVersionMin)
        return fail(Recovery::change_request, fmt::format("{} is no generic SCSI device", node.sg),
                    "Name a /dev/sg node; 'capstan library probe' lists them.");
    FileHandle tape;
    if (hold_ == Hold::held && !node.tape.empty()) {
        CAPSTAN_TRY(tape, open_node(node.tape, O_RDONLY));
    }
    int bytes = 0;
    transfer_max_ = ::ioctl(sg.get(), BLKSECTGET, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;  // bytes, for sg
    int reserved = static_cast<int>(std::min(kReservedMax, transfer_max_ == 0 ? kReservedMax : transfer_max_));
    (void)::ioctl(sg.get(), SG_SET_RESERVED_SIZE, &reserved);  // a wish; without it the kernel takes memory for each command
    node_ = std::move(node);
    sg_ = std::move(sg);
    tape_ = std::move(tape);
    return {};
}

Result<ScsiReply> SgTransport::execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in, std::chrono::milliseconds timeout) {
    ended_ = false;
    if (!sg_) {
        auto opened = open();
        ended_ = !opened && opened.error().recovery == Recovery::retry_later;
        CAPSTAN_CHECK(opened);
        constexpr SenseCode kNexusLost{0x6, 0x29, 0x07};
        return ScsiReply{Sense{.code = kNexusLost, .information = {}}, 0, {}};
    }
    auto reply = send(cdb, data_out, data_in, timeout);
    if (reply) {
        limit_blocks(cdb, *reply, data_in);
    } else if (reply.error().recovery == Recovery::stop_device) {
        sg_.reset();
        tape_.reset();
    }
    return reply;
}

Result<ScsiReply> SgTransport::send(const Cdb& cdb, DataOut data_out, MutableBytes data_in, std::chrono::milliseconds timeout) {
    Pieces pieces;
    for (auto part : data_out)
        if (!pieces.add(part.data(), part.size())) return fail(Recovery::change_request, "more than 8 pieces of data for one command");
    const bool is_write = pieces.bytes > 0;
    if (!is_write && !data_in.empty()) pieces.add(data_in.data(), data_in.size());
    if (transfer_max_ != 0 && pieces.bytes > transfer_max_) {
        return fail(
            Recovery::change_request,
            fmt::format("{}: {} bytes in one command, and its host adapter moves {} at most", node_.sg, pieces.bytes, transfer_max_),
            "Give the pool a smaller block size.");
    }
    auto command = cdb.bytes;
    std::array<std::uint8_t, 252> sense{};
    sg_io_hdr header{};
    header.interface_id = 'S';
    header.dxfer_direction = pieces.count == 0 ? SG_DXFER_NONE : is_write ? SG_DXFER_TO_DEV : SG_DXFER_FROM_DEV;
    header.cmd_len = cdb.size;
    header.cmdp = command.data();
    header.mx_sb_len = sense.size();
    header.sbp = sense.data();
    header.dxfer_len = static_cast<unsigned>(pieces.bytes);
    if (pieces.count == 1) {
        header.dxferp = pieces.list[0].iov_base;
    } else {
        header.iovec_count = static_cast<unsigned short>(pieces.count);
        header.dxferp = pieces.count == 0 ? nullptr : pieces.list.data();
    }
    header.timeout = static_cast<unsigned>(std::min<std::int64_t>(timeout.count(), UINT32_MAX));
    const auto begun = std::chrono::steady_clock::now();
    if (::ioctl(sg_.get(), SG_IO, &header) != 0) {
        const int errno_then = errno;
        auto error =
            fail_errno(errno_then, fmt::format("{}: command {:02X}h could not be sent", node_.sg, cdb.bytes[0]), "Look at the kernel's log.");
        ended_ = errno_then == ENODEV || errno_then == ENXIO;  // it was unplugged
        error.error().recovery = Recovery::stop_device;        // all else is as unknown
        return error;
    }
    SgResult result;
    result.status = header.status;
    result.host_status = header.host_status;
    result.driver_status = header.driver_status;
    result.sense = Bytes(sense).first(header.sb_len_wr);
    result.asked = pieces.bytes;
    result.residual = header.resid;
    result.took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
    auto reply = reply_from_sg(result, node_.sg, cdb.bytes[0]);
    ended_ = !reply && scsi::connection_ended(result);
    return reply;
}

void SgTransport::limit_blocks(const Cdb& cdb, const ScsiReply& reply, MutableBytes data_in) const {
    if (opcode_of(cdb) != Opcode::read_block_limits || transfer_max_ == 0 || reply.sense) return;
    auto limits = decode<BlockLimitsData>(data_in.first(std::min(reply.transferred, data_in.size())));
    if (!limits || (limits->block_size_max.value() != 0 && limits->block_size_max.value() <= transfer_max_)) return;
    constexpr std::size_t kLongest = 0xFFFFFF;
    limits->block_size_max = BigEndian<3>{std::min(transfer_max_, kLongest)};
    const auto bytes = encode(*limits);
    std::copy(bytes.begin(), bytes.end(), data_in.begin());
}

}  // namespace capstan::scsi
