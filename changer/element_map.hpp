// What a library is made of and what lies where, as its robot reports it. Values only; any thread.
// Element types: SMC-3, READ ELEMENT STATUS (1 medium transport, 2 storage, 3 import/export, 4 data transfer).
#pragma once

#include "config/base/error.hpp"
#include "config/base/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace capstan::changer {

enum class ElementKind : std::uint8_t { picker = 1, slot = 2, ie_port = 3, drive = 4 };
std::string_view name_of(ElementKind kind);  // "picker", "slot", "IE port", "drive"

// One element. Numbers count from 1 within a kind, in order of element address, gaps skipped: "slot 12", "IE port 1".
// (mtx counts drives from 0; that is for its shell.)
struct ElementFact {
    ElementKind kind = ElementKind::slot;
    std::uint32_t number = 0;
    ElementAddress address{};
    bool full = false;
    bool accessible = true;                      // ACCESS bit: the picker can reach it
    bool import_enabled = false, export_enabled = false;  // IE ports
    bool put_by_operator = false;                // IE ports, ImpExp bit
    VolumeTag volume_tag;                        // blanks trimmed; empty: none, unreadable, or the element is empty
    std::optional<SenseCode> exception;          // Except bit: key is 0; e.g. 83/01 barcode not scanned
    std::optional<ElementAddress> source;        // where the cartridge came from, if the robot knows (SValid)
    std::string drive_serial;                    // drives, from DVCID; empty: the robot does not say
    friend bool operator==(const ElementFact&, const ElementFact&) = default;
};

struct Inventory {
    std::vector<ElementFact> elements;           // by kind (picker, slot, IE port, drive), then by number
    std::uint64_t generation = 0;                // counts inventories of this owner, from 1
    const ElementFact* find(ElementKind kind, std::uint32_t number) const;  // nullptr: there is none
    const ElementFact* find(ElementAddress address) const;
    const ElementFact* find(const VolumeTag& tag) const;                    // the first that has it
    const ElementFact* drive_with_serial(const std::string& serial) const;
    // Volume tags that more than one cartridge shows; full elements without one. Reported, never acted upon here.
    std::vector<VolumeTag> duplicate_tags() const;
    std::vector<ElementAddress> without_tag() const;
    std::size_t count(ElementKind kind) const;
};

}  // namespace capstan::changer
