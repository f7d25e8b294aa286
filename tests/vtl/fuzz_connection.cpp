#include "tools/vtl/target.hpp"

#include <stdlib.h>
#include <poll.h>
#include <sys/socket.h>
#include <atomic>
#include <filesystem>
#include <thread>

// decodes: tools/vtl/connection.cpp tools/vtl/connection_tasks.cpp

// What a client sends behind its login, byte by byte. First byte of the input: bit 0 a discovery session, bit 1 small bursts that are asked for.
namespace {

using namespace capstan;
using namespace capstan::iscsi;

constexpr const char* kName = "t";

std::shared_ptr<virtual_library::VirtualLibrary> make_library() {
    std::string shape = "/dev/shm/capstan-fuzz-XXXXXX";
    const std::string directory = ::mkdtemp(shape.data()) ? shape : std::string("/tmp");
    virtual_library::LibraryGeometry geometry;
    geometry.cartridges = 2;
    geometry.slots.count = 2;
    geometry.medium.capacity = 1 << 20;
    geometry.medium.early_warning = 64 << 10;
    auto library = virtual_library::VirtualLibrary::open(directory, geometry);
    if (!library) __builtin_trap();
    // The directory may go: its files stay open as long as they are needed, and a cartridge that cannot be opened is one more answer.
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
    return *library;
}

std::vector<std::uint8_t> login(unsigned flags) {
    TextKeys keys{{"InitiatorName", "i"}};
    if (flags & 1)
        keys.push_back({"SessionType", "Discovery"});
    else
        keys.push_back({"TargetName", kName});
    if (flags & 2)
        keys.insert(keys.end(), {{"InitialR2T", "Yes"}, {"ImmediateData", "No"}, {"MaxBurstLength", "512"}});
    else
        keys.insert(keys.end(), {{"InitialR2T", "No"}, {"FirstBurstLength", "1024"}, {"MaxRecvDataSegmentLength", "512"}});
    auto text = encode_text(keys);
    LoginRequestPdu request;
    request.flags = flag::kTransit | 1 << 2 | 3;
    request.data_length = BigEndian<3>{text.size()};
    text.resize(padded(text.size()));
    const auto header = scsi::encode(request);
    text.insert(text.begin(), header.begin(), header.end());
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kInputMax = 64 << 10;  // fits the socket's buffer
    if (size == 0 || size > kInputMax) return 0;
    static const auto library = make_library();
    TargetOptions options;
    options.settings.name = kName;
    const auto target = std::make_shared<Target>(library, options);
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) return 0;
    const FileHandle client(ends[0]);
    auto connection = std::make_shared<Connection>(target, FileHandle(ends[1]));
    std::atomic<bool> served = false;
    std::thread serving([&served, connection] {
        connection->serve();
        served = true;
    });
    const auto first = login(data[0]);
    for (Bytes part : {Bytes(first), Bytes(data + 1, size - 1)}) {
        if (!part.empty() && ::send(client.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0) break;
    }
    pollfd wait{client.get(), POLLIN, 0};
    std::array<char, 65536> buffer{};
    const auto take_answers = [&](int patience) {
        while (::poll(&wait, 1, patience) > 0 && ::recv(client.get(), buffer.data(), buffer.size(), 0) > 0) {
        }
    };
    constexpr int kQuietMs = 2;  // then nothing more is being answered, unless the machine is busy
    take_answers(kQuietMs);
    ::shutdown(client.get(), SHUT_WR);  // all that was sent is read before that is seen
    while (!served) take_answers(1);
    connection->shut_down();
    serving.join();
    return 0;
}
