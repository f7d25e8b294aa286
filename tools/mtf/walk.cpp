#include "tools/mtf/walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

namespace capstan::tools {

void TreeEvents::media_header(const mtf::Place&, const mtf::MediaHeader& header) {
    ntbackup_ = header.software.find("NTBACKUP") != std::string::npos;
}

void TreeEvents::set_start(const mtf::Place&, const mtf::SetBlock& set) {
    set_ = set.number;
    if (set_ == options_.set) set_met_ = true;
    quarter_hours_ = set.quarter_hours == 127 ? 0 : ntbackup_ ? -set.quarter_hours : set.quarter_hours;
    directory_.clear();
    path_.clear();
    kind_ = Kind::none;
    unknown_count_ = 0;
}

void TreeEvents::volume(const mtf::Place&, const mtf::VolumeBlock&) {
    directory_.clear();
    kind_ = Kind::none;
}

void TreeEvents::directory(const mtf::Place& place, const mtf::DirectoryBlock& directory) {
    place_ = place;
    kind_ = Kind::directory;
    directory_ = path_ = directory.path;
}

void TreeEvents::file(const mtf::Place& place, const mtf::FileBlock& file) {
    place_ = place;
    kind_ = Kind::file;
    path_ = directory_.empty() ? file.name : directory_ + '/' + file.name;
}

void TreeEvents::unknown_block(const mtf::Place& place, const mtf::BlockHeader& header) {
    place_ = place;
    kind_ = Kind::unknown;
    path_ = fmt::format("{}-{}", mtf::name_of(header.type), ++unknown_count_);
    std::ranges::replace(path_, ' ', '_');
}

void TreeEvents::set_end(const mtf::Place& place, const mtf::EndOfSetBlock&) {
    place_ = place;
    kind_ = Kind::end_of_set;
    path_.clear();
}

void TreeEvents::damage(const mtf::Damage& damage) {
    fault(damage.offset,
          damage.skipped > 0 ? fmt::format("{}; {} bytes passed over", damage.what, damage.skipped) : damage.what);
}

void TreeEvents::fault(std::uint64_t offset, const std::string& what) {
    ++faults_;
    if (options_.json)
        out_ << fmt::format(",\n{{\"kind\":\"fault\",\"offset\":{},\"what\":{}}}", offset, json_text(what));
    else
        errors_ << fmt::format("{}: offset {}: {}\n", medium_, offset, what);
}

bool TreeEvents::selected() const {
    if (options_.set != 0 && options_.set != set_) return false;
    if (options_.names.empty()) return true;
    bool any = false;
    for (std::size_t i = 0; i < options_.names.size(); ++i) {
        std::string_view name = options_.names[i];
        while (name.starts_with('/')) name.remove_prefix(1);
        while (name.ends_with('/')) name.remove_suffix(1);
        if (!name.empty() && path_ != name && !(path_.starts_with(name) && path_[name.size()] == '/')) continue;
        any = names_met_[i] = true;
    }
    return any;
}

bool TreeEvents::all_met() const {
    if (options_.set != 0 && !set_met_) errors_ << fmt::format("{}: there is no set {}\n", options_.file, options_.set);
    bool all = options_.set == 0 || set_met_;
    if (options_.verb == "check") return all;  // it looks at everything, whatever is named
    for (std::size_t i = 0; all && i < options_.names.size(); ++i) {
        if (names_met_[i]) continue;
        errors_ << fmt::format("{}: nothing is named {}\n", options_.file, mtf::printable(options_.names[i]));
        all = false;
    }
    return all;
}

namespace {

Result<void> feed_medium(MediumInput& input, mtf::Decoder& decoder, bool wants_data) {
    for (;;) {
        CAPSTAN_TRY(const auto item, input.next());
        if (item.kind == MediumItem::Kind::end) return {};
        if (item.kind == MediumItem::Kind::filemark)
            decoder.filemark();
        else
            decoder.feed(item.bytes);
        if (wants_data) continue;
        for (auto ahead = decoder.data_ahead(); ahead > 0; ahead = decoder.data_ahead()) {
            const auto skipped = input.skip(ahead);
            if (skipped == 0) break;
            decoder.skip_data(skipped);
        }
    }
}

}  // namespace

bool walk_media(const MtfOptions& options, const OpenMedium& open_medium, TreeEvents& events, std::ostream& errors) {
    std::vector<std::string> media{options.file};
    media.insert(media.end(), options.next.begin(), options.next.end());
    std::unique_ptr<mtf::Decoder> decoder;
    for (std::size_t i = 0; i < media.size(); ++i) {
        auto input = open_medium(media[i]);
        if (!input) {
            errors << to_text(input.error()) << '\n';
            return false;
        }
        events.set_medium(media[i]);
        if (!decoder)
            decoder = std::make_unique<mtf::Decoder>(events, mtf::DecoderSettings{.medium_size = (*input)->size()});
        else
            decoder->next_medium((*input)->size());
        if (auto fed = feed_medium(**input, *decoder, events.wants_data()); !fed) {
            errors << to_text(fed.error()) << '\n';
            return false;
        }
        const bool goes_on = decoder->end_of_medium();
        if (!goes_on && i + 1 < media.size())
            errors << fmt::format("{}: no set goes on there; not read\n", media[i + 1]);
        if (goes_on && i + 1 == media.size())
            errors << fmt::format("{}: its last set goes on on another medium. Give that with --next FILE.\n",
                                  media[i]);
        if (!goes_on) break;
    }
    decoder->finish();
    events.done();
    return events.all_met();
}

std::string json_text(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const auto c = static_cast<unsigned char>(text[0]);
        std::size_t size = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
        if (size > text.size() || !mtf::is_utf8(text.substr(0, size))) {
            out += "\xEF\xBF\xBD";
            size = 1;
        } else if (c == '"' || c == '\\') {
            out += {'\\', static_cast<char>(c)};
        } else if (c < 0x20 || c == 0x7F) {
            out += fmt::format("\\u{:04x}", c);
        } else {
            out += text.substr(0, size);
        }
        text.remove_prefix(size);
    }
    return out + '"';
}

std::string json_name(const char* field, std::string_view name) {
    auto out = fmt::format("\"{}\":{}", field, json_text(name));
    if (mtf::is_utf8(name)) return out;
    static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string base64;
    for (std::size_t i = 0; i < name.size(); i += 3) {
        auto byte = [&](std::size_t at) { return at < name.size() ? static_cast<unsigned char>(name[at]) : 0U; };
        const unsigned group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
        for (unsigned d = 0; d < 4; ++d) base64 += i + d > name.size() ? '=' : kDigits[group >> (18 - 6 * d) & 63];
    }
    return out + fmt::format(",\"{}_bytes\":\"{}\"", field, base64);
}

}  // namespace capstan::tools
