#include "drives/virtual/library.hpp"

#include "drives/virtual/geometry_format.hpp"
#include "drives/virtual/library_state.hpp"
#include "drives/virtual/models/model.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace capstan::virtual_library {
namespace {

using std::chrono::microseconds;

std::string geometry_path(const std::string& directory) { return directory + "/geometry"; }

// Of a cartridge of the first day: as its media id says it, or as the first drive likes it.
void set_generation(MediumInfo& info, const MediaType* type, const LibraryGeometry& geometry) {
    if (type != nullptr) return take_generation(info, *type);
    if (const auto* model = geometry.models.empty() ? nullptr : find_model(geometry.models.front())) info.density = model->density;
}

// The geometry file is written last: a library whose making was cut short is made again.
Result<void> create(const std::string& directory, const LibraryGeometry& geometry) {
    CAPSTAN_CHECK(check(geometry));
    std::error_code ignored;
    // Without its geometry a library is new, or was being made when the power went. Never take written tapes for that.
    for (std::filesystem::directory_iterator entry(directory + "/media", ignored), end; entry != end;
         entry.increment(ignored)) {
        if (std::filesystem::exists(entry->path() / "index", ignored))
            return fail(
                Recovery::change_request,
                fmt::format("virtual library {}: it holds written cartridges, but its file 'geometry' is missing",
                            directory),
                "Restore that file, or choose an empty directory.");
    }
    std::filesystem::remove_all(directory + "/media", ignored);
    std::filesystem::remove(directory + "/places", ignored);
    CAPSTAN_CHECK(make_directories(directory + "/media"));
    std::vector<Places::Change> changes;
    CAPSTAN_TRY(const auto media, media_of(geometry));
    for (unsigned i = 0; i < media.size(); ++i) {
        auto info = geometry.medium;
        const auto* type = media_type_of(media[i]);
        const bool cleaning = type != nullptr && type->use == MediumUse::cleaning;
        info.volume_tag = VolumeTag{fmt::format("{}{:03}{}", cleaning ? "CLN" : geometry.barcode_prefix, i + 1, media[i])};
        if (!geometry.models.empty() || !geometry.media.empty()) set_generation(info, type, geometry);
        info.id = info.volume_tag.text;
        CAPSTAN_CHECK(
            CartridgeFile::create(directory + "/media/" + info.id, info, CartridgeFile::Durable::caller_synchronises));
        auto slot = static_cast<std::uint16_t>(geometry.slots.first + i * geometry.slots.stride);
        changes.push_back({info.id, {ElementAddress{slot}, std::nullopt, false}});
    }
    CAPSTAN_TRY(auto places, Places::open(directory + "/places"));
    CAPSTAN_CHECK(places.put_each(changes));
    CAPSTAN_TRY(auto folder, open_file(directory, O_RDONLY | O_DIRECTORY));
    if (::syncfs(folder.get()) != 0) return fail_errno(errno, fmt::format("cannot synchronise {}", directory));
    return replace_file(geometry_path(directory), bytes_of(encode(geometry)));
}

Result<LibraryGeometry> read_geometry(const std::string& directory) {
    CAPSTAN_TRY(auto text, read_file(geometry_path(directory), 1 << 20));
    return decode_geometry(text_of(text));
}

}  // namespace

Result<std::vector<CartridgeInfo>> list_cartridges(const std::string& library_directory) {
    CAPSTAN_TRY(auto places, Places::read(library_directory + "/places"));
    std::vector<CartridgeInfo> list;
    std::error_code problem;
    auto media = library_directory + "/media";
    for (std::filesystem::directory_iterator entry(media, problem), end; !problem && entry != end;
         entry.increment(problem)) {
        CartridgeInfo info;
        info.id = entry->path().filename().string();
        info.directory = entry->path().string();
        auto text = read_file(info.directory + "/medium", 4u << 20);
        if (!text) continue;
        if (auto medium = decode_medium_info(text_of(*text))) {
            info.barcode = medium->barcode;
            info.volume_tag = medium->volume_tag;
        }
        if (auto place = places.find(info.id); place != places.end()) info.element = place->second.element;
        list.push_back(std::move(info));
    }
    if (problem) return fail(Recovery::give_up, fmt::format("cannot list {}: {}", media, problem.message()));
    std::ranges::sort(list, {}, &CartridgeInfo::id);
    return list;
}

VirtualLibrary::VirtualLibrary(std::unique_ptr<State> state) : state_(std::move(state)) {}
VirtualLibrary::~VirtualLibrary() = default;

Result<std::shared_ptr<VirtualLibrary>> VirtualLibrary::open(const std::string& directory,
                                                             const LibraryGeometry& geometry, LibraryOptions options) {
    auto& timing = options.timing;
    if (timing.mode != TimeMode::none && !timing.model) timing.model = std::make_shared<FixedTime>();
    if ((timing.mode != TimeMode::none && !timing.now) || (timing.mode == TimeMode::real && !timing.sleep))
        return fail(Recovery::change_request,
                    "virtual library: real and simulated time need a clock, real time also a sleep");
    CAPSTAN_CHECK(make_directories(directory));
    CAPSTAN_TRY(auto lock, open_file(directory + "/lock", O_RDWR | O_CREAT));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(Recovery::change_request, fmt::format("virtual library {}: another process has it open", directory),
                    "Stop that process, or use another directory.");
    if (::access(geometry_path(directory).c_str(), F_OK) != 0) CAPSTAN_CHECK(create(directory, geometry));
    auto state = std::make_unique<State>();
    state->lock = std::move(lock);
    state->options = std::move(options);
    CAPSTAN_TRY(state->geometry, read_geometry(directory));
    CAPSTAN_TRY(state->shelf, Shelf::open(directory));
    const auto& g = state->geometry;
    for (std::uint16_t i = 1; i <= g.drives.count; ++i) {
        const auto* model = g.models.empty() ? nullptr : find_model(g.models[std::min<std::size_t>(i, g.models.size()) - 1]);
        DeviceServer::Identity identity{scsi::DeviceType::tape, g.vendor, g.drive_product, g.revision,
                                        fmt::format("{}D{}", g.serial, i)};
        if (model != nullptr) identity.product = model->product, identity.revision = model->revision;
        state->drives.push_back(std::make_unique<TapeDrive>(std::move(identity), model, g.drive_density, state->options.timing,
                                                            state->options.drive_buffer));
    }
    DeviceServer::Identity identity{scsi::DeviceType::changer, g.vendor, g.changer_product, g.revision, g.serial};
    state->changer =
        std::make_unique<MediumChanger>(std::move(identity), g, state->options.timing, state->shelf, state->drives);
    const auto units = static_cast<std::uint8_t>(state->options.units_before + 1 + g.drives.count);
    state->changer->set_unit_count(units);
    for (auto& drive : state->drives) drive->set_unit_count(units);
    if (const auto seconds = state->options.time_limit; seconds != 0) {
        state->changer->set_time_limits(seconds);
        for (auto& drive : state->drives) drive->set_time_limits(seconds);
    }
    state->changer->insert_into_drives();
    state->counts.resize(1u + g.drives.count);
    std::shared_ptr<VirtualLibrary> library(new VirtualLibrary(std::move(state)));
    library->set_faults(library->state_->options.faults);
    return library;
}

const LibraryGeometry& VirtualLibrary::geometry() const { return state_->geometry; }
std::uint8_t VirtualLibrary::drives() const { return static_cast<std::uint8_t>(state_->drives.size()); }
std::string VirtualLibrary::drive_serial(std::uint8_t lun) const {
    if (lun < 1 || lun > drives()) return {};
    auto& drive = *state_->drives[lun - 1u];
    std::lock_guard lock(drive.mutex());
    return drive.identity().serial;
}

std::string VirtualLibrary::State::name_of(std::uint8_t lun) {
    if (lun == 0) return "virtual library";
    std::lock_guard guard(unit(lun)->mutex());
    return fmt::format("virtual drive {}", unit(lun)->identity().serial);
}

Result<scsi::ScsiReply> VirtualLibrary::execute(NexusId nexus, std::uint8_t lun, const scsi::Cdb& cdb, scsi::DataOut data_out, MutableBytes data_in,
                                                std::chrono::milliseconds timeout) {
    CAPSTAN_TRY(auto answered, serve(nexus, lun, cdb, data_out, data_in, timeout));
    if (answered.status == scsi::Status::good) return answered.reply;
    return std::unexpected(scsi::error_from_status(answered.status, state_->name_of(lun)));
}

Result<VirtualLibrary::Answered> VirtualLibrary::serve(NexusId nexus, std::uint8_t lun, const scsi::Cdb& cdb, scsi::DataOut data_out,
                                                       MutableBytes data_in, std::chrono::milliseconds timeout) {
    auto& timing = state_->options.timing;
    auto unit = state_->unit(lun);
    if (!unit) return Answered{scsi::Status::good, State::no_such_unit(cdb, data_in)};
    auto fault = state_->next_fault(lun);
    if (fault == CommandFault::Kind::gone)
        return fail(Recovery::stop_device, fmt::format("{}: the device does not answer any more", state_->name_of(lun)),
                    "Look at its power and cable.");
    if (fault == CommandFault::Kind::hung) {
        if (timing.sleep) timing.sleep(timeout);
        return fail(Recovery::stop_device,
                    fmt::format("{}: no answer to command {:02x}h within {} ms; its outcome is unknown", state_->name_of(lun),
                                cdb.bytes[0], timeout.count()));
    }
    Answer answer;
    {
        std::lock_guard lock(unit->mutex());
        answer = unit->serve({nexus, cdb, data_out, data_in});
    }
    if (fault == CommandFault::Kind::recovered && !answer.sense && answer.status == scsi::Status::good)
        answer.sense = Sense{.code = code::kRecovered, .information = {}};
    microseconds took{};
    if (timing.mode != TimeMode::none) took = timing.model->takes(answer.motion);
    if (timing.mode == TimeMode::real) timing.sleep(std::min<microseconds>(took, timeout));
    if (timing.mode == TimeMode::simulated && took > timeout && timing.sleep) timing.sleep(timeout);
    if (took > timeout || fault == CommandFault::Kind::lost_reply)
        return fail(Recovery::stop_device,
                    fmt::format("{}: command {:02x}h: {}; its outcome is unknown", state_->name_of(lun), cdb.bytes[0],
                                took > timeout ? "it takes longer than its time limit" : "the reply was lost"));
    return Answered{answer.status, scsi::ScsiReply{answer.sense, answer.transferred, took}};
}

}  // namespace capstan::virtual_library
