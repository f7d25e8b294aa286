// What was found, as configuration and as JSON.
#include "tools/probe/libraries.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ostream>

namespace capstan::tools {
namespace {

// A device's words are printable by the decoders, but may hold what YAML gives a meaning.
std::string quoted(const std::string& text) {
    std::string safe;
    for (char c : text)
        if (c >= ' ' && c <= '~') safe += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
    return '"' + safe + '"';
}
std::string model(const ProbedDevice& device) { return fmt::format("{} {} {}", device.vendor, device.product, device.revision); }
// What the configuration calls a device of this machine.
std::string name_on_bus(const ProbedDevice& device) { return quoted(device.serial.empty() ? device.path : device.serial); }

class Printer {
  public:
    Printer(const Probed& probed, const ConfigurationOptions& options, std::ostream& out) : probed_(probed), options_(options), out_(out) {}

    void print() {
        if (probed_.libraries.empty()) out_ << "# no changer was found\n";
        if (!probed_.libraries.empty()) out_ << "libraries:\n";
        unsigned number = 0;
        for (const auto& library : probed_.libraries) print(library, ++number);
        for (auto index : probed_.unused) {
            const auto& drive = probed_.devices[index];
            out_ << fmt::format("# not decided: drive {} ({}, serial number {}) is in no library that says so\n", drive.where, model(drive),
                                drive.serial.empty() ? "unknown" : drive.serial);
        }
        for (const auto& device : probed_.devices)
            if (!device.trouble.empty() && device.type != scsi::DeviceType::changer)
                out_ << fmt::format("# {}: {}\n", device.where, device.trouble);
    }

  private:
    void print(const ProbedLibrary& library, unsigned number) {
        const auto& changer = probed_.devices[library.changer];
        out_ << fmt::format("  - name: LIB{}    # {} at {}: {} slots, {} IE ports, {} drives\n", number, model(changer), changer.where,
                            library.slots, library.ports, library.drives.size());
        if (!library.trouble.empty()) out_ << fmt::format("    # its elements could not be read: {}\n", library.trouble);
        if (options_.portal.empty()) {
            out_ << fmt::format("    changer: {{sg: {}}}\n", name_on_bus(changer));
        } else {
            const auto chap = options_.user.empty()
                                  ? ""
                                  : fmt::format(", user: {}, secret_file: {}", quoted(options_.user), quoted(options_.secret_file));
            out_ << fmt::format("    changer: {{iscsi: {{portal: {}, target: {}, lun: {}{}}}}}\n", quoted(options_.portal),
                                quoted(changer.target), changer.lun, chap);
        }
        out_ << "    drives:\n";
        for (const auto& drive : library.drives) print(drive, changer, number);
    }
    void print(const ProbedElement& element, const ProbedDevice& changer, unsigned library) {
        const auto name = fmt::format("L{}D{}", library, element.number);
        if (!element.device) {
            out_ << fmt::format("      # not decided: element {} (address {}): {}\n", element.number, raw(element.address), why(element));
            return;
        }
        const auto& drive = probed_.devices[*element.device];
        std::string address = options_.portal.empty() ? fmt::format("sg: {}", name_on_bus(drive)) : fmt::format("lun: {}", drive.lun);
        if (!options_.portal.empty() && drive.target != changer.target) address += fmt::format(", target: {}", quoted(drive.target));
        if (!options_.portal.empty() && !drive.serial.empty()) address += fmt::format(", serial: {}", quoted(drive.serial));
        out_ << fmt::format("      - {{name: {}, element: {}, {}}}    # {} at {}{}\n", name, element.number, address, model(drive),
                            drive.where, how(element));
    }
    std::string why(const ProbedElement& element) const {
        std::string text = "the changer does not say which drive it is";
        if (!element.reported.empty()) text = "its drive has the serial number " + element.reported + ", which does not answer here";
        if (!element.like.empty()) {
            text = "the serial number of its drive begins with " + element.reported + ", as that of";
            for (auto index : element.like) text += fmt::format(" {}", probed_.devices[index].where);
        }
        if (!element.not_by_loading.empty()) return text + "; not found by loading: " + element.not_by_loading;
        if (options_.tried_by_loading || probed_.unused.empty()) return text;
        return text + "; with --try-by-loading a cartridge is moved into it, to see which drive notices";
    }
    static std::string how(const ProbedElement& element) {
        switch (element.found) {
            case Found::reported: break;
            case Found::beginning:
                return fmt::format("; the changer says no more than {}, and no other drive begins like that", element.reported);
            case Found::elimination: return "; the changer does not say so, but it is the only one that is left";
            case Found::loading: return "; found by moving a cartridge into it";
        }
        return "";
    }

    const Probed& probed_;
    const ConfigurationOptions& options_;
    std::ostream& out_;
};

std::string_view name_of(Found found) {
    switch (found) {
        case Found::reported: return "serial number";
        case Found::beginning: return "beginning of the serial number";
        case Found::elimination: return "elimination";
        case Found::loading: return "loading";
    }
    return "";
}

nlohmann::json json_of(const ProbedDevice& device) {
    return {{"where", device.where},     {"target", device.target},     {"lun", device.lun},       {"vendor", device.vendor},
            {"product", device.product}, {"revision", device.revision}, {"serial", device.serial}, {"trouble", device.trouble}};
}

}  // namespace

void print_configuration(const Probed& probed, const ConfigurationOptions& options, std::ostream& out) {
    Printer(probed, options, out).print();
}

std::string to_json(const Probed& probed) {
    nlohmann::json all{{"libraries", nlohmann::json::array()}, {"drives_without_library", nlohmann::json::array()}};
    for (const auto& library : probed.libraries) {
        auto one = json_of(probed.devices[library.changer]);
        one["slots"] = library.slots;
        one["ie_ports"] = library.ports;
        if (!library.trouble.empty()) one["trouble"] = library.trouble;
        one["drives"] = nlohmann::json::array();
        for (const auto& element : library.drives) {
            nlohmann::json drive{{"element", element.number},
                                 {"address", raw(element.address)},
                                 {"reported_serial", element.reported},
                                 {"found_by", element.device ? name_of(element.found) : "not found"}};
            if (!element.not_by_loading.empty()) drive["not_by_loading"] = element.not_by_loading;
            drive["device"] = element.device ? json_of(probed.devices[*element.device]) : nlohmann::json();
            one["drives"].push_back(std::move(drive));
        }
        all["libraries"].push_back(std::move(one));
    }
    for (auto index : probed.unused) all["drives_without_library"].push_back(json_of(probed.devices[index]));
    constexpr int kIndent = 2;
    return all.dump(kIndent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace capstan::tools
