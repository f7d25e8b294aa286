// Reads and sets the metadata of one object by descriptor. Each thread has its own Collector and Applier.
#pragma once

#include "backup/posix/metadata.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace capstan::backup {

// How an object's descriptor was opened.
enum class Access : std::uint8_t {
    readable,   // O_RDONLY
    path_only,  // O_PATH: extended attributes go through /proc/self/fd
};

class Collector {
  public:
    // Fills all but the names and first_name. Returns 0 or the errno of what made the object unreadable; an attribute
    // that cannot be read is named in `missing` instead.
    int collect(int descriptor, Access access, Metadata& metadata, std::vector<std::string>& missing);
    std::uint64_t allocated() const { return allocated_; }  // bytes on the disk of what was collected last

  private:
    struct FileSystem {  // learnt from the first refusal, so that nothing is asked in vain again
        dev_t device = 0;
        bool attributes = true, flags = true;
    };
    FileSystem& file_system(dev_t device);
    void collect_attributes(int descriptor, Access access, FileSystem& fs, Metadata& metadata,
                            std::vector<std::string>& missing);
    const std::string& user_name(std::uint32_t uid);
    const std::string& group_name(std::uint32_t gid);

    std::vector<FileSystem> file_systems_;
    std::size_t last_file_system_ = 0;
    std::uint64_t allocated_ = 0;
    std::unordered_map<std::uint32_t, std::string> users_, groups_;
    std::vector<char> list_, value_;
};

// What is set when. Order: owner; `user.` attributes (while the object is still writable for whoever is not root);
// mode; ACLs and the other attributes (capabilities after the owner, which removes them); flags; times.
class Applier {
  public:
    explicit Applier(bool numeric_owner) : numeric_owner_(numeric_owner) {}
    // Flags that must be set while an object is still empty (no copy-on-write, case folding).
    void apply_before_data(int descriptor, const Metadata& metadata);
    // All but the flags that forbid changes. What could not be set is named in `missing`; the rest is set all the same.
    void apply(int descriptor, Access access, const Metadata& metadata, std::vector<std::string>& missing);
    // Immutable and append-only, once nothing is to be changed any more (also no further hard link).
    static bool needs_locking(const Metadata& metadata);
    static void lock(int descriptor, const Metadata& metadata, std::vector<std::string>& missing);

  private:
    std::uint32_t user_id(const Metadata& metadata);
    std::uint32_t group_id(const Metadata& metadata);

    bool numeric_owner_;
    std::unordered_map<std::string, std::optional<std::uint32_t>> users_, groups_;  // empty: not known here
};

}  // namespace capstan::backup
