// The judge: what the cartridge files hold, read by the offline reader of `capstan mtf` without daemon and database,
// and what must hold after every story. It gathers what is wrong as sentences.
#pragma once

#include "simulation/machine.hpp"

#include <map>
#include <string>
#include <vector>

namespace capstan::simulation {

struct FileOnTape {
    std::uint64_t size = 0, hash = 0;
    bool complete = true;
    bool link = false;  // symbolic, or a later name of a file: only its presence counts
    friend bool operator==(const FileOnTape&, const FileOnTape&) = default;
};
struct SetOnTape {
    std::string name, medium;  // where it begins
    bool closed = false, aborted = false;
    std::map<std::string, FileOnTape> files;  // by absolute path
    std::vector<std::string> faults;
};
struct Tapes {
    std::vector<SetOnTape> sets;
    std::vector<std::string> faults;  // outside of any set
};
Tapes read_tapes(const std::string& library_directory);

// What a client was told, and what the source held then.
struct ReportedSet {
    std::string name, tree;
    std::map<std::string, FileOnTape> files;
};
// Every file and link below `tree`, by plain reading.
std::map<std::string, FileOnTape> files_of(const std::string& tree);

class Oracle {
  public:
    explicit Oracle(Machine& machine) : machine_(machine) {}
    void reported(ReportedSet set) { reported_.push_back(std::move(set)); }
    std::size_t reported_sets() const { return reported_.size(); }

    // Notes what lies before each medium's recorded end; that never changes again.
    void note_media();
    // All invariants. `in_trouble`: hardware does not answer, so work may wait if it says why, and places are not
    // known.
    void check(bool in_trouble = false);
    const std::vector<std::string>& violations() const { return violations_; }
    void violation(std::string what) { violations_.push_back(std::move(what)); }

  private:
    void check_sets();
    void check_places();
    void check_work(bool may_wait);
    struct Noted {
        std::string media_id;
        std::uint64_t blocks = 0, hash = 0;
    };
    Machine& machine_;
    std::vector<ReportedSet> reported_;
    std::map<std::string, Noted> media_;
    std::vector<std::string> violations_;
};

}  // namespace capstan::simulation
