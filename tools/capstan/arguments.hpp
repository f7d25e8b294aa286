// From the words of the command line to a call. CLI11 is a slow header and stays in arguments.cpp.
#pragma once

#include "tools/capstan/session.hpp"

#include <functional>
#include <span>
#include <string>
#include <variant>

namespace capstan::tools {

struct GlobalOptions {
    std::string socket;  // --socket, or CAPSTAN_SOCKET, or the default
    bool json = false;
    bool no_wait = false;
    bool detach = false;
};
struct ParsedCommand {
    GlobalOptions options;
    std::function<int(Session&)> run;
};
struct ParsedText {  // help, version, or what is wrong with the arguments
    std::string text;
    int status = kDone;
};
// `arguments` without the program's name.
std::variant<ParsedCommand, ParsedText> parse_arguments(std::span<const std::string> arguments);

// The whole program but for signals and terminals: parses, sets the session up and runs.
int run_capstan(std::span<const std::string> arguments, Session& session);

}  // namespace capstan::tools
