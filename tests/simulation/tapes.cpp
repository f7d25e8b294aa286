// Reads the cartridge files of a library with the decoder behind `capstan mtf`, block by block, filemarks where they
// lie.
#include "backup/mtf/private_streams.hpp"
#include "drives/virtual/cartridge_file.hpp"
#include "simulation/oracle.hpp"
#include "tools/mtf/walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <tuple>

namespace capstan::simulation {

namespace fs = std::filesystem;
namespace vl = virtual_library;

namespace {

class SetCollector final : public tools::TreeEvents {
  public:
    SetCollector(const tools::MtfOptions& options, std::ostream& out, Tapes& tapes)
        : TreeEvents(options, out, out), tapes_(tapes) {}

    void set_start(const mtf::Place& place, const mtf::SetBlock& set) override {
        TreeEvents::set_start(place, set);
        again_ = set.header.continuation() && !tapes_.sets.empty() && tapes_.sets.back().name == set.name && tapes_.sets.back().closed &&
                 !tapes_.sets.back().aborted && number_ == set.number;
        if (again_) return;
        number_ = set.number;
        tapes_.sets.push_back(SetOnTape{.name = set.name, .medium = medium_});
        file_ = nullptr;
        if (set.header.continuation()) damage_text("begins on a medium that was not read");
    }
    void directory(const mtf::Place& place, const mtf::DirectoryBlock& block) override {
        TreeEvents::directory(place, block);
        file_ = nullptr;
    }
    void file(const mtf::Place& place, const mtf::FileBlock& block) override {
        TreeEvents::file(place, block);
        file_ = nullptr;
        if (tapes_.sets.empty() || again_) return;
        auto [at, is_new] =
            tapes_.sets.back().files.try_emplace("/" + path_, FileOnTape{block.header.displayable_size, fnv("")});
        if (!is_new) damage_text("holds " + path_ + " twice");
        file_ = &at->second;
        read_ = 0;
    }
    void set_end(const mtf::Place& place, const mtf::EndOfSetBlock& end) override {
        TreeEvents::set_end(place, end);
        file_ = nullptr;
        if (tapes_.sets.empty() || again_) return;
        if (tapes_.sets.back().closed) damage_text("has two ends");
        tapes_.sets.back().closed = true;
        tapes_.sets.back().aborted = (end.header.attributes & mtf::block_attribute::eset_aborted) != 0;
    }
    void stream_start(const mtf::Place&, const mtf::StreamHeader& header) override {
        data_ = file_ != nullptr && header.id == mtf::StreamId::data;
    }
    void stream_data(std::uint64_t, Bytes bytes) override {
        if (!data_) return;
        file_->hash = fnv(text_of(bytes), file_->hash);
        read_ += bytes.size();
    }
    void stream_end(const mtf::StreamEnd& end) override {
        if (data_ && (!end.complete || end.checksum == mtf::ChecksumState::bad))
            damage_text(path_ + ": its data are damaged");
        data_ = false;
    }
    void object_end() override {
        if (file_ != nullptr) file_->complete = read_ == file_->size;
    }
    void damage(const mtf::Damage& damage) override {
        damage_text(fmt::format("offset {}: {}", damage.offset, damage.what));
    }

  private:
    void damage_text(std::string what) {
        auto& list = tapes_.sets.empty() || tapes_.sets.back().closed ? tapes_.faults : tapes_.sets.back().faults;
        list.push_back(medium_ + ": " + std::move(what));
    }
    Tapes& tapes_;
    FileOnTape* file_ = nullptr;
    std::uint16_t number_ = 0;  // of the last set
    // A set that is whole goes on on this medium: the answer to its end was lost, and what was not proven was written once more.
    bool again_ = false;
    bool data_ = false;
    std::uint64_t read_ = 0;
};

struct Medium {
    std::string name;
    std::unique_ptr<vl::CartridgeFile> file;
    mtf::MediaHeader header;
};

std::optional<Medium> open_medium(const fs::path& directory) {
    auto file = vl::CartridgeFile::open_read_only(directory);
    if (!file || raw((*file)->end()) == 0) return std::nullopt;
    std::vector<std::uint8_t> block(1 << 20);
    auto got = (*file)->read(BlockNumber{0}, block);
    if (!got) return std::nullopt;
    auto header = mtf::decode_media_header(Bytes(block).first(std::min<std::size_t>(*got, mtf::kFlbSize)));
    if (!header) return std::nullopt;
    return Medium{directory.filename(), std::move(*file), *header};
}

void feed(Medium& medium, mtf::Decoder& decoder, Tapes& tapes) {
    std::vector<std::uint8_t> block(1 << 20);
    for (auto number = BlockNumber{0}; number < medium.file->end(); number = number + 1) {
        auto object = medium.file->object(number);
        if (object && object->filemark) {
            decoder.filemark();
            continue;
        }
        auto got = object ? medium.file->read(number, block) : Result<std::size_t>(std::unexpected(object.error()));
        if (!got) {
            tapes.faults.push_back(fmt::format("{}: block {}: {}", medium.name, raw(number), to_text(got.error())));
            return;
        }
        decoder.feed(Bytes(block).first(*got));
    }
}

}  // namespace

Tapes read_tapes(const std::string& library_directory) {
    std::vector<Medium> media;
    for (const auto& entry : fs::directory_iterator(library_directory + "/media"))
        if (auto medium = open_medium(entry.path())) media.push_back(std::move(*medium));
    std::ranges::sort(media, {},
                      [](const Medium& m) { return std::tuple(raw(m.header.family), m.header.sequence, m.name); });
    Tapes tapes;
    tools::MtfOptions options;
    std::ostringstream ignored;
    SetCollector events(options, ignored, tapes);
    std::unique_ptr<mtf::Decoder> decoder;
    const Medium* before = nullptr;
    for (auto& medium : media) {
        if (decoder && before->header.family != medium.header.family) {
            decoder->finish();
            decoder.reset();
        }
        events.set_medium(medium.name);
        if (!decoder)
            decoder = std::make_unique<mtf::Decoder>(events);
        else
            decoder->next_medium();
        feed(medium, *decoder, tapes);
        if (!decoder->end_of_medium()) {
            decoder->finish();
            decoder.reset();
        }
        before = &medium;
    }
    if (decoder) decoder->finish();
    return tapes;
}

std::map<std::string, FileOnTape> files_of(const std::string& tree) {
    std::map<std::string, FileOnTape> files;
    for (const auto& entry : fs::recursive_directory_iterator(tree)) {
        if (entry.is_symlink() || entry.path().extension() == ".same") {
            files[entry.path()] = FileOnTape{.link = true};
            continue;
        }
        if (!entry.is_regular_file()) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        std::string content{std::istreambuf_iterator<char>(in), {}};
        files[entry.path()] = FileOnTape{content.size(), fnv(content)};
    }
    return files;
}

}  // namespace capstan::simulation
