// Trees of odd objects in a scratch directory, and an independent look at them: plain system calls, none of the code
// under test.
#pragma once

#include <map>
#include <string>

namespace capstan::backup {

class ScratchDirectory {
  public:
    ScratchDirectory();
    ~ScratchDirectory();  // removes everything, also immutable objects
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

void write_file(const std::string& path, const std::string& content);
std::string read_whole(const std::string& path);
// Every odd object that this machine lets be made. Returns what could not be, for the test's output.
std::string make_odd_tree(const std::string& root);
// `depth` directories "dN" below each other, far beyond PATH_MAX, with a file at the bottom.
void make_deep_tree(const std::string& root, int depth);

// One line for each object: type, mode, owner, times, device, link group, attributes, flags, content, extents. Sockets
// are left out. Path relative to `root`, "." for the root itself.
std::map<std::string, std::string> look_at(const std::string& root);
// What differs, as text; empty: nothing.
std::string difference(const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b);

}  // namespace capstan::backup
