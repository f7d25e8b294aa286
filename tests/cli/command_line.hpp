// Runs the command line inside a test.
#pragma once

#include "api/served.hpp"
#include "tools/capstan/arguments.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace capstan {

struct Outcome {
    int status;
    std::string out, errors;
};

inline Outcome run(const std::string& socket, std::vector<std::string> arguments, std::function<bool()> interrupted = {},
                   bool terminal = false) {
    std::ostringstream out, errors;
    tools::Session session{out, errors};
    session.terminal = terminal;
    if (interrupted) session.interrupted = std::move(interrupted);
    if (!socket.empty()) arguments.insert(arguments.begin(), {"--socket", socket});
    int status = tools::run_capstan(arguments, session);
    return {status, out.str(), errors.str()};
}

inline bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace capstan
