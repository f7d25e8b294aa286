// A stage that runs beside the coroutine of its job.
#pragma once

#include "backup/job/job_environment.hpp"
#include "drives/block_ring.hpp"

#include <memory>

namespace capstan::backup {

// Completes with true when the stage has finished; with false when it was stopped, also where a power cut destroys what
// waits for it. Stage and ring live at least as long. Control thread.
std::shared_ptr<Completion<bool>> run_beside(JobEnvironment& environment, Stage& stage, drives::BlockRing& ring);

// Until the stage's thread is joined, also while everything else is stopping.
Task<void> joined(JobEnvironment& environment, std::shared_ptr<Completion<bool>> run);

}  // namespace capstan::backup
