// What happened in a simulation, line by line: the same seed gives the same trace. Kept as a hash and the last lines,
// so that long runs cost nothing; with CAPSTAN_SIMULATION_TRACE=FILE every line goes to that file, for a look or a
// diff.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace capstan::simulation {

class Trace {
  public:
    Trace();
    void line(std::string_view text);
    void number(std::uint64_t value);  // into the hash alone: choices that would drown the lines
    std::uint64_t hash() const { return hash_; }
    std::uint64_t lines() const { return lines_; }
    std::string last() const;  // for a failure's message

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::uint64_t hash_ = 0xCBF29CE484222325U, lines_ = 0;  // FNV-1a
    std::deque<std::string> ring_;
    std::unique_ptr<std::FILE, Close> file_;
};

std::uint64_t fnv(std::string_view bytes, std::uint64_t hash = 0xCBF29CE484222325U);

}  // namespace capstan::simulation
