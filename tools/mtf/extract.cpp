// capstan mtf extract: files and directories beneath one directory. Names come from the medium and are hostile: no "..",
// no symbolic link is followed, nothing that exists is replaced.
#include "config/base/file.hpp"
#include "tools/mtf/walk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ostream>

namespace capstan::tools {

namespace {

class ExtractEvents : public TreeEvents {
  public:
    ExtractEvents(const MtfOptions& options, std::ostream& out, std::ostream& errors, FileHandle root)
        : TreeEvents(options, out, errors), root_(std::move(root)) {}

    void directory(const mtf::Place& place, const mtf::DirectoryBlock& d) override {
        finish_file();
        TreeEvents::directory(place, d);
        if (!selected() || path_.empty()) return;
        if (open_directory(path_)) ++directories_;
    }
    void file(const mtf::Place& place, const mtf::FileBlock& f) override {
        finish_file();
        TreeEvents::file(place, f);
        modified_ = f.modified;
        size_ = f.header.displayable_size;
        sparse_ = false;
        if (selected()) create_file(path_);
    }
    void unknown_block(const mtf::Place& place, const mtf::BlockHeader& header) override {
        finish_file();
        TreeEvents::unknown_block(place, header);
        modified_ = {};
    }
    void stream_start(const mtf::Place&, const mtf::StreamHeader& header) override {
        writing_ = false;
        in_extent_ = header.id == mtf::StreamId::sparse;
        extent_head_.clear();
        if (header.id == mtf::StreamId::data && (header.attributes & mtf::stream_attribute::sparse)) sparse_ = true;
        const bool plain = !header.has(mtf::stream_media::compressed | mtf::stream_media::encrypted);
        if (kind_ == Kind::unknown && selected()) {  // SQL Server's blocks: each stream becomes a file
            close_file();
            create_file(fmt::format("set-{}-{}-{}", set_, path_, mtf::name_of(header.id)));
            writing_ = bool(file_);
        } else if (kind_ == Kind::file && file_ && (header.id == mtf::StreamId::data || in_extent_)) {
            if (header.has(mtf::stream_media::continued))
                fault(place_.offset, name() + ": begins on a medium that was not read; only its end is extracted");
            if (!plain) fault(place_.offset, name() + ": its data are compressed or encrypted and cannot be extracted");
            writing_ = plain;
        }
        base_ = 0;
    }
    void stream_data(std::uint64_t offset, Bytes bytes) override {
        if (!writing_ || !file_) return;
        if (in_extent_) {  // an SPAR stream begins with the offset of its data in the file
            while (extent_head_.size() < 8 && !bytes.empty()) extent_head_.push_back(bytes[0]), bytes = bytes.subspan(1), ++offset;
            if (bytes.empty() || extent_head_.size() < 8) return;
            base_ = *Reader(extent_head_).little<8>();
            offset -= 8;
        }
        const auto at = base_ + offset;
        if (at < base_ || at > static_cast<std::uint64_t>(INT64_MAX) - bytes.size()) {
            writing_ = false;
            return fault(place_.offset, name() + ": a sparse extent lies beyond every file's end");
        }
        if (auto written = write_all(file_.get(), bytes, at, path_); !written) {
            writing_ = false;
            return fault(place_.offset, to_text(written.error()));
        }
        bytes_ += bytes.size();
    }
    void stream_end(const mtf::StreamEnd& end) override {
        if (writing_ && end.checksum == mtf::ChecksumState::bad) fault(place_.offset, name() + ": its checksum is wrong");
        if (writing_ && !end.complete) fault(place_.offset, name() + ": its data are not complete");
        writing_ = false;
    }
    void corrupt(const mtf::Place& place, const mtf::CorruptBlock&) override {
        if (selected()) fault(place.offset, name() + ": marked as damaged by its writer");
    }
    void object_end() override { finish_file(); }
    void done() override {
        finish_file();
        if (options_.json)
            out_ << fmt::format(",\n{{\"kind\":\"summary\",\"directories\":{},\"files\":{},\"bytes\":{},\"faults\":{}}}",
                                directories_, files_, bytes_, faults_);
        else
            out_ << fmt::format("{} directories, {} files, {} bytes extracted to {}; {} faults\n", directories_, files_, bytes_,
                                mtf::printable(options_.to), faults_);
    }

  private:
    std::string name() const { return mtf::printable(path_); }

    static bool safe(std::string_view component) {
        return !component.empty() && component != "." && component != ".." && component.find('\0') == std::string_view::npos;
    }
    // Walks down from the root, one component at a time, making what is missing. Empty: refused, and said why.
    FileHandle open_directory(std::string_view path) {
        FileHandle at(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
        while (!path.empty()) {
            const auto slash = path.find('/');
            const std::string component(path.substr(0, slash));
            path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
            if (!safe(component)) {
                fault(place_.offset, fmt::format("{}: refused: the name '{}' could lead elsewhere", name(), mtf::printable(component)));
                return {};
            }
            if (::mkdirat(at.get(), component.c_str(), 0777) != 0 && errno != EEXIST) return refuse("cannot create a directory");
            FileHandle below(::openat(at.get(), component.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
            if (!below) return refuse(fmt::format("cannot enter '{}'", mtf::printable(component)));
            at = std::move(below);
        }
        return at;
    }
    FileHandle refuse(const std::string& what) {
        fault(place_.offset, to_text(fail_errno(errno, fmt::format("{}: {}", name(), what)).error()));
        return {};
    }
    void create_file(const std::string& path) {
        const auto slash = path.rfind('/');
        const auto base = slash == std::string::npos ? path : path.substr(slash + 1);
        auto parent = open_directory(slash == std::string::npos ? std::string_view{} : std::string_view(path).substr(0, slash));
        if (!parent) return;
        if (!safe(base)) {
            fault(place_.offset, fmt::format("{}: refused: '{}' is no file name", name(), mtf::printable(base)));
            return;
        }
        FileHandle made(::openat(parent.get(), base.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
        if (!made) {
            refuse("cannot create the file");
            return;
        }
        file_ = std::move(made);
        ++files_;
    }
    void close_file() { file_.reset(); }
    void finish_file() {
        if (!file_) return;
        if (sparse_ && size_ <= static_cast<std::uint64_t>(INT64_MAX)) {
            struct stat status {};
            const bool known = ::fstat(file_.get(), &status) == 0;
            if (known && static_cast<std::uint64_t>(status.st_size) < size_ && ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
                refuse("cannot set the size");
        }
        if (modified_.known()) {
            timespec times[2]{};
            times[0].tv_nsec = UTIME_OMIT;
            times[1].tv_sec = mtf::to_unix(modified_, quarter_hours_);
            if (::futimens(file_.get(), times) != 0) refuse("cannot set the time");
        }
        close_file();
    }

    FileHandle root_, file_;
    bool writing_ = false, sparse_ = false, in_extent_ = false;
    std::vector<std::uint8_t> extent_head_;
    std::uint64_t base_ = 0, size_ = 0;
    mtf::DateTime modified_;
    std::uint64_t directories_ = 0, files_ = 0, bytes_ = 0;
};

}  // namespace

int extract_media(const MtfOptions& options, const OpenMedium& open_medium, std::ostream& out, std::ostream& errors) {
    auto target = options.to;
    if (!target.starts_with('/')) target = "./" + target;
    if (auto made = make_directories(target, 0777); !made) return errors << to_text(made.error()) << '\n', 1;
    auto root = open_file(target, O_RDONLY | O_DIRECTORY);
    if (!root) return errors << to_text(root.error()) << '\n', 1;
    ExtractEvents events(options, out, errors, std::move(*root));
    return walk_media(options, open_medium, events, errors) && events.faults() == 0 ? 0 : 1;
}

}  // namespace capstan::tools
