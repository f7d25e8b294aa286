// The loader of settings on any bytes: it answers, and what it accepts without an error is within the limits.
#include "config/load.hpp"

#include <cstdlib>

// decodes: config/load.cpp config/load_foreign.cpp config/map_reader.cpp config/yaml_tree.cpp config/units.cpp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string text(data, data + size);
    auto outcome = capstan::config::load_text(text, "fuzz.yaml");
    if (capstan::config::check_text(outcome).empty()) std::abort();
    if (!outcome.ok()) return 0;
    if (outcome.settings.libraries.empty()) std::abort();
    for (const auto& job : outcome.settings.jobs)
        if (job.paths.empty() || job.pool.empty()) std::abort();
    return 0;
}
