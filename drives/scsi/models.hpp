// What is known of devices by their names (INQUIRY vendor and product), where they do not say it themselves: the generation of an LTO
// drive, how long a cartridge may take to load, and quirks that would do harm. Pure, any thread.
#pragma once

#include <chrono>
#include <string_view>

namespace capstan::scsi {

struct Model {
    unsigned lto_generation = 0;  // 0: no LTO drive, or not known which
    // From the insertion of a cartridge until the drive is ready, at most.
    std::chrono::seconds load_limit{0};
    // READ ELEMENT STATUS for one kind of element at a time, and without CURDATA: tgt 1.0.85 ends when it is asked with CURDATA and
    // DVCID at once, or, a little later, for all kinds of elements at once.
    bool narrow_element_status = false;
};
// For a device that is not in the table: what harms none.
Model find_model(std::string_view vendor, std::string_view product);

// How long loading may take: what the device names for LOAD UNLOAD (zero: nothing), never less than its model needs.
std::chrono::seconds load_limit(const Model& model, std::chrono::seconds reported);

}  // namespace capstan::scsi
