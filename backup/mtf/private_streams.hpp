// Payloads of Capstan's own streams, versioned: CSET on SSET, CEND on ESET, CHSH behind an object's data. Little-endian,
// texts as u16 length + UTF-8; README.md has the prose. (CPSX, the POSIX metadata, belongs to the backup engine.)
#pragma once

#include "config/base/bytes.hpp"
#include "config/base/error.hpp"
#include "config/base/ids.hpp"

#include <array>
#include <string>
#include <vector>

namespace capstan::mtf {

enum class SetType : std::uint8_t { copy = 1, normal = 2, differential = 3, incremental = 4, daily = 5, catalog = 6 };

struct SetBeginRecord {  // CSET
    Uuid set;
    SetNumber number{};
    SetType type = SetType::normal;
    std::uint8_t part = 0;        // of a run whose objects were too many for one set: 0 the first, then 1…; 255: any later
    std::int64_t keep_until = 0;  // Unix seconds; 0: for ever
    std::int64_t started_ns = 0;  // Unix nanoseconds
    std::string job, pool;
    friend bool operator==(const SetBeginRecord&, const SetBeginRecord&) = default;
};

struct SetEndRecord {  // CEND
    Uuid set;
    SetNumber number{};
    std::uint64_t objects = 0, bytes = 0;  // saved
    std::uint64_t not_saved = 0, changed = 0, corrupt = 0;
    std::int64_t keep_until = 0;
    std::int64_t ended_ns = 0;
    bool aborted = false;
    friend bool operator==(const SetEndRecord&, const SetEndRecord&) = default;
};

enum class ObjectState : std::uint8_t { ok = 0, changed = 1, shrunk = 2, grown = 3, read_error = 4 };

struct ObjectHash {  // CHSH; over the bytes of the object's STAN and SPAR streams as stored, in their order
    enum class Algorithm : std::uint8_t { none = 0, xxh3_128 = 1 };
    Algorithm algorithm = Algorithm::xxh3_128;
    std::array<std::uint8_t, 16> hash{};  // canonical (big-endian) form
    std::uint64_t bytes_read = 0;         // from the source
    ObjectState state = ObjectState::ok;
    friend bool operator==(const ObjectHash&, const ObjectHash&) = default;
};
inline constexpr std::size_t kObjectHashSize = 32;

void encode(const SetBeginRecord& record, std::vector<std::uint8_t>& out);  // replaces `out`
void encode(const SetEndRecord& record, std::vector<std::uint8_t>& out);
std::array<std::uint8_t, kObjectHashSize> encode(const ObjectHash& record);

// A higher version may only add fields behind the known ones. Errors: cut short, version 0.
Result<SetBeginRecord> decode_set_begin(Bytes payload);
Result<SetEndRecord> decode_set_end(Bytes payload);
Result<ObjectHash> decode_object_hash(Bytes payload);

}  // namespace capstan::mtf
