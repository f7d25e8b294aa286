// Follows a job or an item of the work queue to its end: progress line on a terminal, plain lines otherwise. Ctrl-C detaches
// and prints how to cancel; with --no-wait an operator request ends it with status 4.
#pragma once

#include "tools/capstan/session.hpp"

namespace capstan::tools {

int follow(Session& session, const api::Accepted& accepted);  // whichever it is; nothing: done
int follow_job(Session& session, std::int64_t job);           // prints the result; the exit status of the job
int follow_work(Session& session, const std::vector<std::int64_t>& items);
void print_job(Session& session, const api::JobInfo& job);
int status_of(const api::JobInfo& job);
std::string progress_text(const api::JobInfo& job);

}  // namespace capstan::tools
