#include "simulation/world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::simulation {

Clock::TimerId SimulatedClock::at(Steady when, std::move_only_function<void()> call) {
    timers_.emplace(Key{std::max(when, now_), chance_.next(), ++last_}, std::move(call));
    return last_;
}

void SimulatedClock::cancel(TimerId id) {
    std::erase_if(timers_, [id](const auto& timer) { return timer.first.id == id; });
}

std::optional<Steady> SimulatedClock::next() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first.when;
}

void SimulatedClock::advance() {
    auto timer = timers_.extract(timers_.begin());
    now_ = std::max(now_, timer.key().when);
    timer.mapped()();
}

bool SimulatedWorker::step() {
    if (jobs_.empty()) return false;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    job();
    return true;
}

Task<bool> SimulatedStages::run(std::vector<Stage*> stages, Doorbell&) {
    groups_.push_back(Group{std::move(stages), Completion<bool>(loop_)});
    struct Registered {  // also when the power is cut: the stages are destroyed with the coroutine
        std::list<Group>& groups;
        std::list<Group>::iterator place;
        ~Registered() { groups.erase(place); }
    };
    Registered registered{groups_, std::prev(groups_.end())};
    auto finished = co_await registered.place->finished.wait();
    co_return finished.has_value() && !loop_.stopping();
}

bool SimulatedStages::step(Chance& chance) {
    std::vector<std::pair<Group*, std::size_t>> all;
    for (auto& group : groups_)
        for (std::size_t i = 0; i < group.stages.size(); ++i) all.emplace_back(&group, i);
    if (all.empty()) return false;
    auto first = chance.below(all.size());
    for (std::size_t n = 0; n < all.size(); ++n) {
        auto [group, index] = all[(first + n) % all.size()];
        auto result = group->stages[index]->step();
        if (result == StepResult::idle) continue;
        if (result == StepResult::finished) {
            group->stages.erase(group->stages.begin() + static_cast<std::ptrdiff_t>(index));
            if (group->stages.empty()) group->finished.complete(true);
        }
        return true;
    }
    return false;
}

Result<scsi::ScsiReply> TracedTransport::execute(const scsi::Cdb& cdb, scsi::DataOut data_out, MutableBytes data_in,
                                                 std::chrono::milliseconds timeout) {
    events_.before_command(lun_);
    std::string line = fmt::format("lun {}", lun_);
    for (std::size_t i = 0; i < cdb.size; ++i) line += fmt::format(" {:02x}", cdb.bytes[i]);
    auto reply = inner_->execute(cdb, data_out, data_in, timeout);
    if (!reply) {
        line += " lost: " + to_text(reply.error());
    } else {
        line += reply->sense ? " " + to_text(reply->sense->code) : std::string(" good");
        line += fmt::format(" {}", reply->transferred);
        constexpr std::uint64_t kLater = 2000;
        reply->took += std::chrono::microseconds(1 + events_.chance.below(kLater));
    }
    events_.trace.line(line);
    return reply;
}

bool Pump::poll_one() {
    if (context_.stopped()) context_.restart();
    return context_.poll_one() > 0;
}

bool Pump::work() {
    if (crew_.empty()) return false;
    auto worker = std::next(crew_.begin(), static_cast<std::ptrdiff_t>(chance_.below(crew_.size())));
    for (std::size_t n = 0; n < crew_.size(); ++n) {
        if ((*worker)->step()) return true;
        if (++worker == crew_.end()) worker = crew_.begin();
    }
    return false;
}

bool Pump::try_one(std::uint64_t kind) {
    switch (kind) {
        case 0: return poll_one();
        case 1: return stages_.step(chance_);
        case 2: return work();
        default: break;
    }
    // A timer that is due very soon may come before what is ready now: threads and disks take their time, too.
    constexpr std::chrono::milliseconds kSoon{20};
    auto next = clock_.next();
    if (!next || *next > clock_.now() + kSoon) return false;
    clock_.advance();
    return true;
}

bool Pump::step() {
    constexpr std::uint64_t kKinds = 4;
    auto first = chance_.below(kKinds);
    for (std::uint64_t n = 0; n < kKinds; ++n) {
        auto kind = (first + n) % kKinds;
        if (!try_one(kind)) continue;
        trace_.number(kind);
        return true;
    }
    if (!clock_.next()) return false;
    clock_.advance();
    trace_.number(kKinds);
    return true;
}

void Pump::drain() {
    while (poll_one()) {
    }
}

}  // namespace capstan::simulation
