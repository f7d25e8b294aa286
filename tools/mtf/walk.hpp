// What the three verbs share: reading media to their end through the decoder, and knowing where in the tree one is.
#pragma once

#include "backup/mtf/decoder.hpp"
#include "tools/mtf/medium_input.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace capstan::tools {

struct MtfOptions {
    std::string verb, file, to = ".";
    std::vector<std::string> next;  // the media on which a set goes on
    std::vector<std::string> names;
    std::uint32_t set = 0;  // 0: all
    bool json = false;
};

// Keeps the path of the object whose events come. Faults are counted and shown with their offset.
class TreeEvents : public mtf::DecoderEvents {
  public:
    TreeEvents(const MtfOptions& options, std::ostream& out, std::ostream& errors)
        : options_(options), out_(out), errors_(errors), names_met_(options.names.size()) {}
    std::uint64_t faults() const { return faults_; }
    void set_medium(std::string name) { medium_ = std::move(name); }
    virtual bool wants_data() const { return true; }
    virtual void done() {}
    bool all_met() const;  // --set and each name that was given were found; what was not is shown

    void media_header(const mtf::Place&, const mtf::MediaHeader& header) override;
    void set_start(const mtf::Place&, const mtf::SetBlock& set) override;
    void volume(const mtf::Place&, const mtf::VolumeBlock& volume) override;
    void directory(const mtf::Place&, const mtf::DirectoryBlock& directory) override;
    void file(const mtf::Place& place, const mtf::FileBlock& file) override;
    void unknown_block(const mtf::Place& place, const mtf::BlockHeader& header) override;
    void set_end(const mtf::Place& place, const mtf::EndOfSetBlock& end) override;
    void damage(const mtf::Damage& damage) override;

  protected:
    enum class Kind : std::uint8_t { none, directory, file, unknown, end_of_set };
    void fault(std::uint64_t offset, const std::string& what);
    bool selected() const;  // the object, by --set and names

    const MtfOptions& options_;
    std::ostream& out_;
    std::ostream& errors_;
    std::uint64_t faults_ = 0;
    std::string medium_;
    Kind kind_ = Kind::none;
    mtf::Place place_;  // of the object
    std::uint32_t set_ = 0;
    int quarter_hours_ = 0;  // local time of the writer minus UTC
    bool ntbackup_ = false;  // stores the time zone with the opposite sign
    std::string directory_, path_;
    std::uint32_t unknown_count_ = 0;
    bool set_met_ = false;
    mutable std::vector<bool> names_met_;  // by selected()
};

// Feeds the medium, and those of --next when a set goes on. False: a medium could not be read, or what was asked for is
// not on it; the error was shown.
bool walk_media(const MtfOptions& options, const OpenMedium& open_medium, TreeEvents& events, std::ostream& errors);

std::string json_name(const char* field,
                      std::string_view name);  // "f":"…" and, for names that are not UTF-8, "f_bytes":base64
std::string json_text(std::string_view text);  // quoted and escaped; not UTF-8: repaired

int list_media(const MtfOptions& options, const OpenMedium& open_medium, std::ostream& out, std::ostream& errors);
int check_media(const MtfOptions& options, const OpenMedium& open_medium, std::ostream& out, std::ostream& errors);
int extract_media(const MtfOptions& options, const OpenMedium& open_medium, std::ostream& out, std::ostream& errors);

}  // namespace capstan::tools
