#include "daemon/catalog_files.hpp"

#include "catalog/segment_reader.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>

namespace capstan::daemon {
namespace {

struct SegmentName {
    std::uint64_t set = 0;
    std::uint32_t ordinal = 0;
};
std::optional<SegmentName> segment_name(std::string_view name) {
    SegmentName parsed;
    const auto* end = name.data() + name.size();
    auto [dot, error] = std::from_chars(name.data(), end, parsed.set);
    if (error != std::errc{} || dot == end || *dot != '.') return std::nullopt;
    auto [rest, second] = std::from_chars(dot + 1, end, parsed.ordinal);
    if (second != std::errc{} || rest != end || name != fmt::format("{}.{}", parsed.set, parsed.ordinal)) return std::nullopt;
    return parsed;
}

bool is_segment(const std::string& file, std::string_view name) {
    auto parsed = segment_name(name);
    if (!parsed) return false;
    auto reader = catalog::SegmentReader::open(file);
    return reader && raw((*reader)->header().set) == parsed->set && (*reader)->header().ordinal == parsed->ordinal;
}

}  // namespace

CatalogFiles::~CatalogFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(scratch_, ignored);
}

Result<void> CatalogFiles::open() {
    std::error_code error;
    std::filesystem::remove_all(scratch_, error);
    CAPSTAN_CHECK(make_directories(scratch_));
    return make_directories(catalog_);
}

bool CatalogFiles::Sink::wants_data(const std::string& path) {
    const auto name = std::string(catalog::name_of(path));
    if (name != "state-copy.db" && !segment_name(name)) return false;
    name_ = name == "state-copy.db" ? fmt::format("copy-{}", raw(set_)) : name;
    auto opened = open_file(files_.scratch_ + "/" + name_, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!opened) {
        failure_ = to_text(opened.error());
        return false;
    }
    file_ = std::move(*opened);
    return true;
}

void CatalogFiles::Sink::data(std::uint64_t offset, Bytes bytes) {
    if (!failure_.empty()) return;
    auto written = write_all(file_.get(), bytes, offset, files_.scratch_ + "/" + name_);
    if (!written) failure_ = to_text(written.error());
}

void CatalogFiles::Sink::finished(std::uint64_t size, bool whole) {
    const bool sized = ::ftruncate(file_.get(), static_cast<off_t>(size)) == 0 && ::fsync(file_.get()) == 0;
    file_ = FileHandle{};
    const auto path = files_.scratch_ + "/" + name_;
    if (!whole || !sized || !failure_.empty()) {
        ::unlink(path.c_str());
        return;
    }
    if (name_.starts_with("copy-")) files_.copies_[raw(set_)] = path;
    else files_.segments_.insert(name_);
}

bool CatalogFiles::is_good(const std::string& catalog, const std::string& name) { return is_segment(catalog + "/" + name, name); }

Result<std::vector<std::string>> CatalogFiles::install() {
    std::vector<std::string> good;
    for (const auto& name : segments_) {
        const auto from = scratch_ + "/" + name, to = catalog_ + "/" + name;
        if (is_segment(to, name)) {
            good.push_back(name);
            continue;
        }
        if (!is_segment(from, name)) continue;
        if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno(errno, fmt::format("cannot move {} to {}", from, to));
        good.push_back(name);
    }
    segments_.clear();
    CAPSTAN_CHECK(sync_directory(catalog_));
    return good;
}

}  // namespace capstan::daemon
