// The whole control plane over a virtual library, on one thread in simulated time: started, stopped as by a power cut, and started
// again on what is left on the disk.
#pragma once

#include "backup/mtf/decoder.hpp"
#include "daemon/control_plane.hpp"
#include "daemon/operations.hpp"
#include "pools/store/meta.hpp"
#include "pools/store/pool_rows.hpp"
#include "drives/virtual/library.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace capstan::daemon {

namespace vl = virtual_library;

// A directory of its own in memory, where an fsync costs nothing, if there is such a place.
class Scratch {
  public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    void copy(const std::string& from, const std::string& to) const;  // a directory of it; what was at `to` is gone

  private:
    std::string path_;
};

struct PlaneOptions {
    std::uint64_t capacity = 64ull << 20, early_warning = 1ull << 20;
    unsigned cartridges = 4;
    std::uint64_t ring = 8ull << 20;
    std::uint64_t checkpoint_bytes = 64ull << 30;
    std::uint64_t set_objects_max = 10'000'000;
    std::vector<std::string> bootstrap_files;
    std::vector<std::string> models;  // of the drives; empty: they take every cartridge
    std::string media;                // instead of `cartridges`
    bool second_library = false;             // LIB2 with the drives E1 and E2, cartridges SEC001L8…
    config::ForeignSettings foreign;         // of LIB1
    std::vector<std::string> serials = {"", ""};  // of its drives, in the configuration
};

class Plane {
  public:
    explicit Plane(PlaneOptions options = {});
    ~Plane();

    void start();                 // the library is switched on, the daemon started
    void cut_power();             // both are gone at once; what was not synchronised is lost
    void forget_state();          // the state directory is gone
    void poll();
    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        loop->spawn(store<T>(std::move(task), result));
        for (poll(); !result; poll())
            if (!clock.advance()) throw std::runtime_error("the task waits for something that never happens");
        return std::move(*result);
    }
    bool until(const std::function<bool()>& done, std::chrono::seconds limit = std::chrono::hours{1});
    unsigned step(unsigned steps, const std::function<bool()>& done);  // of time; returns how many until it was done

    // Work as an operator gives it; each is done when it returns.
    Result<void> inventory(bool full = true);
    Result<void> enable(std::size_t drive);
    void label_all(unsigned count);  // CAP001L8 and those after it
    void label(const std::string& tag);
    Result<void> finish_work(WorkItemId item);
    pools::Job backup(const std::string& path, const std::string& name = "job");
    pools::Job restore(std::uint64_t set, const std::string& to);
    JobId start_restore(std::uint64_t set, const std::string& to);
    pools::Job finish(Result<JobId> id);
    JobId start_backup(const std::string& path, const std::string& name = "job");
    pools::Job job(JobId id);
    pools::Cartridge cartridge(const std::string& tag);
    pools::Set set(std::uint64_t number);
    std::vector<pools::Set> sets();
    std::vector<std::string> listing(std::uint64_t number);  // every object of the set's catalog: path and hash
    std::vector<std::string> state_requests();               // the texts of what operators are asked for
    void let_go();                                           // as at the orderly end of the daemon
    pools::StateStore& state() { return plane->context().store; }

    // A tree of files with contents by their number; returns its path.
    std::string make_tree(const std::string& name, unsigned files, std::size_t size);

    Scratch scratch;
    PlaneOptions options;
    // A device whose connection is down: 0 the robot, 1… the drives. `commands`: so many are answered before; the last one is carried out.
    struct Down {
        std::uint64_t commands = 0;
    };
    std::map<unsigned, Down> down;
    std::map<std::uint8_t, unsigned> asked;  // commands to all devices so far, by operation code
    vl::FaultPlan faults;  // of the library from its next start on
    SimClock clock{Wall{std::chrono::seconds{1'700'000'000}}};
    SeededEntropy entropy{7};
    std::shared_ptr<vl::VirtualLibrary> library, second;
    std::unique_ptr<asio::io_context> context;
    std::unique_ptr<Loop> loop;
    std::unique_ptr<Worker> worker;
    std::unique_ptr<StageRunner> stages;
    std::unique_ptr<ControlPlane> plane;

  private:
    template <class T>
    static Task<void> store(Task<T> task, std::optional<T>& result) {
        result.emplace(co_await std::move(task));
    }
    config::Settings settings() const;
    std::shared_ptr<vl::VirtualLibrary> open_library(const std::string& directory, const std::string& barcode_prefix);
    std::shared_ptr<scsi::Device> door(std::shared_ptr<vl::VirtualLibrary> of, unsigned unit, const std::string& name);
};

// What lies on a cartridge, read from its files without the program under test: objects of the tape.
struct TapeObjects {
    struct Object {
        bool filemark = false;
        std::vector<std::uint8_t> bytes;
    };
    std::vector<Object> objects;
};
TapeObjects read_tape(const std::string& directory);

}  // namespace capstan::daemon
