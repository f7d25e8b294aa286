// What stories are told with: an operator and a client who use the API, source trees, and the loop over seeds. A story
// throws nothing but what Machine throws; what is wrong is a violation of the oracle, printed with the seed that found
// it.
#pragma once

#include "simulation/machine.hpp"
#include "simulation/oracle.hpp"

#include <functional>
#include <string>
#include <vector>

namespace capstan::simulation {

class Story {
  public:
    Story(std::uint64_t seed, MachineSettings settings)
        : machine(seed, std::move(settings)), oracle(machine), seed_(seed) {}

    // A tree of `files` regular files up to `size_max` bytes, with directories, links and an empty file: content by the
    // seed.
    std::string make_tree(const std::string& name, unsigned files, std::uint64_t size_max);

    std::vector<std::int64_t> start_label(std::vector<std::string> media = {});  // empty: all that are blank
    void label_all();
    std::int64_t start_inventory(bool full);
    // Empty: the request was refused, which is a violation unless `may_fail`.
    std::int64_t start_backup(const std::string& tree, const std::string& name);
    std::int64_t start_restore(const std::string& name);
    // Waits as a client does. At `limit` it is a violation.
    std::string wait_item(std::int64_t id, std::chrono::seconds limit = std::chrono::hours{48});  // its last state
    void wait_items(const std::vector<std::int64_t>& ids);
    api::JobInfo wait_job(std::int64_t id, std::chrono::seconds limit = std::chrono::hours{48});
    // A backup whose success is remembered by the oracle. False: it failed.
    bool finish_backup(std::int64_t id, const std::string& tree, const std::string& name);
    bool backup(const std::string& tree, const std::string& name) {
        return finish_backup(start_backup(tree, name), tree, name);
    }
    void must_backup(const std::string& tree, const std::string& name);
    // Restores a tree to another place and compares all of it with the source. False: the job failed.
    bool restore(const std::string& tree);
    void must_restore(const std::string& tree);
    void must_go_on(const std::string& tree);  // what runs ends, and a backup of `tree` and its restore succeed
    void verify_all();  // every complete set, by the daemon's own verify
    void settle();      // until no work is left; a violation after two days

    // True: `told` came to its end. False: the power was cut in it; it is back, the daemon has started again.
    bool with_cut(const std::function<void()>& told);
    std::vector<std::string> tags() const;
    std::string log_of_newest_job();

    Machine machine;
    Oracle oracle;

  private:
    std::uint64_t seed_;
    unsigned restores_ = 0;
};

// Tells the story for every seed: CAPSTAN_SIMULATION_SEEDS of them (default `seeds`) from CAPSTAN_SIMULATION_FIRST (1)
// on. The first seed's story is told twice and must give the same trace; two seeds must not.
void tell(unsigned seeds, const MachineSettings& settings, const std::function<void(Story&)>& story);
// Once, with this seed. Gives the hash of its trace.
std::uint64_t tell_one(std::uint64_t seed, const MachineSettings& settings, const std::function<void(Story&)>& story);
std::uint64_t number_from(const char* variable, std::uint64_t otherwise);

}  // namespace capstan::simulation
