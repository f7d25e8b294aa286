#include "simulation/trace.hpp"

#include <cstdlib>

namespace capstan::simulation {

namespace {
constexpr std::size_t kLinesKept = 60;
}

std::uint64_t fnv(std::string_view bytes, std::uint64_t hash) {
    for (char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    return hash;
}

Trace::Trace() {
    const char* path = std::getenv("CAPSTAN_SIMULATION_TRACE");
    if (path != nullptr && *path != '\0') file_.reset(std::fopen(path, "ae"));
}

void Trace::line(std::string_view text) {
    hash_ = fnv("\n", fnv(text, hash_));
    ++lines_;
    ring_.emplace_back(text);
    if (ring_.size() > kLinesKept) ring_.pop_front();
    if (file_)
        std::fprintf(file_.get(), "%016llx %.*s\n", static_cast<unsigned long long>(hash_),
                     static_cast<int>(text.size()), text.data());
}

void Trace::number(std::uint64_t value) {
    for (int i = 0; i < 8; ++i, value >>= 8) hash_ = (hash_ ^ (value & 0xFF)) * 0x100000001B3U;
}

std::string Trace::last() const {
    std::string text;
    for (const auto& line : ring_) text += "  " + line + "\n";
    return text;
}

}  // namespace capstan::simulation
