// A transport that answers from a script and remembers what it was asked.
#pragma once

#include "drives/scsi/transport.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

namespace capstan::scsi {

class ScriptedTransport final : public Transport {
  public:
    struct Asked {
        Cdb cdb;
        std::vector<std::uint8_t> out;
        std::size_t in_size = 0;
        std::chrono::milliseconds timeout{};
    };
    struct Answer {
        std::optional<Sense> sense;
        std::vector<std::uint8_t> in;
        std::optional<Error> error;
        std::optional<std::size_t> transferred;  // else what the buffers say
    };
    std::vector<Asked> asked;

    void answer(Answer next) { script_.push_back(std::move(next)); }
    void answer_data(std::vector<std::uint8_t> bytes) { answer(Answer{.in = std::move(bytes)}); }
    void answer_sense(Sense sense) { answer(Answer{.sense = sense}); }

    Result<ScsiReply> execute(const Cdb& cdb, DataOut data_out, MutableBytes data_in,
                              std::chrono::milliseconds timeout) override {
        Asked question{.cdb = cdb, .out = {}, .in_size = data_in.size(), .timeout = timeout};
        for (const auto& piece : data_out) question.out.insert(question.out.end(), piece.begin(), piece.end());
        const std::size_t sent = question.out.size();
        asked.push_back(std::move(question));
        if (script_.empty()) return ScsiReply{.transferred = sent};
        Answer next = std::move(script_.front());
        script_.pop_front();
        if (next.error) return std::unexpected(*next.error);
        const std::size_t size = std::min(next.in.size(), data_in.size());
        std::copy_n(next.in.begin(), size, data_in.begin());
        return ScsiReply{.sense = next.sense, .transferred = next.transferred.value_or(sent + size)};
    }

  private:
    std::deque<Answer> script_;
};

// The first `size` bytes of an asked CDB.
inline std::vector<std::uint8_t> bytes_of_cdb(const Cdb& cdb) {
    return {cdb.bytes.begin(), cdb.bytes.begin() + cdb.size};
}

// Calls `decode` with every shorter beginning of `bytes`, each in a buffer of exactly that size, so that the address
// sanitizer sees one byte too many.
template <class Decode>
void cut_at_every_length(const std::vector<std::uint8_t>& bytes, Decode decode) {
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const std::vector<std::uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        decode(cut);
    }
}
inline std::vector<std::uint8_t> with_trailing_bytes(std::vector<std::uint8_t> bytes) {
    bytes.insert(bytes.end(), {0xFF, 0x00, 0x5A, 0xFF, 0xFF, 0xFF, 0xFF, 0x01});
    return bytes;
}

}  // namespace capstan::scsi
