// One initiator of a virtual library. Unit attentions and PREVENT are kept per nexus and logical unit.
#pragma once

#include <cstdint>

namespace capstan::virtual_library {

enum class NexusId : std::uint64_t {};

}  // namespace capstan::virtual_library
