#include "backup/mtf/decoder.hpp"

#include "backup/mtf/decoder_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace capstan::mtf {

void Window::keep_rest() {
    carry_.erase(carry_.begin(), carry_.begin() + static_cast<std::ptrdiff_t>(carry_at_));
    carry_at_ = 0;
    carry_.insert(carry_.end(), input_.begin(), input_.end());
    input_ = {};
}

Bytes Window::peek_up_to(std::size_t size) {
    if (carried() == 0) return input_.first(std::min(size, input_.size()));
    if (carried() < size) {
        const auto more = std::min(size - carried(), input_.size());
        carry_.insert(carry_.end(), input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(more));
        input_ = input_.subspan(more);
    }
    return Bytes(carry_).subspan(carry_at_, std::min(size, carried()));
}

Bytes Window::piece(std::uint64_t size_max) {
    const Bytes source = carried() > 0 ? Bytes(carry_).subspan(carry_at_) : input_;
    return source.first(static_cast<std::size_t>(std::min<std::uint64_t>(size_max, source.size())));
}

void Window::consume(std::size_t size) {
    offset += size;
    const auto from_carry = std::min(size, carried());
    carry_at_ += from_carry;
    if (carry_at_ == carry_.size()) carry_.clear(), carry_at_ = 0;
    input_ = input_.subspan(size - from_carry);
}

Decoder::Machine::Machine(DecoderEvents& sink, DecoderSettings initial) : events(sink), settings(initial) {
    window.offset = settings.offset;
    if (settings.starts_at_block) in_set = seen_any = true;
}

void Decoder::Machine::run(bool final) {
    while (!stopped && step(final)) {
    }
}

// Returns false when more bytes are needed for the next step.
bool Decoder::Machine::step(bool final) {
    switch (at) {
        case At::block: return step_block(final);
        case At::streams: return step_streams(final);
        case At::data: return step_data(final);
        case At::skip: return step_skip();
        case At::resync: return step_resync(final);
    }
    return false;
}

void Decoder::Machine::report(std::uint64_t offset, std::string what, std::uint64_t skipped) {
    events.damage({offset, std::move(what), skipped});
}

void Decoder::Machine::skip(std::uint64_t size, At next) {
    skip_left = size;
    after_skip = next;
    at = At::skip;
}

bool Decoder::Machine::step_skip() {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(skip_left, window.available()));
    window.consume(size);
    skip_left -= size;
    if (skip_left > 0) return false;
    at = after_skip;
    return true;
}

void Decoder::Machine::cut_open_object(std::string_view why) {
    if (!open.object) return;
    const bool named = !open.quiet;
    if (named) report(window.offset, fmt::format("{} block at {}: {}", name_of(open.header.type), block_at, why));
    close_stream(false);
    end_object();
}

// A block that ends where its streams would begin is whole, unless data belong to it.
void Decoder::Machine::end_if_without_streams() {
    if (at == At::streams && open.object && !has_data()) end_object();
}

void Decoder::Machine::start_resync(std::string what) {
    resync_from = window.offset;
    resync_why = std::move(what);
    resync_nonzero = false;
    close_stream(false);
    end_object();
    at = At::resync;
}

// Damaged data may contain blocks of their own (a saved .bkf): only what fits the set that is being read is taken.
bool Decoder::Machine::plausible(const BlockHeader& header) const {
    const auto flb = settings.flb_size;
    switch (header.type) {
        case BlockType::tape: return !seen_any || joining;
        case BlockType::set: return !in_set || set_closed || header.address == 0;
        case BlockType::end_of_set: return true;
        case BlockType::end_of_tape: return header.address == 0 && header.control_block_id == 0;
        case BlockType::soft_filemark:
            return header.address == 0 || header.address == window.offset / std::max<std::uint32_t>(settings.soft_block, 512);
        default: break;
    }
    if (!in_set || set_closed) return true;
    if (window.offset >= base && (window.offset - base) % 512 == 0 && (window.offset - base) / flb == header.address) return true;
    return header.control_block_id > last_control_block && header.address > last_address &&
           header.control_block_id - last_control_block <= header.address - last_address;
}

bool Decoder::Machine::step_resync(bool final) {
    constexpr std::size_t kStep = 512;
    for (;;) {
        if (window.available() < kHeaderSize) {
            if (!final) return false;
            window.consume(window.available());
            if (window.offset > resync_from && (resync_nonzero || (in_set && !set_closed)))
                report(resync_from, std::exchange(resync_why, {}), window.offset - resync_from);
            at = At::block;
            return false;
        }
        const auto distance = (window.offset - block_at) % kStep;
        if (distance == 0) {
            const auto bytes = window.peek_up_to(kHeaderSize);
            resync_nonzero |= std::ranges::any_of(bytes, [](auto b) { return b != 0; });
            const auto decoded = decode_header(bytes);
            if (decoded && looks_like_block(bytes) && is_known(decoded->header.type) && plausible(decoded->header)) break;
        }
        const auto wanted = kStep - static_cast<std::size_t>(distance);
        if (window.available() < wanted && !final) return false;
        window.consume(std::min(window.available(), wanted));
    }
    if (window.offset > resync_from || !resync_why.empty())
        report(resync_from, std::exchange(resync_why, {}), window.offset - resync_from);
    at = At::block;
    return true;
}

Decoder::Decoder(DecoderEvents& events, DecoderSettings settings) : machine_(std::make_unique<Machine>(events, settings)) {}
Decoder::~Decoder() = default;

void Decoder::feed(Bytes bytes) {
    if (machine_->stopped) return;
    machine_->window.set_input(bytes);
    machine_->run(false);
    if (!machine_->stopped) machine_->window.keep_rest();
}

void Decoder::filemark() {
    auto& m = *machine_;
    if (m.stopped) return;
    m.run(true);
    m.window.drop();
    m.end_if_without_streams();
    if (m.open.object && m.in_set && !m.set_closed) {
        m.aside = std::exchange(m.open, {});  // the next block tells: end of the medium, or of a set that was cut short
    } else if (m.open.object) {
        m.cut_open_object("a filemark lies inside");
    }
    m.at = Machine::At::block;
}

bool Decoder::end_of_medium() {
    auto& m = *machine_;
    if (m.stopped) return false;
    m.run(true);
    m.window.drop();
    m.end_if_without_streams();
    if (m.open.object && !m.aside && m.in_set && !m.set_closed) m.aside = std::exchange(m.open, {});
    m.at = Machine::At::block;
    return awaits_next_medium();
}

bool Decoder::awaits_next_medium() const { return machine_->in_set && !machine_->set_closed && machine_->set_number != 0; }

void Decoder::next_medium(std::uint64_t medium_size) {
    auto& m = *machine_;
    m.window.drop();
    m.window.offset = 0;
    m.settings.medium_size = medium_size;
    m.joining = true;
    m.at = Machine::At::block;
    m.block_at = 0;
    if (!m.aside) return;
    auto& cut = *m.aside;
    cut.left_for_next = cut.stream && cut.use == Machine::Use::consumer ? cut.remaining : 0;
    cut.split = true;
    cut.part = {};
}

void Decoder::finish() {
    auto& m = *machine_;
    if (m.stopped) return;
    m.run(true);
    m.end_if_without_streams();
    if (m.aside) m.open = *std::exchange(m.aside, std::nullopt);
    m.cut_open_object("the medium ends inside");
    if (m.in_set && !m.set_closed && m.set_number != 0)
        m.report(m.window.offset, fmt::format("set {}: the medium ends before its end of set", m.set_number));
    m.in_set = false;
}

void Decoder::stop() { machine_->stopped = true; }
bool Decoder::stopped() const { return machine_->stopped; }

std::uint64_t Decoder::data_ahead() const {
    const auto& m = *machine_;
    if (m.stopped || m.window.available() > 0 || m.reaches_tail()) return 0;
    if (m.at == Machine::At::skip) return m.skip_left;
    const bool skippable = m.open.use == Machine::Use::consumer || m.open.use == Machine::Use::filler;
    return m.at == Machine::At::data && skippable ? m.open.remaining : 0;
}

void Decoder::skip_data(std::uint64_t size) {
    auto& m = *machine_;
    assert(size <= data_ahead());
    m.window.offset += size;
    if (m.at == Machine::At::skip) {
        m.skip_left -= size;
    } else {
        m.open.remaining -= size;
        if (m.open.use == Machine::Use::consumer) m.open.skipped = true, m.open.end.length += size;
    }
    m.run(false);
}

std::uint64_t Decoder::offset() const { return machine_->window.offset + machine_->window.available(); }

}  // namespace capstan::mtf
