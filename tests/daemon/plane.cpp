#include "tests/daemon/plane.hpp"

#include "config/base/log.hpp"
#include "drives/scsi/inline_device.hpp"
#include "drives/virtual/cartridge_file.hpp"
#include "drives/virtual/virtual_transport.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

class InlineWorker final : public Worker {
  public:
    explicit InlineWorker(Loop& loop) : Worker(loop), loop_(loop) {}

  protected:
    void start(std::move_only_function<void()> job) override { job(); }
    void finish(std::move_only_function<void()> call) override { loop_.post(std::move(call)); }

  private:
    Loop& loop_;
};

// Steps the stages between control events. A pipeline that stays idle lets time pass, so that timers come to their
// turn.
class InlineStages final : public StageRunner {
  public:
    InlineStages(Loop& loop, SimClock& clock) : loop_(loop), clock_(clock) {}
    Task<bool> run(std::vector<Stage*> stages, Doorbell&) override {
        unsigned idle = 0;
        while (!stages.empty()) {
            bool progressed = false;
            std::erase_if(stages, [&](Stage* stage) {
                auto result = stage->step();
                progressed = progressed || result != StepResult::idle;
                return result == StepResult::finished;
            });
            idle = progressed ? 0 : idle + 1;
            if (stages.empty()) break;
            if (idle > 20) clock_.pass(std::chrono::microseconds{20u << std::min(idle / 20, 12u)});
            if (!co_await sleep_until(loop_, clock_, clock_.now())) co_return false;
        }
        co_return true;
    }

  private:
    Loop& loop_;
    SimClock& clock_;
};

// A device behind a connection that ends, as of an iSCSI session.
class Wire final : public scsi::Transport {
  public:
    Wire(std::unique_ptr<scsi::Transport> device, unsigned unit, Plane& plane)
        : device_(std::move(device)), unit_(unit), down_(plane.down), asked_(plane.asked) {}
    Result<scsi::ScsiReply> execute(const scsi::Cdb& cdb, scsi::DataOut data_out, MutableBytes data_in,
                                    std::chrono::milliseconds timeout) override {
        const auto down = down_.find(unit_);
        ended_ = down != down_.end() && down->second.commands == 0;
        if (ended_) {
            lost_ = true;
            return fail(Recovery::retry_later, "nobody answers");
        }
        if (std::exchange(lost_, false)) return scsi::ScsiReply{Sense{.code = {0x6, 0x29, 0x07}, .information = {}}, 0, {}};
        ++asked_[cdb.bytes[0]];
        auto reply = device_->execute(cdb, data_out, data_in, timeout);
        if (down == down_.end() || --down->second.commands > 0) return reply;
        lost_ = ended_ = true;
        return fail(Recovery::stop_device, "the session was lost during a command; its outcome is unknown");
    }
    bool connection_ended() const override { return ended_; }

  private:
    std::unique_ptr<scsi::Transport> device_;
    unsigned unit_;
    std::map<unsigned, Plane::Down>& down_;
    std::map<std::uint8_t, unsigned>& asked_;
    bool lost_ = false, ended_ = false;
};

}  // namespace

Scratch::Scratch() {
    std::string base =
        std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path().string();
    auto pattern = base + "/capstan-plane-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
}
Scratch::~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}
void Scratch::copy(const std::string& from, const std::string& to) const {
    std::filesystem::remove_all(*this / to);
    std::filesystem::copy(*this / from, *this / to, std::filesystem::copy_options::recursive);
}

Plane::Plane(PlaneOptions o) : options(o) {
    log::set_output([](log::Level, const std::string& line) {
        if (std::getenv("CAPSTAN_TEST_LOG") != nullptr) fmt::print(stderr, "{}\n", line);
    });
}

Plane::~Plane() {
    if (plane) cut_power();
}

config::Settings Plane::settings() const {
    config::Settings settings;
    settings.state_directory = scratch / "state";
    settings.memory.ring = options.ring;
    settings.checkpoint.bytes = options.checkpoint_bytes;
    settings.bootstrap.files = options.bootstrap_files;
    for (auto& file : settings.bootstrap.files) file = scratch / file;
    config::LibrarySettings one;
    one.name = "LIB1";
    one.changer.virtual_library.emplace().directory = scratch / "library";
    for (auto element : {1U, 2U}) {
        one.drives.push_back({.name = fmt::format("D{}", element),
                              .element = element,
                              .serial = options.serials[element - 1],
                              .dismount_delay = std::chrono::seconds{1}});
    }
    one.foreign = options.foreign;
    settings.libraries.push_back(one);
    if (options.second_library) {
        auto two = one;
        two.name = "LIB2";
        two.foreign = {};
        two.changer.virtual_library->directory = scratch / "second";
        for (auto& drive : two.drives) drive.name[0] = 'E';
        settings.libraries.push_back(two);
    }
    config::PoolSettings pool;
    pool.name = "Nightly";
    pool.block_size = 65536;
    pool.retention = std::chrono::days{30};
    settings.pools.push_back(pool);
    return settings;
}

std::shared_ptr<scsi::Device> Plane::door(std::shared_ptr<vl::VirtualLibrary> of, unsigned unit, const std::string& name) {
    auto device = std::make_unique<vl::VirtualTransport>(std::move(of), vl::NexusId{1}, static_cast<std::uint8_t>(unit));
    return std::make_shared<scsi::InlineDevice>(*loop, clock, std::make_shared<Wire>(std::move(device), unit, *this), name);
}

std::shared_ptr<vl::VirtualLibrary> Plane::open_library(const std::string& directory, const std::string& barcode_prefix) {
    vl::LibraryGeometry geometry;
    geometry.cartridges = options.cartridges;
    geometry.barcode_prefix = barcode_prefix;
    geometry.models = options.models;
    geometry.media = options.media;
    geometry.medium.capacity = options.capacity;
    geometry.medium.early_warning = options.early_warning;
    vl::LibraryOptions library_options;
    library_options.timing.mode = vl::TimeMode::simulated;
    library_options.timing.now = [this] { return clock.now(); };
    library_options.timing.sleep = [this](std::chrono::microseconds time) { clock.pass(time); };
    auto opened = vl::VirtualLibrary::open(directory, geometry, library_options);
    if (!opened) throw std::runtime_error(to_text(opened.error()));
    return *opened;
}

void Plane::start() {
    context = std::make_unique<asio::io_context>();
    loop = std::make_unique<Loop>(*context);
    worker = std::make_unique<InlineWorker>(*loop);
    stages = std::make_unique<InlineStages>(*loop, clock);
    library = open_library(scratch / "library", "CAP");
    if (options.second_library) second = open_library(scratch / "second", "SEC");
    library->set_faults(faults);
    auto make_worker = [this]() -> std::unique_ptr<Worker> { return std::make_unique<InlineWorker>(*loop); };
    World world{
        *loop,
        clock,
        entropy,
        *worker,
        *stages,
        make_worker,
        [this](const config::LibrarySettings& wanted) -> Result<LibraryDevices> {
            LibraryDevices devices;
            auto of = wanted.name == "LIB2" ? second : library;
            devices.open_again = [this, of](const config::DriveSettings* drive) {
                return drive == nullptr ? door(of, 0, "library") : door(of, drive->element, "drive " + drive->name);
            };
            devices.changer = devices.open_again(nullptr);
            for (const auto& drive : wanted.drives) devices.drives.push_back(devices.open_again(&drive));
            return devices;
        }};
    world.patience = std::chrono::milliseconds{0};
    world.file_threads = 0;
    world.set_objects_max = options.set_objects_max;
    auto made = ControlPlane::open(std::move(world), settings());
    if (!made) throw std::runtime_error(to_text(made.error()));
    plane = std::move(*made);
    loop->spawn(plane->start());
    if (!until([this] { return plane->ready(); })) throw std::runtime_error("the daemon does not get ready");
}

void Plane::cut_power() {
    clock.drop();
    loop->drop();
    poll();
    plane.reset();
    library.reset();
    second.reset();
    poll();
    stages.reset();
    worker.reset();
    loop.reset();
    context.reset();
}

void Plane::forget_state() { std::filesystem::remove_all(scratch / "state"); }

void Plane::poll() {
    context->restart();
    context->poll();
}

bool Plane::until(const std::function<bool()>& done, std::chrono::seconds limit) {
    auto end = clock.now() + limit;
    for (poll(); !done(); poll())
        if (clock.now() > end || !clock.advance()) return false;
    return true;
}

unsigned Plane::step(unsigned steps, const std::function<bool()>& done) {
    unsigned made = 0;
    for (poll(); made < steps && !done() && clock.advance(); poll()) ++made;
    return made;
}

Result<void> Plane::finish_work(WorkItemId item) {
    bool ended = until([&] { return plane->queue().doing(item) == nullptr; });  // it is not live any more
    auto row = plane->queue().items().get(item).value();
    if (!ended || row.state != pools::WorkState::passed) return fail(Recovery::ask_operator, row.reason);
    return {};
}

Result<void> Plane::inventory(bool full) {
    CAPSTAN_TRY(auto item, start_inventory(*plane, *plane->libraries().front(), full));
    return finish_work(item);
}

std::vector<std::string> Plane::state_requests() {
    std::vector<std::string> texts;
    for (const auto& [id, request] : plane->queue().open_requests()) texts.push_back(request.text);
    return texts;
}

void Plane::let_go() {
    auto wait = [](ControlPlane& of) -> Task<bool> {
        constexpr std::chrono::seconds kLimit(10);
        co_await of.let_go(kLimit);
        co_return true;
    };
    (void)run<bool>(wait(*plane));
}

Result<void> Plane::enable(std::size_t drive) {
    auto& library_of_it = *plane->libraries().front();
    CAPSTAN_TRY(auto item, start_enable(*plane, library_of_it, library_of_it.drives()[drive]));
    return finish_work(item);
}

void Plane::label_all(unsigned count) {
    ASSERT_TRUE(inventory(false));
    for (unsigned i = 1; i <= count; ++i) label(fmt::format("CAP{:03}L8", i));
}

void Plane::label(const std::string& tag) {
    auto free = pools::Pools(state()).get(pools::kFreePool).value();
    auto item = start_label(*plane, cartridge(tag), free, std::nullopt);
    ASSERT_TRUE(item) << to_text(item.error());
    auto done = finish_work(*item);
    ASSERT_TRUE(done) << to_text(done.error());
}

JobId Plane::start_backup(const std::string& path, const std::string& name) {
    api::BackupRequest request;
    request.paths = {path};
    request.pool = "Nightly";
    request.name = name;
    request.type = "normal";
    auto id = plane->jobs().start_backup(request, "test");
    if (!id) throw std::runtime_error(to_text(id.error()));
    return *id;
}

pools::Job Plane::job(JobId id) { return pools::Jobs(state()).get(id).value(); }

pools::Job Plane::finish(Result<JobId> id) {
    if (!id) throw std::runtime_error(to_text(id.error()));
    until([&] { return !plane->jobs().is_running(*id); }, std::chrono::hours{6});  // a question to the database after each step would take most of the time
    return job(*id);
}

pools::Job Plane::backup(const std::string& path, const std::string& name) { return finish(start_backup(path, name)); }

pools::Job Plane::restore(std::uint64_t set, const std::string& to) { return finish(start_restore(set, to)); }

JobId Plane::start_restore(std::uint64_t set, const std::string& to) {
    api::RestoreRequest request;
    request.set = set;
    request.to = to;
    return run(plane->jobs().start_restore(request, "test")).value();
}

pools::Cartridge Plane::cartridge(const std::string& tag) {
    auto found = pools::Cartridges(state()).by_tag(VolumeTag{tag}).value();
    if (found.size() != 1) throw std::runtime_error(fmt::format("there are {} cartridges {}", found.size(), tag));
    return found.front();
}

pools::Set Plane::set(std::uint64_t number) { return pools::Sets(state()).get(SetNumber{number}).value(); }
std::vector<pools::Set> Plane::sets() { return pools::Sets(state()).list({}).value(); }

std::vector<std::string> Plane::listing(std::uint64_t number) {
    std::vector<std::string> lines;
    auto segments = pools::Sets(state()).segments(SetNumber{number}).value();
    for (const auto& segment : segments) {
        auto reader = catalog::SegmentReader::open(scratch / ("state/catalog/" + segment.file_name));
        if (!reader) throw std::runtime_error(to_text(reader.error()));
        auto cursor = (*reader)->scan({});
        for (;;) {
            auto object = cursor->next();
            if (!object || *object == nullptr) break;
            const auto& facts = (*object)->facts;
            std::string hash;
            if (facts.hash)
                for (auto byte : *facts.hash) hash += fmt::format("{:02x}", byte);
            lines.push_back(fmt::format("{} {:o} {} {} {}", (*object)->path, facts.mode, facts.size, facts.fla, hash));
        }
    }
    return lines;
}

std::string Plane::make_tree(const std::string& name, unsigned files, std::size_t size) {
    auto root = scratch / name;
    for (unsigned i = 0; i < files; ++i) {
        auto directory = fmt::format("{}/d{}", root, i % 3);
        std::filesystem::create_directories(directory);
        std::ofstream file(fmt::format("{}/file-{}", directory, i), std::ios::binary);
        for (std::size_t at = 0; at < size; ++at) file.put(static_cast<char>((at * 7 + i * 13 + (at >> 8)) & 0xFF));
    }
    return root;
}

TapeObjects read_tape(const std::string& directory) {
    TapeObjects tape;
    auto index = std::ifstream(directory + "/index", std::ios::binary);
    auto data = std::ifstream(directory + "/data.000000", std::ios::binary);
    std::array<char, vl::kIndexRecordSize> bytes{};
    for (std::uint64_t number = 0; index.read(bytes.data(), bytes.size()); ++number) {
        std::vector<std::uint8_t> entry(bytes.begin(), bytes.end());
        auto record = vl::decode_index_record(entry, BlockNumber{number});
        if (!record) break;
        auto& object = tape.objects.emplace_back();
        object.filemark = record->kind == vl::IndexRecord::Kind::filemark;
        std::vector<char> block(record->size);
        data.seekg(static_cast<std::streamoff>(record->offset));
        data.read(block.data(), record->size);
        object.bytes.assign(block.begin(), block.end());
    }
    return tape;
}

}  // namespace capstan::daemon
