// Names what is to be saved, in the order of the set, without looking at the objects themselves. One thread at a time.
#pragma once

#include "backup/ledger.hpp"
#include "config/base/file.hpp"

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace capstan::backup {

struct OpenDirectory {
    FileHandle handle;
    dev_t device = 0;
    ino_t inode = 0;
};

// The chosen paths as a tree of their components.
struct ChosenNode {
    std::map<std::string, std::unique_ptr<ChosenNode>> children;
    bool chosen = false;
    const ChosenNode* child(const std::string& name) const;
    void add(const std::string& recorded_path);
};

// Absolute paths, as FileSourceOptions::paths. Errors (change_request), all in one message.
Result<ChosenNode> choose_paths(const std::vector<std::string>& paths);

struct WalkEntry {
    enum class Kind : std::uint8_t { object, issue } kind = Kind::object;
    std::shared_ptr<OpenDirectory> directory;  // of an object: its parent; of a directory: itself
    std::string path;                          // recorded path
    std::string name;                          // last component; empty: the directory itself
    unsigned char type = 0;                    // DT_*, as the directory told: may be outdated
    bool path_only = false;
    std::optional<Issue> issue;
};

class Walker {
  public:
    Walker(ChosenNode chosen, bool cross_file_systems, std::vector<std::string> exclude);
    ~Walker();
    bool next(WalkEntry& entry);                                 // false: the end
    std::uint64_t sockets() const { return sockets_.load(); }    // any thread
    std::uint64_t excluded() const { return excluded_.load(); }  // any thread

  private:
    struct Name {
        std::string text;
        unsigned char type;
    };
    struct Frame {
        std::shared_ptr<OpenDirectory> directory;  // empty: closed because too many are open
        dev_t device = 0;
        ino_t inode = 0;
        const ChosenNode* node = nullptr;
        bool whole = false;  // false: only what `node` names
        bool listed = false;
        std::size_t path_size = 0;               // of this directory's own path
        std::vector<Name> objects, directories;  // sorted backwards: the next is at the end
    };
    void list(Frame& frame);
    void list_all(Frame& frame);
    void take(Frame& frame, Name name);
    bool enter(Frame& parent, const std::string& name, WalkEntry& entry);
    void leave();
    FileHandle open_from_root() const;
    bool is_excluded(const std::string& name);
    std::string path_of(const std::string& name) const;
    void report(IssueKind kind, std::string path, std::string text);

    ChosenNode chosen_;
    bool cross_;
    std::vector<std::string> exclude_;
    std::string path_;  // of the innermost frame
    std::vector<Frame> frames_;
    std::vector<Issue> issues_;
    bool begun_ = false;
    std::atomic<std::uint64_t> sockets_ = 0, excluded_ = 0;
    std::vector<char> space_;
};

}  // namespace capstan::backup
