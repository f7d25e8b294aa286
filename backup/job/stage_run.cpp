#include "backup/job/stage_run.hpp"

#include <utility>
#include <vector>

namespace capstan::backup {
namespace {

Task<void> run_stage(JobEnvironment& environment, Stage& stage, drives::BlockRing& ring,
                     std::shared_ptr<Completion<bool>> finished) {
    struct AtEnd {  // also when this coroutine is destroyed: whoever waits must not wait for ever
        std::shared_ptr<Completion<bool>> finished;
        ~AtEnd() { finished->complete(false); }
    };
    AtEnd at_end{finished};
    std::vector<Stage*> stages{&stage};
    bool done = co_await environment.stages.run(std::move(stages), ring.doorbell());
    finished->complete(done);
}

}  // namespace

std::shared_ptr<Completion<bool>> run_beside(JobEnvironment& environment, Stage& stage, drives::BlockRing& ring) {
    auto finished = std::make_shared<Completion<bool>>(environment.loop);
    environment.loop.spawn(run_stage(environment, stage, ring, finished));
    return finished;
}

Task<void> joined(JobEnvironment& environment, std::shared_ptr<Completion<bool>> run) {
    co_await run->wait();
    while (!run->done()) co_await environment.loop.yield();
}

}  // namespace capstan::backup
