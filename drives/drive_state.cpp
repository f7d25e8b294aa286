#include "drives/drive_state.hpp"

namespace capstan::drives {

std::string_view name_of(DriveState state) {
    switch (state) {
        case DriveState::empty: return "empty";
        case DriveState::loading: return "loading";
        case DriveState::ready: return "ready";
        case DriveState::writing: return "writing";
        case DriveState::reading: return "reading";
        case DriveState::unloading: return "unloading";
        case DriveState::faulted: return "faulted";
        case DriveState::count: break;
    }
    return "unknown";
}

}  // namespace capstan::drives
