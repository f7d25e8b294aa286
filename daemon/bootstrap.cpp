#include "daemon/bootstrap.hpp"

#include "config/base/file.hpp"
#include "config/base/log.hpp"
#include "pools/store/work_rows.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>

namespace capstan::daemon {
namespace {

Result<void> add_line(const std::string& path, const std::string& line) {
    CAPSTAN_TRY(auto file, open_file(path, O_WRONLY | O_CREAT | O_APPEND));
    if (::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) || ::fsync(file.get()) != 0)
        return fail_errno(errno, fmt::format("cannot write to {}", path));
    return {};
}

Result<void> note(Context& context, JobId job, std::string text) {
    std::vector<pools::JobIssue> lines{{job, pools::IssueKind::note, "", std::move(text)}};
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context.store));
    CAPSTAN_CHECK(pools::Jobs(context.store).add_issues(transaction, lines));
    return transaction.commit();
}

}  // namespace

Task<void> write_bootstrap(Context& context, std::function<std::unique_ptr<Worker>()> make_worker, JobId job,
                           std::string line) {
    if (context.settings.bootstrap.files.empty()) co_return;
    auto worker = make_worker();
    for (const auto& path : context.settings.bootstrap.files) {
        std::move_only_function<Result<void>()> add = [path, line] { return add_line(path, line); };
        auto added = co_await worker->run<Result<void>>(std::move(add));
        if (!added) co_return;
        if (*added) continue;
        log::warning("bootstrap-not-written", {{"file", path}, {"error", to_text(added->error())}});
        auto noted = note(context, job, "the bootstrap file: " + to_text(added->error()));
        if (!noted) log::error("bootstrap-note-not-recorded", {{"error", to_text(noted.error())}});
    }
}

}  // namespace capstan::daemon
