#include "drives/scsi/sense_table.hpp"

#include <algorithm>
#include <iterator>

namespace capstan::scsi {
namespace {

using enum Recovery;

constexpr std::string_view kWaits = "The device is busy with itself; the request waits.";
constexpr std::string_view kClean =
    "Clean the drive; if it comes back with another cartridge, have the drive repaired.";
constexpr std::string_view kBadTape =
    "The tape is damaged there or the drive is dirty: clean the drive, then try another drive.";
constexpr std::string_view kRepair = "Look at the device's panel and its log; have it repaired if it comes back.";
constexpr std::string_view kJam =
    "The robot is stuck: open the library, free the cartridge, close it, run an inventory.";
constexpr std::string_view kLost =
    "The place on the tape is not certain any more; the program rewinds and finds it again.";
constexpr std::string_view kProgram =
    "The device refuses what the program asked; please report this with the model of the device.";
constexpr std::string_view kTab = "The cartridge is write protected; slide its tab or pick another volume.";
constexpr std::string_view kDrivesOwnProtection =
    "Write protection is set in the drive itself; lift it there, then repeat.";
constexpr std::string_view kWrongGeneration =
    "This drive cannot handle this cartridge; use another drive or another cartridge.";
constexpr std::string_view kStale = "The library's content changed; run an inventory of the library.";
constexpr std::string_view kReset =
    "The device was reset; everything set in it is set again and the label is read again.";
constexpr std::string_view kModes = "Another program changed the device's settings; they are set again and read back.";
constexpr std::string_view kReservation = "Another host or program took the device; find out which, then repeat.";
constexpr std::string_view kMagazine = "Put the magazine in and close the library, then run an inventory.";
constexpr std::string_view kElementOff =
    "That element is switched off or gone; look at the library's panel, then run an inventory.";
constexpr std::string_view kHeld = "Somebody keeps the cartridge in the drive; allow its removal there, then repeat.";
constexpr std::string_view kKey =
    "The key set in the drive is not the one of this data; choose the right key, then repeat.";
constexpr std::string_view kLine = "The connection garbled the command; check cables and terminators if it comes back.";
constexpr std::string_view kNoCartridge = "There is no cartridge in the drive; run an inventory of the library.";
constexpr std::string_view kButton = "Somebody pressed the unload button at the drive; find out who, then load again.";
constexpr std::string_view kNoEndOfData =
    "The tape has no end of data, as after a power cut while it was written; do not append.";
constexpr std::string_view kTampered =
    "The write-once cartridge has been tampered with; keep it and do not write to it.";
constexpr std::string_view kReadOnlyGeneration =
    "The drive reads this cartridge but cannot write to it; use another cartridge.";
constexpr std::string_view kWriteOnce =
    "This is a write-once cartridge and the place is written already; use another cartridge.";
constexpr std::string_view kChip = "The cartridge's memory chip cannot be read; copy its data and retire it.";
constexpr std::string_view kCleaningFailed = "The cleaning failed; use a new cleaning cartridge.";
constexpr std::string_view kCleaningExpired = "The cleaning cartridge is used up; put a new one in its place.";
constexpr std::string_view kCleaning = "A cleaning cartridge is in the drive; the request waits until it is done.";
constexpr std::string_view kPrediction = "The device expects to fail soon; have it looked at.";
constexpr std::string_view kLoadFailed = "The cartridge did not load or eject; look at the drive.";
constexpr std::string_view kPanel = "The device waits for a person; look at its panel.";
constexpr std::string_view kNotLoaded = "A cartridge lies in the drive but is not loaded; the program loads it.";
constexpr std::string_view kNearEnd = "The end of the tape is near; the job goes on with another cartridge.";
constexpr std::string_view kFull = "The tape is full; the job goes on with another cartridge.";
constexpr std::string_view kDamaged = "The cartridge is damaged; take it out of use.";
constexpr std::string_view kCleanMe = "The drive asks to be cleaned; insert a cleaning cartridge.";

// Sorted by key, code, qualifier (T10's list of ASC/ASCQ assignments). Qualifier 00 also serves those that are not
// named.
constexpr SenseRule kRules[] = {
    {{0x0, 0x00, 0x02}, replace_medium, kNearEnd},
    {{0x0, 0x00, 0x07}, retry_later, "The programmed distance to the end of the tape is reached; the job goes on."},
    {{0x0, 0x00, 0x17}, ask_operator, kCleanMe},
    {{0x1, 0x00, 0x17}, ask_operator, kCleanMe},
    {{0x1, 0x5D, 0x00}, ask_operator, kPrediction},
    {{0x2, 0x04, 0x00}, ask_operator, "The device is not ready and does not say why; look at its panel."},
    {{0x2, 0x04, 0x01}, retry_later, "The drive is becoming ready; the request waits."},
    {{0x2, 0x04, 0x02}, retry_later, "The device wants to be started; the program loads the cartridge again."},
    {{0x2, 0x04, 0x03}, ask_operator, kPanel},
    {{0x2, 0x04, 0x04}, retry_later, "The medium is being formatted; the request waits."},
    {{0x2, 0x04, 0x07}, retry_later, kWaits},
    {{0x2, 0x04, 0x08}, retry_later, kWaits},
    {{0x2, 0x04, 0x09}, retry_later, "The device tests itself; the request waits."},
    {{0x2, 0x04, 0x0A}, retry_later, kWaits},
    {{0x2, 0x04, 0x10}, replace_medium, kChip},
    {{0x2, 0x04, 0x12}, ask_operator, "The device is offline; set it online at its panel."},
    {{0x2, 0x04, 0x13}, retry_later, kWaits},
    {{0x2, 0x04, 0x20}, retry_later, kWaits},
    {{0x2, 0x08, 0x00}, stop_device, kRepair},
    {{0x2, 0x30, 0x00}, replace_medium, kWrongGeneration},
    {{0x2, 0x30, 0x03}, retry_later, kCleaning},
    {{0x2, 0x30, 0x07}, replace_medium, kCleaningFailed},
    {{0x2, 0x30, 0x13}, replace_medium, kCleaningExpired},
    {{0x2, 0x3A, 0x00}, refresh_inventory, kNoCartridge},
    {{0x2, 0x3A, 0x01}, refresh_inventory, kNoCartridge},
    {{0x2, 0x3A, 0x02}, ask_operator, "The drive or the library is open; close it."},
    {{0x2, 0x3A, 0x03}, retry_later, kNotLoaded},
    {{0x2, 0x3A, 0x04}, retry_later, kNotLoaded},
    {{0x2, 0x3B, 0x11}, ask_operator, kMagazine},
    {{0x2, 0x3B, 0x12}, ask_operator, kMagazine},
    {{0x2, 0x3E, 0x00}, retry_later, kWaits},
    {{0x2, 0x3E, 0x01}, stop_device, kRepair},
    {{0x2, 0x53, 0x00}, ask_operator, kLoadFailed},
    {{0x2, 0x5A, 0x01}, ask_operator, kButton},
    {{0x3, 0x00, 0x02}, replace_medium, "The end of the tape was reached; the job goes on with another cartridge."},
    {{0x3, 0x09, 0x00}, replace_medium, kBadTape},
    {{0x3, 0x0C, 0x00}, replace_medium, kBadTape},
    {{0x3, 0x0C, 0x0B}, replace_medium, "The cartridge's memory chip cannot be written; copy its data and retire it."},
    {{0x3, 0x11, 0x00}, replace_medium, kBadTape},
    {{0x3, 0x11, 0x12}, replace_medium, kChip},
    {{0x3, 0x14, 0x00}, replace_medium, kBadTape},
    {{0x3, 0x14, 0x03}, replace_medium, kNoEndOfData},
    {{0x3, 0x15, 0x00}, replace_medium, kBadTape},
    {{0x3, 0x30, 0x00}, replace_medium, kWrongGeneration},
    {{0x3, 0x30, 0x03}, retry_later, kCleaning},
    {{0x3, 0x30, 0x07}, replace_medium, kCleaningFailed},
    {{0x3, 0x30, 0x0D}, replace_medium, kTampered},
    {{0x3, 0x30, 0x13}, replace_medium, kCleaningExpired},
    {{0x3, 0x31, 0x00},
     replace_medium,
     "The tape's format is damaged; copy what can be read and retire the cartridge."},
    {{0x3, 0x33, 0x00}, replace_medium, "The tape is shorter than it says; retire the cartridge."},
    {{0x3, 0x3B, 0x00}, replace_medium, kBadTape},
    {{0x3, 0x50, 0x00}, replace_medium, "Appending failed; the program goes on with another cartridge."},
    {{0x3, 0x51, 0x00}, replace_medium, "Erasing failed; retire the cartridge."},
    {{0x3, 0x52, 0x00}, replace_medium, kDamaged},
    {{0x3, 0x53, 0x00}, ask_operator, kLoadFailed},
    {{0x4, 0x04, 0x03}, ask_operator, kPanel},
    {{0x4, 0x08, 0x00}, stop_device, kRepair},
    {{0x4, 0x09, 0x00}, stop_device, kClean},
    {{0x4, 0x15, 0x00}, stop_device, kJam},
    {{0x4, 0x15, 0x01}, stop_device, kJam},
    {{0x4, 0x15, 0x02}, stop_device, kJam},
    {{0x4, 0x3B, 0x00}, stop_device, kRepair},
    {{0x4, 0x3B, 0x08}, stop_device, kRepair},
    {{0x4, 0x3B, 0x0D},
     refresh_inventory,
     "The destination holds a cartridge that nobody knew of; run an inventory of the library."},
    {{0x4, 0x3B, 0x0E}, refresh_inventory, "The cartridge is not where it should be; run an inventory of the library."},
    {{0x4, 0x3E, 0x00}, stop_device, kRepair},
    {{0x4, 0x40, 0x00}, stop_device, kRepair},
    {{0x4, 0x44, 0x00}, stop_device, kRepair},
    {{0x4, 0x4C, 0x00}, stop_device, kRepair},
    {{0x4, 0x51, 0x00}, stop_device, kRepair},
    {{0x4, 0x52, 0x00}, replace_medium, kDamaged},
    {{0x4, 0x53, 0x00}, stop_device, "The cartridge did not load or eject; look at the drive and free it by hand."},
    {{0x4, 0x53, 0x01}, stop_device, "The tape did not unload; look at the drive and free the cartridge by hand."},
    {{0x4, 0x5D, 0x00}, ask_operator, kPrediction},
    {{0x5, 0x1A, 0x00}, change_request, kProgram},
    {{0x5, 0x20, 0x00}, change_request, "The device does not know this command."},
    {{0x5, 0x21, 0x00}, change_request, kProgram},
    {{0x5, 0x21, 0x01},
     refresh_inventory,
     "The library has no such element; check the configuration and run an inventory of the library."},
    {{0x5, 0x24, 0x00}, change_request, kProgram},
    {{0x5, 0x25, 0x00},
     ask_operator,
     "There is no such device behind this address; check the configuration and the cabling."},
    {{0x5, 0x26, 0x00}, change_request, kProgram},
    {{0x5, 0x2C, 0x00}, change_request, kProgram},
    {{0x5, 0x30, 0x00}, replace_medium, kWrongGeneration},
    {{0x5, 0x30, 0x05}, replace_medium, kReadOnlyGeneration},
    {{0x5, 0x30, 0x0C}, replace_medium, kWriteOnce},
    {{0x5, 0x39, 0x00}, change_request, kProgram},
    {{0x5, 0x3A, 0x00}, refresh_inventory, kNoCartridge},
    {{0x5, 0x3B, 0x0C}, change_request, kLost},
    {{0x5, 0x3B, 0x0D}, refresh_inventory, "The destination element is full; run an inventory of the library."},
    {{0x5, 0x3B, 0x0E}, refresh_inventory, "The source element is empty; run an inventory of the library."},
    {{0x5, 0x3B, 0x11}, ask_operator, kMagazine},
    {{0x5, 0x3B, 0x12}, ask_operator, kMagazine},
    {{0x5, 0x3B, 0x18}, ask_operator, kElementOff},
    {{0x5, 0x3B, 0x1A}, ask_operator, kElementOff},
    {{0x5, 0x50, 0x01}, change_request, kLost},
    {{0x5, 0x53, 0x02}, ask_operator, kHeld},
    {{0x5, 0x53, 0x03}, ask_operator, kHeld},
    {{0x5, 0x55, 0x00}, retry_later, kWaits},
    {{0x6, 0x28, 0x00},
     refresh_inventory,
     "A cartridge was changed or the library was opened; run an inventory of the library."},
    {{0x6, 0x28, 0x01}, refresh_inventory, "The IE port was used; run an inventory of the library."},
    {{0x6, 0x28, 0x02}, refresh_inventory, kStale},
    {{0x6, 0x29, 0x00}, retry_later, kReset},
    {{0x6, 0x29, 0x01}, retry_later, kReset},
    {{0x6, 0x29, 0x02}, retry_later, kReset},
    {{0x6, 0x29, 0x03}, retry_later, kReset},
    {{0x6, 0x29, 0x04}, retry_later, kReset},
    {{0x6, 0x29, 0x07}, retry_later, kReset},
    {{0x6, 0x2A, 0x00}, retry_later, kModes},
    {{0x6, 0x2A, 0x01}, retry_later, kModes},
    {{0x6, 0x2A, 0x02}, retry_later, "Another program changed the device's log settings; nothing is to be done."},
    {{0x6, 0x2A, 0x03}, ask_operator, kReservation},
    {{0x6, 0x2A, 0x04}, ask_operator, kReservation},
    {{0x6, 0x2A, 0x05}, ask_operator, kReservation},
    {{0x6, 0x2A, 0x10}, retry_later, "The device's clock was set; nothing is to be done."},
    {{0x6, 0x2A, 0x11}, retry_later, kModes},
    {{0x6, 0x2A, 0x12}, retry_later, kModes},
    {{0x6, 0x2A, 0x13}, retry_later, kModes},
    {{0x6, 0x2F, 0x00}, retry_later, kReset},
    {{0x6, 0x3B, 0x12}, refresh_inventory, kStale},
    {{0x6, 0x3B, 0x13}, refresh_inventory, kStale},
    {{0x6, 0x3B, 0x18}, refresh_inventory, kStale},
    {{0x6, 0x3B, 0x19}, refresh_inventory, kStale},
    {{0x6, 0x3B, 0x1A}, refresh_inventory, kStale},
    {{0x6, 0x3B, 0x1B}, refresh_inventory, kStale},
    {{0x6, 0x3F, 0x00}, retry_later, kReset},
    {{0x6, 0x3F, 0x01}, retry_later, "The device got new firmware; it is asked again what it can do."},
    {{0x6, 0x3F, 0x03}, retry_later, kReset},
    {{0x6, 0x3F, 0x05},
     ask_operator,
     "Another device answers at this address; check the configuration and the cabling."},
    {{0x6, 0x3F, 0x0E}, retry_later, kReset},
    {{0x6, 0x53, 0x02}, ask_operator, kHeld},
    {{0x6, 0x5A, 0x01}, ask_operator, kButton},
    {{0x6, 0x5D, 0x00}, ask_operator, kPrediction},
    {{0x7, 0x26, 0x00}, change_request, kProgram},
    {{0x7, 0x27, 0x00}, ask_operator, kTab},
    {{0x7, 0x27, 0x01}, ask_operator, kTab},
    {{0x7, 0x27, 0x02}, ask_operator, kDrivesOwnProtection},
    {{0x7, 0x27, 0x03}, ask_operator, kDrivesOwnProtection},
    {{0x7, 0x27, 0x04}, ask_operator, kDrivesOwnProtection},
    {{0x7, 0x27, 0x05}, replace_medium, "The cartridge is write protected for good; pick another volume."},
    {{0x7, 0x30, 0x00}, replace_medium, kWrongGeneration},
    {{0x7, 0x30, 0x05}, replace_medium, kReadOnlyGeneration},
    {{0x7, 0x30, 0x0C}, replace_medium, kWriteOnce},
    {{0x7, 0x30, 0x0D}, replace_medium, kTampered},
    {{0x7, 0x50, 0x01}, replace_medium, "The drive writes over nothing (append-only mode); its end is read back before anything is appended."},
    {{0x7, 0x5A, 0x02}, ask_operator, kTab},
    {{0x7, 0x74, 0x00}, ask_operator, kKey},
    {{0x7, 0x74, 0x01}, ask_operator, kKey},
    {{0x7, 0x74, 0x02},
     ask_operator,
     "The data there are not encrypted although a key is set; read them without a key."},
    {{0x7, 0x74, 0x03}, ask_operator, kKey},
    {{0x8, 0x00, 0x05},
     replace_medium,
     "The tape ends before the place that was asked for: it holds less than was recorded."},
    {{0x8, 0x14, 0x00}, replace_medium, "Nothing can be found at that place of the tape."},
    {{0x8, 0x14, 0x03}, replace_medium, kNoEndOfData},
    {{0xB, 0x08, 0x00}, retry_later, kLine},
    {{0xB, 0x43, 0x00}, retry_later, kLine},
    {{0xB, 0x44, 0x00}, stop_device, kRepair},
    {{0xB, 0x47, 0x00}, retry_later, kLine},
    {{0xB, 0x48, 0x00}, retry_later, kLine},
    {{0xB, 0x4B, 0x00}, retry_later, kLine},
    {{0xB, 0x4E, 0x00}, change_request, kProgram},
    {{0xD, 0x00, 0x02}, replace_medium, kFull},
};

// What is left when a code is not in the table: the key alone.
constexpr SenseRule kKeyRules[] = {
    {{0x0, 0, 0}, stop_device, "The device reports a condition without a reason; look at its panel and its log."},
    {{0x1, 0, 0}, retry_later, "The device recovered from an error by itself; watch whether it comes back."},
    {{0x2, 0, 0}, ask_operator, "The device is not ready; look at its panel."},
    {{0x3, 0, 0}, replace_medium, kBadTape},
    {{0x4, 0, 0}, stop_device, kRepair},
    {{0x5, 0, 0}, change_request, kProgram},
    {{0x6, 0, 0}, retry_later, kReset},
    {{0x7, 0, 0}, ask_operator, "The device or the cartridge forbids it; check protection, write-once state and keys."},
    {{0x8, 0, 0}, replace_medium, "Nothing is recorded at that place of the tape."},
    {{0x9, 0, 0}, stop_device, kRepair},
    {{0xA, 0, 0}, stop_device, kRepair},
    {{0xB, 0, 0}, retry_later, "The device gave the command up; the program finds out where it stands and goes on."},
    {{0xC, 0, 0}, stop_device, kRepair},
    {{0xD, 0, 0}, replace_medium, kFull},
    {{0xE, 0, 0}, replace_medium, "What was read differs from what was expected; verify the cartridge."},
    {{0xF, 0, 0}, retry_later, "The device reports the end of an earlier command; nothing is to be done."},
};
static_assert(std::size(kKeyRules) == 16);

constexpr std::uint32_t order(SenseCode code) { return code.key << 16 | code.asc << 8 | code.ascq; }
static_assert(std::is_sorted(std::begin(kRules), std::end(kRules),
                             [](const SenseRule& a, const SenseRule& b) { return order(a.code) < order(b.code); }),
              "the table is searched by bisection");

}  // namespace

std::span<const SenseRule> sense_rules() { return kRules; }

const SenseRule* find_rule(SenseCode code) {
    const auto* found =
        std::lower_bound(std::begin(kRules), std::end(kRules), order(code),
                         [](const SenseRule& rule, std::uint32_t wanted) { return order(rule.code) < wanted; });
    return found != std::end(kRules) && found->code == code ? found : nullptr;
}

SenseRule rule_for(SenseCode code) {
    const SenseRule* rule = find_rule(code);
    if (rule == nullptr) rule = find_rule({code.key, code.asc, 0});
    return rule != nullptr ? *rule : kKeyRules[code.key & 0x0F];
}

std::string_view name_of(SenseKey key) {
    constexpr std::string_view names[] = {"no sense",       "recovered error", "not ready",      "medium error",
                                          "hardware error", "illegal request", "unit attention", "data protect",
                                          "blank check",    "vendor specific", "copy aborted",   "aborted command",
                                          "reserved key",   "volume overflow", "miscompare",     "completed"};
    return names[static_cast<std::uint8_t>(key) & 0x0F];
}

Error error_from_sense(std::string attempted, const Sense& sense) {
    const SenseRule rule = rule_for(sense.code);
    Error error{rule.recovery, std::move(attempted), std::string(rule.advice), sense};
    error.happened += ": ";
    error.happened += name_of(key_of(sense));
    if (!sense.deferred) return error;
    error.happened += ", about an earlier command";
    const bool harmless = key_of(sense) == SenseKey::no_sense || key_of(sense) == SenseKey::recovered_error;
    if (harmless) {
        error.recovery = retry_later;  // nothing was lost, but this command was not run
    } else if (rule.recovery != replace_medium && rule.recovery != ask_operator) {
        error.recovery = stop_device;  // what was buffered is lost, and where the tape stands is unknown
    }
    return error;
}

}  // namespace capstan::scsi
