// The memory in the cartridge (MAM): our note of what is on the tape, and whether it still says what is there.
#include "drives/operations.hpp"

#include <array>
#include <span>

namespace capstan::drives::operations {

namespace {

using scsi::AttributeId;

struct Noted {
    std::uint64_t change_reference = 0;  // as it is now; 0: the drive does not say
    std::optional<scsi::Coherency> note;
};

// From the volume change reference on: whatever is written on the tape after this makes it another one.
Result<Noted> read_noted(const scsi::Target& drive) {
    CAPSTAN_TRY(const auto attributes, scsi::read_attributes(drive, AttributeId::volume_change_reference));
    Noted noted;
    if (const auto* reference = scsi::find_attribute(attributes, AttributeId::volume_change_reference))
        noted.change_reference = scsi::number_of(*reference).value_or(0);
    if (const auto* note = scsi::find_attribute(attributes, AttributeId::coherency)) noted.note = scsi::decode_coherency(note->value);
    return noted;
}

}  // namespace

Result<std::optional<MemoryNote>> read_memory(const scsi::Target& drive) {
    CAPSTAN_TRY(auto noted, read_noted(drive));
    if (!noted.note) return std::nullopt;
    const bool current = noted.change_reference != 0 && noted.change_reference == noted.note->change_reference;
    return MemoryNote{std::string(text_of(noted.note->application)), current};
}

Result<std::uint64_t> void_memory(const scsi::Target& drive) {
    CAPSTAN_TRY(auto noted, read_noted(drive));
    if (!noted.note || noted.note->change_reference == 0 || noted.note->change_reference != noted.change_reference) return noted.change_reference;
    noted.note->change_reference = 0;
    const std::array changed{scsi::Attribute{AttributeId::coherency, scsi::AttributeFormat::binary, false, scsi::encode_coherency(*noted.note)}};
    CAPSTAN_CHECK(scsi::write_attributes(drive, changed));
    return noted.change_reference;
}

Result<void> write_memory(const scsi::Target& drive, const MemoryEntry& entry, std::uint64_t before) {
    CAPSTAN_TRY(const auto now, read_noted(drive));
    const bool stuck = now.change_reference == before;
    std::vector<scsi::Attribute> attributes;
    if (entry.texts) {
        attributes = {scsi::ascii_attribute(AttributeId::application_vendor, "CAPSTAN", 8),
                      scsi::ascii_attribute(AttributeId::application_name, "Capstan", 32),
                      scsi::text_attribute(AttributeId::user_label, entry.texts->label),
                      scsi::ascii_attribute(AttributeId::barcode, entry.texts->barcode, 32),
                      scsi::text_attribute(AttributeId::media_pool, entry.texts->pool)};
    }
    const auto text = bytes_of(entry.note);
    const scsi::Coherency note{stuck ? 0 : now.change_reference, entry.count, entry.set, {text.begin(), text.end()}};
    attributes.push_back({AttributeId::coherency, scsi::AttributeFormat::binary, false, scsi::encode_coherency(note)});
    auto written = scsi::write_attributes(drive, attributes);
    const bool refused = !written && scsi::is_refused(written.error());
    if (!refused || !entry.texts) return written;
    return scsi::write_attributes(drive, std::span(attributes).last(1));  // it wants the texts in another way: they are only for people
}

}  // namespace capstan::drives::operations
