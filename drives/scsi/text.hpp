// Pieces that the decoders of this folder share: text fields and designators.
#pragma once

#include "drives/scsi/spc.hpp"

namespace capstan::scsi {

// Blanks and NULs trimmed on both sides; anything but printable ASCII becomes '?'.
std::string trimmed_text(Bytes bytes);
void append_padded(std::vector<std::uint8_t>& out, std::string_view text, std::size_t size);  // cut or blank-filled

std::optional<Designator> take_designator(Reader& reader);                             // empty: not whole
void append_designator(std::vector<std::uint8_t>& out, const Designator& designator);  // at most 255 bytes of it

template <WireStruct T>
void append_wire(std::vector<std::uint8_t>& out, const T& value) {
    const auto wire = encode(value);
    out.insert(out.end(), wire.begin(), wire.end());
}

}  // namespace capstan::scsi
