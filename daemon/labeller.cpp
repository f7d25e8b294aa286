#include "daemon/labeller.hpp"

#include "backup/mtf/continuation.hpp"
#include "backup/mtf/private_streams.hpp"
#include "config/base/log.hpp"
#include "pools/medium_memory.hpp"

#include <fmt/format.h>

namespace capstan::daemon {
namespace {

labels::MediaLabel label_for(Context& context, const pools::Cartridge& cartridge, const LabelPlan& plan,
                             WriteGeneration generation) {
    labels::MediaLabel label;
    label.media_id = cartridge.side.media_id.empty() ? new_uuid(context.entropy) : cartridge.side.media_id;
    label.domain_id = context.store.domain();
    label.generation = generation;
    label.block_size = plan.pool.policy.block_size;
    label.pool = plan.pool.name;
    label.volume_tag = cartridge.volume_tag;
    label.created = unix_seconds_of(context.clock.wall());
    label.sequence = plan.sequence;
    if (plan.family) {
        label.family = plan.family->id;
        label.appendable_until = unix_seconds_of(plan.family->appendable_until);
        label.keep_until = unix_seconds_of(plan.family->keep_until);
        label.continued_family = plan.sequence > 1;
    } else {
        label.appendable_until = label.keep_until = 1;  // nothing may be appended to a free medium, and nothing is kept
    }
    return label;
}

// A cartridge without sets, and whose it is for programs that ask the memory.
drives::MemoryEntry memory_for(const labels::MediaLabel& label) {
    pools::MediumMemory memory;
    memory.media_id = label.media_id;
    memory.generation = label.generation;
    memory.end_of_data = pools::kBehindLabel;
    memory.newest_keep_until = wall_of(1);
    return {pools::encode(memory), raw(label.generation), 0, drives::MemoryEntry::Texts{label.volume_tag.text, label.volume_tag.text, label.pool.text}};
}

// The label and its filemark, written and read back. The session is closed whatever happens.
Task<Result<void>> write_and_read_back(drives::DriveOwner& drive, WritePermit permit, labels::MediaLabel label,
                                       std::string name) {
    std::vector<drives::WriteItem> items(2);
    items[0].bytes.resize(label.block_size);
    CAPSTAN_CO_CHECK(labels::encode_label(label, items[0].bytes));
    items[1].filemark = true;
    CAPSTAN_CO_CHECK(co_await drive.locate(BlockNumber{0}));
    CAPSTAN_CO_TRY(auto writer, co_await drive.start_writing(permit));
    CAPSTAN_CO_TRY(auto written, co_await writer->write_blocks(std::move(items)));
    if (written.written == 2) {
        auto noted = co_await writer->remember(memory_for(label));
        if (!noted) log::info("cartridge-memory-not-written", {{"volume_tag", label.volume_tag.text}, {"error", to_text(noted.error())}});
    }
    CAPSTAN_CO_TRY(auto position, co_await writer->finish());
    if (written.written != 2 || position != pools::kBehindLabel)
        co_return fail(Recovery::replace_medium, fmt::format("{}: the label was not written as a whole", name),
                       "Try another cartridge; retire this one if it happens again.");
    CAPSTAN_CO_TRY(auto back, co_await read_label(drive));
    if (!back.label || !(*back.label == label))
        co_return fail(Recovery::replace_medium,
                       fmt::format("{}: the label was written, but reads back as: {}", name, back.facts.description),
                       "Try another cartridge; retire this one if it happens again.");
    co_return Result<void>{};
}

Result<void> record_label(Context& context, const pools::Cartridge& cartridge, const labels::MediaLabel& label,
                          const LabelPlan& plan, pools::JournalId intent, const pools::AuditNote& note) {
    pools::Journal journal(context.store);
    pools::LabelWritten written{label.media_id,
                                label.family,
                                label.sequence,
                                label.generation,
                                label.block_size,
                                pools::kBehindLabel,
                                wall_of(label.appendable_until),
                                wall_of(label.keep_until)};
    CAPSTAN_TRY(auto transaction, pools::WriteTransaction::begin(context.store));
    CAPSTAN_CHECK(pools::label_written(transaction, cartridge.id, written, plan.pool.id, note));
    CAPSTAN_CHECK(journal.end(transaction, intent, pools::JournalState::done, "", context.clock.wall()));
    return transaction.commit();
}

}  // namespace

Uuid new_uuid(Entropy& entropy) {
    auto high = entropy.next(), low = entropy.next();
    high = (high & ~std::uint64_t{0xF000}) | 0x4000;
    low = (low & ~(std::uint64_t{3} << 62)) | std::uint64_t{2} << 62;
    return Uuid{fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF, high & 0xFFFF,
                            low >> 48, low & 0xFFFFFFFFFFFF)};
}

Task<Result<labels::MediaLabel>> write_label(Context& context, Library& library, Library::Drive& drive,
                                             const pools::Cartridge& cartridge, LabelRead read, LabelPlan plan,
                                             WorkItemId item) {
    drive.activity = "labelling";
    pools::PermitRequest request;
    request.cartridge = cartridge.id;
    request.drive = drive.owner->name();
    request.medium = read.facts;
    request.word = plan.word;
    if (plan.family) request.new_family = plan.family->id;
    const auto kind = read.facts.kind;  // of a blank medium no word is needed, whatever the operator was told
    const bool by_word = plan.word && (kind != pools::MediumKind::blank || plan.word->seen == kind);
    request.purpose = by_word                              ? pools::WritePurpose::operator_forced
                      : kind == pools::MediumKind::capstan ? pools::WritePurpose::reuse_expired
                                                           : pools::WritePurpose::label_blank;
    CAPSTAN_CO_CHECK(co_await read_memory(*drive.owner, request.medium));
    if (request.purpose == pools::WritePurpose::reuse_expired) {  // the medium's own word about its newest set
        if (!pools::take_end_from_memory(request.medium))
            CAPSTAN_CO_CHECK(co_await read_end(*drive.owner, cartridge.side.recorded_end, request.medium));
    }
    CAPSTAN_CO_TRY(auto permit, context.permits.grant(request));
    drive.owner->hold(permit);

    auto label = label_for(context, cartridge, plan, permit.terms().generation);
    pools::Journal journal(context.store);
    pools::JournalEntry entry;
    entry.act = pools::JournalAct::label;
    entry.work_item = item;
    entry.cartridge = cartridge.id;
    entry.library = library.name();
    entry.source = entry.destination = {pools::PlaceKind::drive, drive.settings.name};
    entry.detail = to_text(pools::LabelIntent{label.media_id, label.family, label.sequence, label.generation,
                                              label.block_size, plan.pool.id});
    entry.at = context.clock.wall();
    CAPSTAN_CO_TRY(auto intent, journal.intend(entry));

    auto written = co_await write_and_read_back(*drive.owner, permit, label, to_text(cartridge));
    permit.invalidate("the label is written");
    auto note = library.note(fmt::format("labelled for pool {}", plan.pool.name.text));
    if (!written) {
        CAPSTAN_CO_TRY(auto transaction, pools::WriteTransaction::begin(context.store));
        pools::Cartridges cartridges(context.store);
        CAPSTAN_CO_CHECK(cartridges.set_must_identify(transaction, cartridge.id, true, note));
        CAPSTAN_CO_CHECK(cartridges.set_suspect(transaction, cartridge.id, true, note));
        CAPSTAN_CO_CHECK(journal.end(transaction, intent, pools::JournalState::failed, to_text(written.error()),
                                     context.clock.wall()));
        CAPSTAN_CO_CHECK(transaction.commit());
        co_return std::unexpected(written.error());
    }
    CAPSTAN_CO_CHECK(record_label(context, cartridge, label, plan, intent, note));
    log::info("labelled", {{"library", library.name().text},
                           {"drive", drive.settings.name},
                           {"volume_tag", cartridge.volume_tag.text},
                           {"pool", plan.pool.name.text}});
    drive.activity = "idle";
    co_return label;
}

namespace {

Result<std::vector<drives::WriteItem>> end_of(const CutSet& cut, Context& context, std::uint32_t block_size) {
    std::vector<drives::WriteItem> items;
    auto filemark = [&] { items.emplace_back().filemark = true; };
    if (!cut.end_written) {
        if (!cut.filemark_written) filemark();
        mtf::SetEndRecord end;
        end.aborted = true;
        end.ended_ns = std::chrono::nanoseconds(context.clock.wall().time_since_epoch()).count();
        end.set = cut.set.uuid;
        end.number = cut.set.number;
        end.objects = cut.set.objects;
        end.bytes = cut.set.bytes;
        end.keep_until = unix_seconds_of(cut.set.keep_until);
        mtf::EndOfSetBlock block;
        block.header.attributes = mtf::block_attribute::eset_aborted;
        block.number = cut.set.mtf_number;
        std::vector<std::uint8_t> payload;
        mtf::encode(end, payload);
        mtf::SmallStream stream{mtf::StreamId::set_end, payload};
        auto& item = items.emplace_back();
        item.bytes.resize(block_size);
        CAPSTAN_CHECK(mtf::encode_padded(block, std::span(&stream, 1), item.bytes));
    }
    filemark();
    return items;
}

}  // namespace

Task<Result<void>> close_unfinished(Context& context, Library& library, Library::Drive& drive, pools::Cartridge cartridge,
                                    pools::OnMedium facts, CutSet cut) {
    pools::PermitRequest request;
    request.purpose = pools::WritePurpose::close_unfinished;
    request.cartridge = cartridge.id;
    request.drive = drive.owner->name();
    request.medium = facts;
    CAPSTAN_CO_TRY(auto items, end_of(cut, context, cartridge.side.block_size));
    const auto count = items.size();
    CAPSTAN_CO_CHECK(co_await drive.owner->locate(facts.end_of_data));
    CAPSTAN_CO_TRY(auto permit, context.permits.grant(request));
    drive.owner->hold(permit);
    CAPSTAN_CO_TRY(auto writer, co_await drive.owner->start_writing(permit));
    CAPSTAN_CO_TRY(auto written, co_await writer->write_blocks(std::move(items)));
    CAPSTAN_CO_TRY(auto position, co_await writer->finish());
    permit.invalidate("the unfinished set is closed");
    if (written.written != count)
        co_return fail(Recovery::replace_medium, fmt::format("{}: the unfinished set could not be closed: the medium is full", to_text(cartridge)),
                       "The cartridge is closed for writing; its committed sets can be restored.");
    log::info("unfinished-set-closed", {{"library", library.name().text},
                                        {"volume_tag", cartridge.volume_tag.text},
                                        {"end", std::to_string(raw(position))}});
    if (cut.end_written) co_return Result<void>{};
    pools::FoundSet found;
    found.extent = cut.extent;
    found.extent.end_block = position;
    found.set = std::move(cut.set);
    found.set.state = pools::SetState::aborted;
    found.set.ended = found.set.ended.value_or(context.clock.wall());
    found.recorded_end = position;
    found.why = "a crash cut it off; closed on the medium";
    pools::AuditNote note{"daemon", "found beyond the recorded end", context.clock.wall()};
    co_return pools::take_in_found(context.store, found, note);
}

}  // namespace capstan::daemon
