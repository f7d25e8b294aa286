// A restore that a crash cut off, for the one that runs it again: what it made is told from what was there before it,
// and is made anew, also where existing objects are to be kept. Made by it is what was born since it began and has the
// type, the size and the time of the saved object; where the file system does not tell births, the last change counts.
#pragma once

#include "backup/posix/metadata.hpp"
#include "config/base/clock.hpp"

#include <string>

namespace capstan::backup {

struct CutOffRun {
    Wall since{};       // when it began
    std::string nonce;  // of its temporary names

    // It made the object `name` of a directory; a power cut may have left less of a file's data than the saved one has.
    bool made_object(int parent, const std::string& name, const Metadata& saved) const;
    // What that run was about to name when it was cut off.
    void remove_temporaries(int directory) const;
};

// The directory was made by a restore that began then: its own metadata are not set yet, or are those of the saved one.
bool made_since(Wall began, int directory, const Metadata& saved);

}  // namespace capstan::backup
