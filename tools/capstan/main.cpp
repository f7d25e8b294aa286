// The program `capstan`: signals, the terminal, and the offline MTF tool, which needs no daemon.
#include "tools/capstan/arguments.hpp"
#ifdef CAPSTAN_HAS_MTF
#include "tools/mtf/mtf_command.hpp"
#endif

#include <sys/ioctl.h>
#include <unistd.h>
#include <csignal>
#include <iostream>
#include <vector>

namespace {

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) { interrupted = 1; }

std::size_t terminal_columns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> arguments(argv + 1, argv + argc);
#ifdef CAPSTAN_HAS_MTF
    if (!arguments.empty() && arguments[0] == "mtf")
        return capstan::tools::run_mtf(std::span<const std::string>(arguments).subspan(1), std::cout, std::cerr);
#endif
    struct sigaction action{};
    action.sa_handler = on_interrupt;  // no SA_RESTART: it ends the wait for the daemon's answer
    ::sigaction(SIGINT, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of the output
    capstan::tools::Session session{std::cout, std::cerr};
    session.terminal = ::isatty(STDERR_FILENO) == 1;
    session.columns = terminal_columns();
    session.interrupted = [] { return interrupted != 0; };
    return capstan::tools::run_capstan(arguments, session);
}
