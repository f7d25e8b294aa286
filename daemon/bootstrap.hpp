// The line that finds a backup's catalog on the media when this machine is gone, brought to the files of the
// configuration
// (`bootstrap: files:`). Control thread.
#pragma once

#include "daemon/context.hpp"

#include <functional>
#include <memory>
#include <string>

namespace capstan::daemon {

// Adds the line to each file, on a worker of its own: a file on a server that does not answer holds up neither the job
// nor the commits of others. What could not be written is named in the job's log.
Task<void> write_bootstrap(Context& context, std::function<std::unique_ptr<Worker>()> make_worker, JobId job,
                           std::string line);

}  // namespace capstan::daemon
