#include "daemon/reopen.hpp"

#include "config/base/log.hpp"

#include <array>
#include <map>

namespace capstan::daemon {
namespace {

using namespace std::chrono_literals;
constexpr std::array kWaits{1s, 2s, 5s, 10s, 30s, 60s};  // before the 1st, 2nd … try; the last of them from then on
constexpr unsigned kTriesMax = 30;
constexpr std::chrono::minutes kCalm{10};  // without trouble: the tries before are forgotten

struct Tries {
    unsigned made = 0;
    Steady next{}, last{};
    bool unfinished = false;  // the last one failed for a reason that may pass
};

struct Due {
    Library* library = nullptr;
    Library::Drive* drive = nullptr;  // null: the robot
    Tries* tries = nullptr;
};

class Reopener {
  public:
    Reopener(Context& context, Libraries& libraries) : context_(context), libraries_(libraries) {}

    // What is to be opened first. Empty library: nothing.
    Due earliest() {
        Due due;
        for (auto& library : libraries_) {
            consider(library->name().text, {library.get(), nullptr, nullptr}, library->connection_lost(), !library->trouble().empty(), due);
            if (library->state() != "ready") continue;
            for (auto& drive : library->drives()) {
                if (drive.disabled) continue;  // somebody may have his hands in it
                const bool troubled = !drive.trouble.empty() || !drive.owner->why_faulted().empty();
                const bool idle = drive.leased_by.empty();
                consider(library->name().text + "/" + drive.settings.name, {library.get(), &drive, nullptr},
                         idle && troubled && drive.owner->connection_lost(), idle && troubled, due);
            }
        }
        return due;
    }

    Task<void> open(Due due) {
        auto& tries = *due.tries;
        const auto name = due.drive == nullptr ? "library " + due.library->name().text : "drive " + due.drive->settings.name;
        Result<void> outcome;
        if (due.drive == nullptr) {
            outcome = co_await due.library->refresh();
        } else {
            due.drive->leased_by = "opening it again";
            outcome = co_await due.library->reopen(*due.drive);
            due.drive->leased_by.clear();
            due.drive->activity = "idle";
        }
        tries.last = context_.clock.now();
        ++tries.made;
        tries.next = tries.last + kWaits[std::min<std::size_t>(tries.made, kWaits.size() - 1)];
        tries.unfinished =
            !outcome && (outcome.error().recovery == Recovery::retry_later || outcome.error().recovery == Recovery::stop_device);
        log::info("opened-again",
                  {{"device", name}, {"try", std::to_string(tries.made)}, {"outcome", outcome ? "in order" : to_text(outcome.error())}});
        if (!outcome && tries.made >= kTriesMax)
            log::warning("not-opened-again", {{"device", name}, {"advice", "It is left to the operator from now on."}});
        context_.changed.notify();
    }

  private:
    void consider(const std::string& name, Due candidate, bool lost, bool troubled, Due& due) {
        const auto now = context_.clock.now();
        const auto found = tries_.find(name);
        if (!troubled || (!lost && (found == tries_.end() || !found->second.unfinished))) {
            if (found != tries_.end() && now - found->second.last > kCalm) tries_.erase(found);
            return;
        }
        auto& tries =
            tries_.try_emplace(name, Tries{.made = 0, .next = now + kWaits.front(), .last = now, .unfinished = false}).first->second;
        if (tries.made >= kTriesMax) return;
        if (due.library != nullptr && due.tries->next <= tries.next) return;
        candidate.tries = &tries;
        due = candidate;
    }

    Context& context_;
    Libraries& libraries_;
    std::map<std::string, Tries> tries_;  // by the device's name
};

}  // namespace

Task<void> reopen_lost(Context& context, Libraries& libraries) {
    Reopener reopener(context, libraries);
    while (!context.loop.stopping()) {
        const auto due = reopener.earliest();
        if (due.library != nullptr && due.tries->next <= context.clock.now()) {
            co_await reopener.open(due);
            continue;
        }
        Clock::TimerId timer = 0;
        if (due.library != nullptr) timer = context.clock.at(due.tries->next, [&context] { context.changed.notify(); });
        const bool going_on = co_await context.changed.wait();
        if (due.library != nullptr) context.clock.cancel(timer);
        if (!going_on) co_return;
    }
}

}  // namespace capstan::daemon
