// Strings of MTF (reference 2.4): UTF-16LE on the medium, bytes in memory (UTF-8 where they are text).
// A file name is any bytes but '/' and NUL. Capstan stores it reversibly: valid UTF-8 as it is; control characters, the
// characters that Windows forbids in names (\ : * ? " < > |), bytes that are not UTF-8, and the bytes of characters U+F000
// to U+F0FF each as the private character U+F000 + byte. Foreign readers see safe, distinct names; Capstan turns them back.
#pragma once

#include "config/base/bytes.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace capstan::mtf {

enum class StringType : std::uint8_t { none = 0, ansi = 1, utf16 = 2 };

enum class NameRule : std::uint8_t {
    plain,    // other writers: U+F0xx is a character like any other
    escaped,  // Capstan: U+F0xx is the byte xx
};

// Appends UTF-16LE to `out`; never fails. Plain text: what is not UTF-8 becomes U+FFFD. Name: escaped as above.
void append_text(std::string_view text, std::vector<std::uint8_t>& out);
void append_name(std::string_view name, std::vector<std::uint8_t>& out);
// "a/b" -> a NUL b NUL; "" (the root) -> NUL. Each component is a name.
void append_path(std::string_view path, std::vector<std::uint8_t>& out);

// The same into memory that is there already: the number of bytes written, or `kDoesNotFit`.
inline constexpr std::size_t kDoesNotFit = static_cast<std::size_t>(-1);
std::size_t put_text(std::string_view text, MutableBytes space);
std::size_t put_name(std::string_view name, MutableBytes space);
std::size_t put_path(std::string_view path, MutableBytes space);

// From the medium. ANSI bytes above 127 are read as Windows-1252's Latin-1 part. Trailing NULs are dropped. A '/' or NUL
// inside a name becomes U+F02F or U+F000 (or is kept as such under `escaped`): it never makes a second component.
std::string decode_text(Bytes stored, StringType type);
std::string decode_name(Bytes stored, StringType type, NameRule rule);
std::string decode_path(Bytes stored, StringType type, NameRule rule);  // components joined by '/', "" is the root

// The name as one line for a terminal: bytes that are not printable UTF-8 as \xNN.
std::string printable(std::string_view name);
bool is_utf8(std::string_view text);

}  // namespace capstan::mtf
