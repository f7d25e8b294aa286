#include "daemon/set_frame.hpp"

#include "backup/mtf/decoder.hpp"
#include "daemon/medium_reader.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace capstan::daemon {
namespace {

// What a set begins with, up to its volume.
class Begin final : public mtf::DecoderEvents {
  public:
    void set_start(const mtf::Place&, const mtf::SetBlock&) override { set = true; }
    void volume(const mtf::Place&, const mtf::VolumeBlock&) override { volume_found = true; }
    void damage(const mtf::Damage& found) override {
        if (!volume_found && !damaged) damaged = found.what;  // what follows was proven object by object
    }
    bool set = false, volume_found = false;
    std::optional<std::string> damaged;
};

Task<Result<void>> read_begin(drives::DriveOwner& drive, const pools::Set& set, BlockNumber first,
                              std::vector<std::string>& faults) {
    constexpr std::size_t kEnough = 2;  // SSET and VOLB lie in the first block, unless a description is very long
    auto objects = co_await drive.read_objects(first, kEnough);
    if (!objects && objects.error().recovery != Recovery::replace_medium) co_return std::unexpected(objects.error());
    if (!objects || objects->empty() || objects->front().kind != drives::TapeObject::Kind::block) {
        faults.push_back(fmt::format("the set's begin at block {} cannot be read", raw(first)));
        co_return Result<void>{};
    }
    Begin begin;
    mtf::DecoderSettings settings;
    settings.starts_at_block = true;
    mtf::Decoder decoder(begin, settings);
    for (const auto& object : *objects)
        if (object.kind == drives::TapeObject::Kind::block) decoder.feed(object.bytes);
    decoder.finish();
    const auto record = begin_record_in(objects->front().bytes);
    if (!begin.set || !record)
        faults.push_back(fmt::format("the set's begin at block {} (SSET) is damaged", raw(first)));
    else if (record->set != set.uuid)
        faults.push_back(fmt::format("at block {} begins another set, number {}", raw(first), raw(record->number)));
    else if (!begin.volume_found || begin.damaged)
        faults.push_back(fmt::format("the set's volume (VOLB) behind block {} is damaged: {}", raw(first),
                                     begin.damaged.value_or("it is not there")));
    co_return Result<void>{};
}

Task<Result<void>> read_its_end(drives::DriveOwner& drive, const pools::Set& set, BlockNumber behind,
                                std::vector<std::string>& faults) {
    auto end = co_await set_that_ends_before(drive, behind);
    if (!end && end.error().recovery != Recovery::replace_medium) co_return std::unexpected(end.error());
    if (!end || !*end)
        faults.push_back(fmt::format("the set's end before block {} (ESET) is damaged", raw(behind)));
    else if ((*end)->uuid != set.uuid)
        faults.push_back(fmt::format("before block {} ends another set, number {}", raw(behind), raw((*end)->number)));
    co_return Result<void>{};
}

}  // namespace

Task<Result<std::vector<std::string>>> faults_of_frame(MountService& mounts, JobId job, pools::Set set,
                                                       std::vector<pools::SetExtent> extents) {
    std::vector<std::string> faults;
    Result<void> outcome;
    for (std::size_t i = 0; i < extents.size() && outcome; ++i) {
        const bool first = i == 0, last = i + 1 == extents.size() && set.end_written;
        if (!first && !last) continue;
        auto mounted = co_await mounts.mount_for_reading(job, extents[i].cartridge);
        if (!mounted) co_return std::unexpected(mounted.error());
        auto& drive = *mounts.drive_owner(mounted->drive);
        if (first) outcome = co_await read_begin(drive, set, extents[i].first_block, faults);
        if (last && outcome) outcome = co_await read_its_end(drive, set, extents[i].end_block, faults);
        mounts.release(mounted->id, pools::MountPort::After::keep);
    }
    if (!outcome) co_return std::unexpected(outcome.error());
    co_return faults;
}

}  // namespace capstan::daemon
