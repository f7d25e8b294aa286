// capstan mtf list: sets, volumes, directories and files of a medium, in their order on it.
#include "tools/mtf/walk.hpp"

#include "backup/mtf/private_streams.hpp"

#include <fmt/format.h>

#include <ostream>

namespace capstan::tools {

namespace {

std::string set_type(std::uint32_t attributes) {
    using namespace mtf::set_attribute;
    if (attributes & copy) return "copy";
    if (attributes & normal) return "normal";
    if (attributes & differential) return "differential";
    if (attributes & incremental) return "incremental";
    return attributes & daily ? "daily" : "unknown type";
}

std::string flags(std::uint32_t attributes, bool directory) {
    using namespace mtf::object_attribute;
    std::string text = directory ? "d" : "-";
    text += attributes & read_only ? 'r' : '-';
    text += attributes & hidden ? 'h' : '-';
    text += attributes & system ? 's' : '-';
    text += attributes & modified ? 'a' : '-';
    return text;
}

class ListEvents : public TreeEvents {
  public:
    using TreeEvents::TreeEvents;
    bool wants_data() const override { return false; }

    void media_header(const mtf::Place& place, const mtf::MediaHeader& m) override {
        TreeEvents::media_header(place, m);
        if (options_.json) {
            record(fmt::format("\"kind\":\"medium\",\"offset\":{},\"family\":{},\"sequence\":{},\"name\":{},\"label\":{},"
                               "\"software\":{},\"date\":\"{}\",\"flb_size\":{},\"block_size\":{},\"catalog_type\":{}",
                               place.offset, raw(m.family), m.sequence, json_text(m.name), json_text(m.label),
                               json_text(m.software), to_text(m.date), m.flb_size, m.physical_block_units * 512,
                               m.catalog_type));
            return;
        }
        out_ << fmt::format("Medium   family {:08X}, sequence {}, written {}\n", raw(m.family), m.sequence, to_text(m.date));
        if (!m.name.empty()) out_ << fmt::format("  name   {}\n", mtf::printable(m.name));
        if (!m.label.empty()) out_ << fmt::format("  label  {}\n", mtf::printable(m.label));
        out_ << fmt::format("  by     {}\n", mtf::printable(m.software));
    }
    void set_start(const mtf::Place& place, const mtf::SetBlock& set) override {
        TreeEvents::set_start(place, set);
        if (!set_selected()) return;
        const auto* goes_on = set.header.continuation() ? ", continued" : "";
        if (options_.json) {
            record(fmt::format("\"kind\":\"set\",\"offset\":{},\"number\":{},\"type\":\"{}\",\"date\":\"{}\",\"name\":{},"
                               "\"description\":{},\"user\":{},\"continued\":{}",
                               place.offset, set.number, set_type(set.attributes), to_text(set.date), json_text(set.name),
                               json_text(set.description), json_text(set.user), set.header.continuation()));
            return;
        }
        out_ << fmt::format("Set {}    {}, {}{}, {}\n", set.number, set_type(set.attributes), to_text(set.date), goes_on,
                            mtf::printable(set.name));
        if (!set.description.empty()) out_ << fmt::format("  about  {}\n", mtf::printable(set.description));
        if (!set.user.empty()) out_ << fmt::format("  user   {}\n", mtf::printable(set.user));
    }
    void volume(const mtf::Place& place, const mtf::VolumeBlock& v) override {
        TreeEvents::volume(place, v);
        if (!set_selected()) return;
        if (options_.json)
            record(fmt::format("\"kind\":\"volume\",\"offset\":{},\"device\":{},\"name\":{},\"machine\":{}", place.offset,
                               json_text(v.device), json_text(v.name), json_text(v.machine)));
        else
            out_ << fmt::format("  volume {} {} on {}\n", mtf::printable(v.device), mtf::printable(v.name), mtf::printable(v.machine));
    }
    void directory(const mtf::Place& place, const mtf::DirectoryBlock& d) override {
        TreeEvents::directory(place, d);
        object(place, d.header, "directory", flags(d.attributes, true), d.modified);
    }
    void file(const mtf::Place& place, const mtf::FileBlock& f) override {
        TreeEvents::file(place, f);
        object(place, f.header, "file", flags(f.attributes, false), f.modified);
    }
    void unknown_block(const mtf::Place& place, const mtf::BlockHeader& header) override {
        TreeEvents::unknown_block(place, header);
        object(place, header, "unknown", "?", {});
    }
    void corrupt(const mtf::Place& place, const mtf::CorruptBlock& c) override {
        if (!selected()) return;
        if (options_.json) record(fmt::format("\"kind\":\"corrupt\",\"offset\":{},{}", place.offset, json_name("path", path_)));
        else out_ << fmt::format("  damaged from byte {} of stream {}: {}\n", c.stream_offset, c.stream_number, mtf::printable(path_));
    }
    void end_of_tape(const mtf::Place& place, const mtf::EndOfTapeBlock&) override {
        if (options_.json) record(fmt::format("\"kind\":\"end_of_medium\",\"offset\":{}", place.offset));
        else out_ << "The family goes on on another medium.\n";
    }

  private:
    bool set_selected() const { return options_.set == 0 || options_.set == set_; }
    void record(const std::string& fields) { out_ << fmt::format(",\n{{{}}}", fields); }
    void object(const mtf::Place& place, const mtf::BlockHeader& header, const char* kind, const std::string& shown,
                const mtf::DateTime& modified) {
        if (!selected()) return;
        if (options_.json)
            record(fmt::format("\"kind\":\"{}\",\"offset\":{},\"address\":{},\"set\":{},{},\"size\":{},\"attributes\":\"{}\","
                               "\"modified\":\"{}\"",
                               kind, place.offset, header.address, set_, json_name("path", path_), header.displayable_size,
                               shown, to_text(modified)));
        else
            out_ << fmt::format("  {:<5} {:>15}  {:<19}  {}\n", shown, header.displayable_size, to_text(modified),
                                path_.empty() ? "(root)" : mtf::printable(path_));
    }
};

}  // namespace

int list_media(const MtfOptions& options, const OpenMedium& open_medium, std::ostream& out, std::ostream& errors) {
    ListEvents events(options, out, errors);
    return walk_media(options, open_medium, events, errors) && events.faults() == 0 ? 0 : 1;
}

}  // namespace capstan::tools
