#include "daemon/object_info.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <array>

namespace capstan::daemon {
namespace {

std::string user_name(std::uint32_t id) {
    std::array<char, 16384> space{};
    passwd entry{}, *found = nullptr;
    return ::getpwuid_r(id, &entry, space.data(), space.size(), &found) == 0 && found != nullptr ? found->pw_name : "";
}

std::string group_name(std::uint32_t id) {
    std::array<char, 16384> space{};
    group entry{}, *found = nullptr;
    return ::getgrgid_r(id, &entry, space.data(), space.size(), &found) == 0 && found != nullptr ? found->gr_name : "";
}

template <class Ask>
const std::string& cached(std::unordered_map<std::uint32_t, std::string>& names, std::uint32_t id, Ask ask) {
    auto found = names.find(id);
    return found != names.end() ? found->second : names.emplace(id, ask(id)).first->second;
}

std::string kind_of(const catalog::ObjectFacts& facts) {
    using Kind = catalog::ObjectKind;
    switch (facts.kind) {
        case Kind::regular: return "file";
        case Kind::directory: return facts.path_only ? "path_only" : "directory";
        case Kind::symlink: return "symlink";
        case Kind::hard_link: return "hardlink";
        case Kind::fifo: return "fifo";
        case Kind::character_device: return "char_device";
        case Kind::block_device: return "block_device";
    }
    return {};
}

std::string state_of(catalog::ObjectState state) {
    switch (state) {
        case catalog::ObjectState::saved: return "saved";
        case catalog::ObjectState::changed: return "changed";
        case catalog::ObjectState::partial: return "incomplete";
        case catalog::ObjectState::not_saved: return "not_saved";
    }
    return {};
}

}  // namespace

const std::vector<catalog::MediaExtent>& ObjectDescriber::extents_of(SetNumber set) {
    auto found = extents_.find(set);
    if (found != extents_.end()) return found->second;
    auto& extents = extents_[set];
    auto headers = catalog_.headers(set);
    if (!headers) return extents;  // where it lies stays open; what it is was answered already
    std::vector<const catalog::SegmentHeader*> list;
    for (const auto& header : *headers) list.push_back(&header);
    return extents = catalog::merge_extents(list);
}

api::ObjectInfo ObjectDescriber::describe(const catalog::Object& object, std::string name, SetNumber set) {
    const auto& facts = object.facts;
    api::ObjectInfo info;
    info.name = std::move(name);
    info.kind = kind_of(facts);
    info.state = state_of(facts.state);
    info.size = facts.size;
    auto since = facts.mtime.time_since_epoch();
    auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    info.modified = {seconds.count(), static_cast<std::uint32_t>((since - seconds).count())};
    info.mode = facts.mode;
    info.uid = facts.uid;
    info.gid = facts.gid;
    info.user = cached(users_, facts.uid, user_name);
    info.group = cached(groups_, facts.gid, group_name);
    if (facts.hash)
        for (auto byte : *facts.hash) info.hash += fmt::format("{:02x}", byte);
    info.set = raw(set);
    if (facts.state == catalog::ObjectState::not_saved) return info;
    if (auto location = catalog::locate(extents_of(set), facts.fla)) {
        info.medium = location->volume_tag.text;
        info.block = raw(location->block);
    }
    return info;
}

}  // namespace capstan::daemon
