// Which targets a portal has: SendTargets in a discovery session (RFC 7143 clause 4.3).
#pragma once

#include "drives/scsi/iscsi/iscsi_transport.hpp"

#include <string>
#include <vector>

namespace capstan::scsi {

// "127.0.0.1:3260", the port may be left out. Blocks, at most options.connect_limit for each step. retry_later: nobody answers.
Result<std::vector<std::string>> discover_targets(const std::string& portal, const IscsiOptions& options);

}  // namespace capstan::scsi
