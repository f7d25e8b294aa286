// Recognisers of what other programs write first on a tape. For labels.hpp only.
#pragma once

#include "backup/labels/labels.hpp"

namespace capstan::labels {

// `record`: any bytes. Format::unknown where nothing fits.
OtherFormat recognise_other(Bytes record);

}  // namespace capstan::labels
