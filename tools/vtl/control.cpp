#include "tools/vtl/control.hpp"

#include "drives/scsi/attentions.hpp"
#include "drives/scsi/claim.hpp"
#include "drives/virtual/virtual_transport.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace capstan::iscsi {

using virtual_library::CommandFault;
using virtual_library::ElementRange;
using virtual_library::MediumFault;
using virtual_library::RobotJam;

namespace {

std::unexpected<Error> refuse(std::string happened) {
    return fail(Recovery::change_request, std::move(happened), "Write 'help' for all that can be done.");
}

Result<std::uint64_t> number_in(const std::string& text, std::uint64_t least, std::uint64_t most) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most)
        return refuse(fmt::format("'{}' is no number from {} to {}", text, least, most));
    return number;
}

// "slot12" with the word "slot": 12. Empty: another word.
std::optional<std::string> behind(const std::string& text, std::string_view word) {
    if (!text.starts_with(word) || text.size() == word.size()) return std::nullopt;
    return text.substr(word.size());
}

Result<ElementAddress> element_in(const ElementRange& range, const std::string& number) {
    CAPSTAN_TRY(const auto one, number_in(number, 1, range.count));
    return ElementAddress{static_cast<std::uint16_t>(range.first + (one - 1) * range.stride)};
}

std::optional<unsigned> number_within(const ElementRange& range, ElementAddress element) {
    if (raw(element) < range.first) return std::nullopt;
    const unsigned at = raw(element) - range.first;
    if (at % range.stride != 0 || at / range.stride >= range.count) return std::nullopt;
    return at / range.stride + 1;
}

}  // namespace

std::span<const Control::Act> Control::acts() {
    static constexpr Act kActs[] = {
        {"help", "", "this list", 0, 0, &Control::show_help},
        {"list", "", "every cartridge: its name, volume tag and place", 0, 0, &Control::list},
        {"new", "VOLUME", "a new cartridge, outside of the library", 1, 1, &Control::make},
        {"insert", "VOLUME [port1]", "puts a cartridge that is outside into an import/export port", 1, 2, &Control::insert},
        {"remove", "[port1]", "takes the cartridge out of a port; its files stay", 0, 1, &Control::remove},
        {"swap", "slot1 slot2 [unseen]", "by hand, through the door; unseen: the robot is not told", 2, 3, &Control::swap},
        {"door", "open|close", "an open door stops the robot", 1, 1, &Control::door},
        {"protect", "VOLUME on|off", "the write protection tab; not in a drive", 2, 2, &Control::protect},
        {"power-cycle", "drive1|changer|all", "off and on: what a drive had buffered is lost", 1, 1, &Control::power_cycle},
        {"reset", "drive1|changer", "a reset as by another initiator", 1, 1, &Control::reset},
        {"take-attentions", "drive1|changer", "as if another program had been told of a reset or power-on", 1, 1, &Control::take_attentions},
        {"locate", "drive1 BLOCK", "moves the tape, as if another program had", 2, 2, &Control::locate},
        {"reserve", "drive1|changer on|off", "another host takes the device for itself, from whoever has it; or gives it back. These are commands to it: faults count them", 2, 2,
         &Control::reserve},
        {"key", "drive1 on|library|off", "it says that it encrypts, with a program's key or the library's; what is on its tapes stays as it was sent", 2, 2,
         &Control::key},
        {"replace", "drive1 SERIAL", "another drive in its place, with this serial number, until the program ends", 2, 2,
         &Control::replace},
        {"hang", "drive1|changer [SECONDS]", "its commands wait; without SECONDS until 'resume'", 1, 2, &Control::hang},
        {"resume", "drive1|changer", "what hung is carried out, unless it was aborted", 1, 1, &Control::resume},
        {"drop-sessions", "", "ends every connection of every initiator", 0, 0, &Control::drop_sessions},
        {"medium-fault", "VOLUME BLOCK read|write|deferred|memory",
         "that block cannot be read; WRITE of it fails; or it is accepted and told later; memory at 0: its chip is silent", 3, 3, &Control::medium_fault},
        {"command-fault", "drive1|changer no-answer|lost-answer|gone|recovered [N]",
         "to the Nth command from now (1): not carried out; carried out; this and all later ones have no answer; a recovered error", 2, 3,
         &Control::command_fault},
        {"jam", "[N] [source|picker]", "the robot jams in its Nth move from now (1), before or after it took the cartridge", 0, 2,
         &Control::jam},
        {"clear-faults", "", "ends all faults, jams and hangs; a drive that was gone is powered on", 0, 0, &Control::clear_faults},
    };
    return kActs;
}

std::string Control::help() {
    std::string text;
    for (const auto& act : acts()) text += fmt::format("{:13} {:45} {}\n", act.name, act.parameters, act.meaning);
    return text;
}

Result<std::string> Control::obey(std::string_view line) {
    std::vector<std::string> words;
    while (!line.empty()) {
        const auto word = line.substr(0, line.find_first_of(" \t\r\n"));
        if (!word.empty()) words.emplace_back(word);
        line.remove_prefix(std::min(line.size(), word.size() + 1));
    }
    if (words.empty()) return refuse("no act was named");
    for (const auto& act : acts()) {
        if (act.name != words.front()) continue;
        const auto parameters = std::span(words).subspan(1);
        if (parameters.size() < act.least || parameters.size() > act.most)
            return refuse(fmt::format("it is written '{} {}'", act.name, act.parameters));
        return (this->*act.run)(parameters);
    }
    return refuse(fmt::format("there is no act '{}'", words.front()));
}

// --- names ---

Result<std::string> Control::cartridge_of(const std::string& name) {
    for (const auto& each : library().cartridges())
        if (each.id == name || each.volume_tag.text == name) return each.id;
    return refuse(fmt::format("there is no cartridge '{}'", name));
}

Result<std::uint8_t> Control::unit_of(const std::string& name) {
    if (name == "changer") return std::uint8_t{0};
    const auto number = behind(name, "drive");
    if (!number) return refuse(fmt::format("'{}' is neither a drive (drive1) nor the changer", name));
    CAPSTAN_TRY(const auto lun, number_in(*number, 1, library().drives()));
    return static_cast<std::uint8_t>(lun);
}

Result<ElementAddress> Control::element_of(const std::string& name) {
    const auto& geometry = library().geometry();
    if (const auto number = behind(name, "slot")) return element_in(geometry.slots, *number);
    if (const auto number = behind(name, "port")) return element_in(geometry.ports, *number);
    return refuse(fmt::format("'{}' is neither a slot (slot1) nor a port (port1)", name));
}

std::string Control::place_of(std::optional<ElementAddress> element) {
    if (!element) return "outside";
    const auto& geometry = library().geometry();
    const std::pair<std::string_view, const ElementRange&> kinds[] = {
        {"slot", geometry.slots}, {"port", geometry.ports}, {"drive", geometry.drives}, {"picker", geometry.pickers}};
    for (const auto& [name, range] : kinds)
        if (const auto number = number_within(range, *element)) return fmt::format("{}{}", name, *number);
    return fmt::format("element 0x{:04x}", raw(*element));
}

// --- acts ---

Result<std::string> Control::show_help(Words) { return help(); }

Result<std::string> Control::list(Words) {
    std::string text;
    for (const auto& each : library().cartridges())
        text += fmt::format("{} {} {}\n", each.id, each.volume_tag.empty() ? "-" : each.volume_tag.text, place_of(each.element));
    return text;
}

Result<std::string> Control::make(Words words) {
    auto info = library().geometry().medium;
    info.id = words[0];
    info.volume_tag = VolumeTag{words[0]};
    CAPSTAN_CHECK(library().add_cartridge(std::move(info)));
    return std::string{};
}

Result<std::string> Control::insert(Words words) {
    CAPSTAN_TRY(const auto cartridge, cartridge_of(words[0]));
    CAPSTAN_TRY(const auto port, element_of(words.size() > 1 ? words[1] : "port1"));
    CAPSTAN_CHECK(library().put_into_port(cartridge, port));
    return std::string{};
}

Result<std::string> Control::remove(Words words) {
    CAPSTAN_TRY(const auto port, element_of(words.empty() ? "port1" : words[0]));
    CAPSTAN_TRY(const auto cartridge, library().take_from_port(port));
    return cartridge + "\n";
}

Result<std::string> Control::swap(Words words) {
    if (words.size() > 2 && words[2] != "unseen") return refuse(fmt::format("'{}' is not 'unseen'", words[2]));
    CAPSTAN_TRY(const auto one, element_of(words[0]));
    CAPSTAN_TRY(const auto other, element_of(words[1]));
    using Noticed = virtual_library::VirtualLibrary::Noticed;
    CAPSTAN_CHECK(library().swap_by_hand(one, other, words.size() > 2 ? Noticed::no : Noticed::by_the_door));
    return std::string{};
}

Result<std::string> Control::door(Words words) {
    if (words[0] != "open" && words[0] != "close") return refuse(fmt::format("'{}' is neither open nor close", words[0]));
    if (words[0] == "open")
        library().open_door();
    else
        library().close_door();
    return std::string{};
}

Result<std::string> Control::protect(Words words) {
    if (words[1] != "on" && words[1] != "off") return refuse(fmt::format("'{}' is neither on nor off", words[1]));
    CAPSTAN_TRY(const auto cartridge, cartridge_of(words[0]));
    CAPSTAN_CHECK(library().set_write_protect(cartridge, words[1] == "on"));
    return std::string{};
}

Result<std::string> Control::power_cycle(Words words) {
    if (words[0] == "all") {
        CAPSTAN_CHECK(library().power_cycle());
        return std::string{};
    }
    CAPSTAN_TRY(const auto unit, unit_of(words[0]));
    CAPSTAN_CHECK(library().power_cycle(unit));
    return std::string{};
}

Result<std::string> Control::reset(Words words) {
    CAPSTAN_TRY(const auto unit, unit_of(words[0]));
    library().reset_unit(unit);
    return std::string{};
}

Result<std::string> Control::take_attentions(Words words) {
    CAPSTAN_TRY(const auto unit, unit_of(words[0]));
    library().take_attentions(unit);
    return std::string{};
}

Result<std::string> Control::locate(Words words) {
    CAPSTAN_TRY(const auto unit, unit_of(words[0]));
    CAPSTAN_TRY(const auto block, number_in(words[1], 0, UINT32_MAX));
    CAPSTAN_CHECK(library().move_tape(unit, BlockNumber{block}));
    return std::string{};
}

Result<std::string> Control::reserve(Words words) {
    CAPSTAN_TRY(const auto unit, unit_of(words[0]));
    if (words[1] != "on" && words[1] != "off") return refuse(fmt::format("'{}' is neither on nor off", words[1]));
    constexpr scsi::ReservationKey kTheirs{0x414E4F54484552};
    constexpr virtual_library::NexusId kAnotherHost{UINT64_MAX};
    library().name_nexus(kAnotherHost, "iqn.2026-11.example:another-host");
    virtual_library::VirtualTransport host({target_, &library()}, kAnotherHost, unit);
    CAPSTAN_CHECK(scsi::take_attentions(host));
    if (words[1] == "off") {
        CAPSTAN_CHECK(scsi::unclaim(host, kTheirs));
        return std::string{};
    }
    CAPSTAN_CHECK(scsi::register_key(host, kTheirs));
    CAPSTAN_TRY(const auto now, scsi::read_reservation(host));
    if (now.reservation) {
        CAPSTAN_CHECK(scsi::preempt(host, kTheirs, now.reservation->key));
    } else {
        CAPSTAN_CHECK(scsi::reserve_exclusively(host, kTheirs));
    }
    return std::string{};
}

Result<std::string> Control::key(Words words) {
    CAPSTAN_TRY(const auto unit, unit_of(words[0]));
    if (words[1] != "on" && words[1] != "library" && words[1] != "off")
        return refuse(fmt::format("'{}' is neither on, library nor off", words[1]));
    const auto control = words[1] == "library" ? scsi::EncryptionControl::library : scsi::EncryptionControl::not_exclusive;
    CAPSTAN_CHECK(library().set_key(unit, words[1] != "off", control));
    return std::string{};
}

Result<std::string> Control::replace(Words words) {
    CAPSTAN_TRY(const auto unit, unit_of(words[0]));
    CAPSTAN_CHECK(library().replace_drive(unit, words[1]));
    return std::string{};
}

Result<std::string> Control::hang(Words words) {
    constexpr std::uint64_t kDay = 86400;
    CAPSTAN_TRY(const auto unit, unit_of(words[0]));
    std::uint64_t seconds = kDay * 365;
    if (words.size() > 1) {
        CAPSTAN_TRY(seconds, number_in(words[1], 1, kDay));
    }
    target_->stalls().hang(unit, std::chrono::seconds{seconds});
    return std::string{};
}

Result<std::string> Control::resume(Words words) {
    CAPSTAN_TRY(const auto unit, unit_of(words[0]));
    target_->stalls().resume(unit);
    return std::string{};
}

Result<std::string> Control::drop_sessions(Words) { return fmt::format("{}\n", target_->drop_sessions()); }

Result<std::string> Control::medium_fault(Words words) {
    MediumFault fault;
    CAPSTAN_TRY(fault.cartridge, cartridge_of(words[0]));
    CAPSTAN_TRY(const auto block, number_in(words[1], 0, UINT32_MAX));
    fault.block = BlockNumber{block};
    if (words[2] == "read")
        fault.when = MediumFault::When::read;
    else if (words[2] == "write")
        fault.when = MediumFault::When::write_at_once;
    else if (words[2] == "deferred")
        fault.when = MediumFault::When::write;
    else if (words[2] == "memory")
        fault.when = MediumFault::When::memory;
    else
        return refuse(fmt::format("'{}' is neither read, write, deferred nor memory", words[2]));
    library().add_fault(std::move(fault));
    return std::string{};
}

Result<std::string> Control::command_fault(Words words) {
    constexpr std::uint64_t kMost = 1'000'000'000;
    CommandFault fault;
    CAPSTAN_TRY(fault.lun, unit_of(words[0]));
    if (words[1] == "no-answer")
        fault.kind = CommandFault::Kind::hung;
    else if (words[1] == "lost-answer")
        fault.kind = CommandFault::Kind::lost_reply;
    else if (words[1] == "gone")
        fault.kind = CommandFault::Kind::gone;
    else if (words[1] == "recovered")
        fault.kind = CommandFault::Kind::recovered;
    else
        return refuse(fmt::format("'{}' is neither no-answer, lost-answer, gone nor recovered", words[1]));
    if (words.size() > 2) {
        CAPSTAN_TRY(fault.command, number_in(words[2], 1, kMost));
    }
    library().add_fault(fault);
    return std::string{};
}

Result<std::string> Control::jam(Words words) {
    constexpr std::uint64_t kMost = 1'000'000'000;
    RobotJam jam;
    if (!words.empty()) {
        CAPSTAN_TRY(jam.move, number_in(words[0], 1, kMost));
    }
    if (words.size() > 1) {
        if (words[1] != "source" && words[1] != "picker") return refuse(fmt::format("'{}' is neither source nor picker", words[1]));
        if (words[1] == "picker") jam.where = RobotJam::Where::in_picker;
    }
    library().add_fault(jam);
    return std::string{};
}

Result<std::string> Control::clear_faults(Words) {
    library().clear_faults();
    target_->stalls().resume_all();
    return std::string{};
}

}  // namespace capstan::iscsi
