// Distinct types for distinct numbers: a slot is not an element address, a block is not a filemark.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace capstan {

enum class SlotNumber : std::uint32_t {};      // an operator's slot, from 1
enum class ElementAddress : std::uint16_t {};  // what SMC calls it
enum class BlockNumber : std::uint64_t {};     // logical object number from BOT; filemarks count (SSC READ POSITION)
enum class FilemarkCount : std::uint64_t {};
enum class MediaFamilyId : std::uint32_t {};   // MTF TAPE offset 52
enum class WriteGeneration : std::uint32_t {}; // how often a cartridge was labelled, from 1; in label and database
enum class CartridgeId : std::int64_t {};      // rows of the state database, from 1
enum class PoolId : std::int64_t {};
enum class JobId : std::int64_t {};            // one run of a job
enum class WorkItemId : std::int64_t {};
enum class RequestId : std::int64_t {};        // operator request
enum class SetNumber : std::uint64_t {};       // unique in the installation, from 1

template <class Enum>
    requires std::is_enum_v<Enum>
constexpr auto raw(Enum value) { return static_cast<std::underlying_type_t<Enum>>(value); }

constexpr BlockNumber operator+(BlockNumber block, std::uint64_t count) { return BlockNumber{raw(block) + count}; }

// A string that is one particular thing; compares and hashes like its text.
template <class Tag>
struct Name {
    std::string text;
    friend auto operator<=>(const Name&, const Name&) = default;
    bool empty() const { return text.empty(); }
};
using VolumeTag = Name<struct VolumeTagTag>;      // what the barcode reader saw, blanks trimmed; empty: none or unreadable
using LibraryName = Name<struct LibraryNameTag>;  // names of the configuration
using DriveName = Name<struct DriveNameTag>;
using PoolName = Name<struct PoolNameTag>;
using Uuid = Name<struct UuidTag>;                // 8-4-4-4-12, lower case, no braces

}  // namespace capstan

template <class Tag>
struct std::hash<capstan::Name<Tag>> {
    std::size_t operator()(const capstan::Name<Tag>& name) const { return std::hash<std::string>{}(name.text); }
};
