// A regular file that has no name until it is complete: where the file system can, it is made without one (O_TMPFILE),
// so that nothing is left of a restore that was killed; otherwise, and to replace what exists, under a temporary name.
// One thread; one object makes one file after the other.
#pragma once

#include "backup/restore/restore_target.hpp"
#include "config/base/file.hpp"

#include <atomic>
#include <cstdint>
#include <string>

namespace capstan::backup {

std::string temporary_prefix(const std::string& nonce);  // of every temporary name of that restore

// Names beneath one restore that nothing else has. Any thread.
class TemporaryNames {
  public:
    explicit TemporaryNames(const std::string& nonce) : prefix_(temporary_prefix(nonce)) {}
    std::string next();

  private:
    std::string prefix_;
    std::atomic<std::uint64_t> count_ = 0;
};

// Gives what has the temporary name `from` in `parent` the name `to`; under Existing::never only if nothing has it
// (EEXIST). False and errno: it is gone.
bool name_or_remove(int parent, const std::string& from, const std::string& to, Existing existing);

class NewFile {
  public:
    explicit NewFile(TemporaryNames& names) : names_(names) {}
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() { drop(); }

    // Makes an empty file in the directory `parent`, which must stay open until place() or drop(). False and errno.
    bool create(int parent, Existing existing);
    // Whether the file system has that many bytes now. They are not reserved: blocks that fallocate(2) reserves are
    // written to the journal once more when they get their contents.
    bool has_room_for(std::uint64_t bytes) const;
    // The bytes before `end` were written, in order: a long file is handed to the disk step by step, while the next of it are read
    // from the medium. A failure of the disk shows when the restore synchronises.
    void written_until(std::uint64_t end);
    int descriptor() const { return file_.get(); }
    explicit operator bool() const { return static_cast<bool>(file_); }
    // Gives it its name and closes it. False and errno (EEXIST: something has the name, and existing is `never`): it is
    // gone.
    bool place(const std::string& name);
    void drop();  // it never was

  private:
    bool link(const std::string& name);

    TemporaryNames& names_;
    Existing existing_ = Existing::never;
    bool unnamed_works_ = true, empty_path_works_ = true;  // until a refusal
    int parent_ = -1;
    FileHandle file_;
    std::uint64_t handed_over_ = 0;  // bytes that the disk works at
    std::string temporary_;  // empty: it has no name at all
};

}  // namespace capstan::backup
