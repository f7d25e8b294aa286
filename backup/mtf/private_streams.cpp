#include "backup/mtf/private_streams.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::mtf {

namespace {

constexpr std::uint16_t kVersion = 1;

void put(std::uint64_t value, std::size_t size, std::vector<std::uint8_t>& out) {
    for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
void put_text(std::string_view text, std::vector<std::uint8_t>& out) {
    text = text.substr(0, 0xFFFF);
    put(text.size(), 2, out);
    out.insert(out.end(), text.begin(), text.end());
}

int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
// 16 bytes in the order of the text; zeros for a text that is no UUID.
void put_uuid(const Uuid& uuid, std::vector<std::uint8_t>& out) {
    std::array<std::uint8_t, 16> bytes{};
    std::size_t digits = 0;
    for (char c : uuid.text) {
        if (digit_of(c) < 0 || digits == 32) continue;
        bytes[digits / 2] = static_cast<std::uint8_t>(bytes[digits / 2] << 4 | digit_of(c));
        ++digits;
    }
    out.insert(out.end(), bytes.begin(), bytes.end());
}
Uuid uuid_of(Bytes bytes) {
    Uuid uuid;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) uuid.text += '-';
        uuid.text += fmt::format("{:02x}", bytes[i]);
    }
    return uuid;
}

// Reads fields one after another; the first that is missing makes the record an error.
class Fields {
    Reader reader_;
    bool cut_ = false;

  public:
    explicit Fields(Bytes payload) : reader_(payload) {}
    bool cut() const { return cut_; }
    template <std::size_t N>
    std::uint64_t number() {
        const auto value = reader_.little<N>();
        cut_ |= !value;
        return value.value_or(0);
    }
    Bytes bytes(std::size_t size) {
        const auto taken = reader_.take(size);
        cut_ |= !taken;
        return taken.value_or(Bytes{});
    }
    std::string text() {
        const auto size = number<2>();
        return std::string(text_of(bytes(size)));
    }
};

Result<void> check_record(const char* name, std::uint64_t version, const Fields& fields) {
    if (fields.cut()) return fail(Recovery::change_request, fmt::format("{} stream: cut short", name));
    if (version == 0) return fail(Recovery::change_request, fmt::format("{} stream: version 0 does not exist", name));
    return {};
}

}  // namespace

void encode(const SetBeginRecord& record, std::vector<std::uint8_t>& out) {
    out.clear();
    put(kVersion, 2, out);
    put(static_cast<std::uint8_t>(record.type), 1, out);
    put(record.part, 1, out);
    put_uuid(record.set, out);
    put(raw(record.number), 8, out);
    put(static_cast<std::uint64_t>(record.keep_until), 8, out);
    put(static_cast<std::uint64_t>(record.started_ns), 8, out);
    put_text(record.job, out);
    put_text(record.pool, out);
}

void encode(const SetEndRecord& record, std::vector<std::uint8_t>& out) {
    out.clear();
    put(kVersion, 2, out);
    put(record.aborted ? 1 : 0, 2, out);
    put_uuid(record.set, out);
    put(raw(record.number), 8, out);
    for (auto count : {record.objects, record.bytes, record.not_saved, record.changed, record.corrupt}) put(count, 8, out);
    put(static_cast<std::uint64_t>(record.keep_until), 8, out);
    put(static_cast<std::uint64_t>(record.ended_ns), 8, out);
}

std::array<std::uint8_t, kObjectHashSize> encode(const ObjectHash& record) {
    std::array<std::uint8_t, kObjectHashSize> bytes{};
    bytes[0] = kVersion;
    bytes[2] = static_cast<std::uint8_t>(record.algorithm);
    bytes[3] = static_cast<std::uint8_t>(record.state);
    std::ranges::copy(record.hash, bytes.begin() + 4);
    for (std::size_t i = 0; i < 8; ++i) bytes[20 + i] = static_cast<std::uint8_t>(record.bytes_read >> (8 * i));
    return bytes;
}

Result<SetBeginRecord> decode_set_begin(Bytes payload) {
    Fields fields(payload);
    SetBeginRecord record;
    const auto version = fields.number<2>();
    record.type = static_cast<SetType>(fields.number<1>());
    record.part = static_cast<std::uint8_t>(fields.number<1>());
    record.set = uuid_of(fields.bytes(16));
    record.number = SetNumber{fields.number<8>()};
    record.keep_until = static_cast<std::int64_t>(fields.number<8>());
    record.started_ns = static_cast<std::int64_t>(fields.number<8>());
    record.job = fields.text();
    record.pool = fields.text();
    CAPSTAN_CHECK(check_record("CSET", version, fields));
    return record;
}

Result<SetEndRecord> decode_set_end(Bytes payload) {
    Fields fields(payload);
    SetEndRecord record;
    const auto version = fields.number<2>();
    record.aborted = fields.number<2>() & 1;
    record.set = uuid_of(fields.bytes(16));
    record.number = SetNumber{fields.number<8>()};
    for (auto* count : {&record.objects, &record.bytes, &record.not_saved, &record.changed, &record.corrupt})
        *count = fields.number<8>();
    record.keep_until = static_cast<std::int64_t>(fields.number<8>());
    record.ended_ns = static_cast<std::int64_t>(fields.number<8>());
    CAPSTAN_CHECK(check_record("CEND", version, fields));
    return record;
}

Result<ObjectHash> decode_object_hash(Bytes payload) {
    Fields fields(payload);
    ObjectHash record;
    const auto version = fields.number<2>();
    record.algorithm = static_cast<ObjectHash::Algorithm>(fields.number<1>());
    record.state = static_cast<ObjectState>(fields.number<1>());
    const auto hash = fields.bytes(16);
    std::ranges::copy(hash, record.hash.begin());
    record.bytes_read = fields.number<8>();
    fields.number<4>();
    CAPSTAN_CHECK(check_record("CHSH", version, fields));
    return record;
}

}  // namespace capstan::mtf
