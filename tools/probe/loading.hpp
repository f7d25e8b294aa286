// Which drive an element is, found by moving a cartridge into it and looking which drive notices.
#pragma once

#include "tools/probe/libraries.hpp"

#include <chrono>
#include <iosfwd>

namespace capstan::tools {

struct LoadingOptions {
    std::chrono::milliseconds notice_limit{120'000};  // until one of the drives says that something lies in it
    std::chrono::milliseconds ready_limit{600'000};   // until it has threaded the tape, so that it can be unloaded
    std::chrono::milliseconds between_looks{500};
};

// For each element without a drive: moves a cartridge from a full slot into it, waits until one of the drives without element notices,
// unloads it there and moves it back. Each move is announced in `told`. What could not be done stands in ProbedElement::not_by_loading;
// nothing is moved where changer or drives are reserved, where a drive does not answer, or where the element is full.
// Blocks, per element at most both limits and two moves. The caller was asked for it by a person: robots move.
void decide_by_loading(Probed& probed, const LoadingOptions& options, std::ostream& told);

}  // namespace capstan::tools
