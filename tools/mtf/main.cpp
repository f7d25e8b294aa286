// capstan-mtf: the offline MTF tool as a program of its own.
#include "tools/mtf/mtf_command.hpp"

#include <cstdio>
#include <exception>
#include <iostream>
#include <vector>

int main(int argc, char** argv) {
    try {
        std::ios::sync_with_stdio(false);
        const std::vector<std::string> arguments(argv + 1, argv + argc);
        return capstan::tools::run_mtf(arguments, std::cout, std::cerr);
    } catch (const std::exception& exception) {
        std::fprintf(stderr, "capstan-mtf: %s\n", exception.what());
        return 1;
    }
}
