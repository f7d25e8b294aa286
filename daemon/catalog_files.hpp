// Files of catalog sets on their way back from a tape: segments and copies of the state database, in a directory of their own until
// they were looked at.
#pragma once

#include "backup/job/set_scanner.hpp"
#include "config/base/file.hpp"
#include "config/base/ids.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace capstan::daemon {

class CatalogFiles {
  public:
    CatalogFiles(std::string scratch, std::string catalog) : scratch_(std::move(scratch)), catalog_(std::move(catalog)) {}
    ~CatalogFiles();
    CatalogFiles(const CatalogFiles&) = delete;
    CatalogFiles& operator=(const CatalogFiles&) = delete;
    Result<void> open();  // an empty scratch directory

    // Takes the files of one catalog set while it is scanned. The stage's thread.
    class Sink final : public backup::ScanSink {
      public:
        Sink(CatalogFiles& files, SetNumber set) : files_(files), set_(set) {}
        void directory(const std::string&, const catalog::ObjectFacts&) override {}
        void object(const std::string&, const catalog::ObjectFacts&) override {}
        bool wants_data(const std::string& path) override;
        void data(std::uint64_t offset, Bytes bytes) override;
        void finished(std::uint64_t size, bool whole) override;
        const std::string& failure() const { return failure_; }

      private:
        CatalogFiles& files_;
        SetNumber set_;
        std::string name_, failure_;
        FileHandle file_;
    };

    // Worker. Segments that are what their names say go to the catalog, unless a good one is there. Gives the names of all good ones.
    Result<std::vector<std::string>> install();
    // Worker. Is there a good segment of this name?
    static bool is_good(const std::string& catalog, const std::string& name);
    // Copies of the state database by the set that held them.
    const std::map<std::uint64_t, std::string>& copies() const { return copies_; }
    const std::string& scratch() const { return scratch_; }
    const std::string& catalog() const { return catalog_; }

  private:
    std::string scratch_, catalog_;
    std::set<std::string> segments_;
    std::map<std::uint64_t, std::string> copies_;
};

}  // namespace capstan::daemon
