#include "tools/mtf/medium_input.hpp"

#include "config/base/file.hpp"
#include "drives/virtual/cartridge_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace capstan::tools {

namespace {

class FileInput : public MediumInput {
    std::string path_;
    FileHandle file_;
    std::uint64_t size_, offset_ = 0;
    std::vector<std::uint8_t> chunk_ = std::vector<std::uint8_t>(1 << 20);

  public:
    FileInput(std::string path, FileHandle file, std::uint64_t size)
        : path_(std::move(path)), file_(std::move(file)), size_(size) {}
    Result<MediumItem> next() override {
        CAPSTAN_TRY(const auto got, read_some(file_.get(), chunk_, offset_, path_));
        offset_ += got;
        if (got == 0) return MediumItem{};
        return MediumItem{MediumItem::Kind::block, Bytes(chunk_).first(got)};
    }
    std::uint64_t skip(std::uint64_t size) override {
        size = std::min(size, size_ - std::min(size_, offset_));
        offset_ += size;
        return size;
    }
    std::uint64_t size() const override { return size_; }
};

class CartridgeInput : public MediumInput {
    std::unique_ptr<virtual_library::CartridgeFile> cartridge_;
    BlockNumber next_{};
    std::vector<std::uint8_t> block_;

  public:
    explicit CartridgeInput(std::unique_ptr<virtual_library::CartridgeFile> cartridge)
        : cartridge_(std::move(cartridge)) {}
    Result<MediumItem> next() override {
        if (raw(next_) >= raw(cartridge_->end())) return MediumItem{};
        CAPSTAN_TRY(const auto object, cartridge_->object(next_));
        const auto number = std::exchange(next_, next_ + 1);
        if (object.filemark) return MediumItem{MediumItem::Kind::filemark, {}};
        block_.resize(object.size);
        CAPSTAN_TRY(const auto got, cartridge_->read(number, block_));
        return MediumItem{MediumItem::Kind::block, Bytes(block_).first(got)};
    }
};

}  // namespace

Result<std::unique_ptr<MediumInput>> open_medium_file(const std::string& path) {
    CAPSTAN_TRY(auto file, open_file(path, O_RDONLY));
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return fail_errno(errno, fmt::format("cannot examine {}", path));
    if (S_ISDIR(status.st_mode)) {
        CAPSTAN_TRY(auto cartridge, virtual_library::CartridgeFile::open_read_only(path));
        return std::make_unique<CartridgeInput>(std::move(cartridge));
    }
    if (!S_ISREG(status.st_mode))
        return fail(Recovery::change_request, fmt::format("{} is not a regular file", path),
                    "Give a .bkf file, a tape image or the directory of a virtual cartridge.");
    if (status.st_size == 0) return fail(Recovery::change_request, fmt::format("{} is empty", path));
    return std::make_unique<FileInput>(path, std::move(file), static_cast<std::uint64_t>(status.st_size));
}

}  // namespace capstan::tools
