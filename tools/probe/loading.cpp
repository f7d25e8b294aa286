#include "tools/probe/loading.hpp"

#include "drives/scsi/attentions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <thread>

namespace capstan::tools {
namespace {

using scsi::DeviceType;
using scsi::ElementType;

bool is_refused(const Error& error) { return error.sense && scsi::key_of(*error.sense) == scsi::SenseKey::illegal_request; }

// A person's command may not come between another host, or a daemon, and the devices that it has reserved. One that knows no
// reservations has none.
Result<void> free_to_use(const ProbedDevice& device) {
    if (!device.trouble.empty()) return fail(Recovery::ask_operator, fmt::format("{} does not answer: {}", device.where, device.trouble));
    auto report = scsi::read_reservation(*device.door);
    if (!report && is_refused(report.error())) return {};
    if (!report) return std::unexpected(std::move(report.error()));
    if (!report->reservation) return {};
    return fail(Recovery::ask_operator, fmt::format("{} is reserved, by another host or by a running daemon (key {:#018x})", device.where,
                                                    raw(report->reservation->key)));
}

enum class Sight : std::uint8_t { empty, busy, ready };  // busy: there is something, whatever comes of it
Result<Sight> look(const ProbedDevice& drive) {
    CAPSTAN_TRY(const auto readiness, scsi::take_attentions(*drive.door));
    if (!readiness.not_ready) return Sight::ready;
    const auto& sense = *readiness.not_ready;
    if (sense.code.asc == 0x3A) return Sight::empty;  // MEDIUM NOT PRESENT
    const bool becoming_ready = scsi::key_of(sense) == scsi::SenseKey::not_ready && sense.code.asc == 0x04;
    return becoming_ready ? Sight::busy : Sight::ready;  // a cartridge that it does not take comes out again, too
}

bool is_cleaning(const scsi::ElementStatus& slot) { return slot.medium_type == 2 || slot.volume_tag.text.starts_with("CLN"); }

class Attempt {
  public:
    Attempt(Probed& probed, ProbedLibrary& library, ProbedElement& element, const LoadingOptions& options, std::ostream& told)
        : probed_(probed), changer_(probed.devices[library.changer]), element_(element), options_(options), told_(told) {}

    Result<std::size_t> run() {
        CAPSTAN_CHECK(free_to_use(changer_));
        for (auto index : probed_.unused) CAPSTAN_CHECK(free_to_use(probed_.devices[index]));
        CAPSTAN_CHECK(find_candidates());
        CAPSTAN_TRY(const auto slot, find_cartridge());
        const auto name = slot.volume_tag.empty() ? "the cartridge" : slot.volume_tag.text;
        told_ << fmt::format("moving {} from the slot at address {} into drive element {}, to see which drive notices\n", name,
                             raw(slot.address), element_.number);
        told_.flush();
        if (auto moved = scsi::move_medium(*changer_.door, ElementAddress{}, slot.address, element_.address); !moved)
            return fail(Recovery::ask_operator, to_text(moved.error()),
                        fmt::format("If {} lies in the element now, bring it back to the slot at address {}.", name, raw(slot.address)));
        auto found = wait_for_notice();
        Result<void> let_go = found ? unload(probed_.devices[*found]) : Result<void>{};
        told_ << fmt::format("moving {} back\n", name);
        auto back = scsi::move_medium(*changer_.door, ElementAddress{}, element_.address, slot.address);
        if (!back)
            return fail(Recovery::ask_operator,
                        fmt::format("{} is still in the element: {}{}", name, to_text(back.error()),
                                    let_go ? "" : "; the drive did not unload it: " + to_text(let_go.error())),
                        fmt::format("Bring it back to the slot at address {}.", raw(slot.address)));
        return found;
    }

  private:
    Result<void> find_candidates() {
        for (auto index : probed_.unused) {
            CAPSTAN_TRY(const auto sight, look(probed_.devices[index]));
            if (sight == Sight::empty) candidates_.push_back(index);
        }
        if (candidates_.empty()) return fail(Recovery::ask_operator, "no drive that is left is empty");
        return {};
    }
    // As it is now, not as it was when the probe began.
    Result<scsi::ElementStatus> find_cartridge() {
        CAPSTAN_CHECK(scsi::take_attentions(*changer_.door));
        CAPSTAN_TRY(const auto drives, scsi::read_element_status(*changer_.door, {.type = ElementType::data_transfer}));
        const auto here = std::ranges::find(drives.elements, element_.address, &scsi::ElementStatus::address);
        if (here == drives.elements.end() || here->full) return fail(Recovery::ask_operator, "a cartridge lies in the element");
        CAPSTAN_TRY(const auto slots, scsi::read_element_status(*changer_.door, {.type = ElementType::storage}));
        for (const auto& slot : slots.elements)
            if (slot.full && slot.accessible && !slot.exception && !is_cleaning(slot)) return slot;
        return fail(Recovery::ask_operator, "no slot has a cartridge that could be moved");
    }
    Result<std::size_t> wait_for_notice() {
        const auto deadline = std::chrono::steady_clock::now() + options_.notice_limit;
        for (;;) {
            for (auto index : candidates_) {
                CAPSTAN_TRY(const auto sight, look(probed_.devices[index]));
                if (sight != Sight::empty) return index;
            }
            if (std::chrono::steady_clock::now() >= deadline) break;
            std::this_thread::sleep_for(options_.between_looks);
        }
        return fail(Recovery::ask_operator, fmt::format("none of {} empty drives noticed the cartridge", candidates_.size()));
    }
    Result<void> unload(const ProbedDevice& drive) {
        const auto deadline = std::chrono::steady_clock::now() + options_.ready_limit;
        while (std::chrono::steady_clock::now() < deadline) {
            CAPSTAN_TRY(const auto sight, look(drive));
            if (sight != Sight::busy) break;
            std::this_thread::sleep_for(options_.between_looks);
        }
        return scsi::unload(*drive.door);
    }

    Probed& probed_;
    ProbedDevice& changer_;
    ProbedElement& element_;
    const LoadingOptions& options_;
    std::ostream& told_;
    std::vector<std::size_t> candidates_;  // they were empty before
};

}  // namespace

void decide_by_loading(Probed& probed, const LoadingOptions& options, std::ostream& told) {
    for (auto& library : probed.libraries) {
        for (auto& element : library.drives) {
            if (element.device || probed.unused.empty()) continue;  // without a drive that is left there is nothing to find
            auto drive = Attempt(probed, library, element, options, told).run();
            if (!drive) {
                element.not_by_loading = to_text(drive.error());
                continue;
            }
            element.device = *drive;
            element.found = Found::loading;
            std::erase(probed.unused, *drive);
            pair_what_is_left(probed);
        }
    }
}

}  // namespace capstan::tools
