#include "daemon/take_in.hpp"

#include "daemon/catalog_view.hpp"
#include "pools/store/pool_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace capstan::daemon {
namespace {

Wall wall_of_ns(std::int64_t nanoseconds) { return Wall{std::chrono::duration_cast<Wall::duration>(std::chrono::nanoseconds{nanoseconds})}; }

// The last object that the set's segments have: its record is the one that lies farthest on the medium.
struct LastObject {
    std::string path;
    catalog::ObjectFacts facts;
    std::optional<catalog::Location> location;
};
Result<LastObject> last_object(const std::string& file) {
    CAPSTAN_TRY(auto reader, catalog::SegmentReader::open(file));
    CAPSTAN_TRY(auto cursor, reader->scan({}));
    LastObject last;
    for (;;) {
        CAPSTAN_TRY(const auto* object, cursor.next());
        if (object == nullptr) break;
        if (object->facts.state == catalog::ObjectState::not_saved || object->facts.fla < last.facts.fla) continue;
        last.path = object->path;
        last.facts = object->facts;
    }
    last.location = catalog::locate(reader->header().extents, last.facts.fla);
    return last;
}

}  // namespace

catalog::SegmentHeader segment_header_of(const pools::Set& set, const std::string& pool, Wall now) {
    catalog::SegmentHeader header;
    header.set = set.number;
    header.set_uuid = set.uuid;
    header.job = header.set_name = set.name;
    header.pool = pool;
    using Type = catalog::SetType;
    header.type = set.type == "copy"           ? Type::copy
                  : set.type == "incremental"  ? Type::incremental
                  : set.type == "differential" ? Type::differential
                  : set.type == "daily"        ? Type::daily
                                               : Type::normal;
    header.started = set.started;
    header.committed = now;
    if (set.keep_until != pools::kForever) header.keep_until = set.keep_until;
    header.last = true;
    return header;
}

Result<pools::Set> SetReader::set_of(const pools::Cartridge& cartridge, const SetSpan& span) {
    if (!span.end_record || !span.end_block)
        return fail(Recovery::replace_medium,
                    fmt::format("{}: the set at block {} was not written by Capstan", to_text(cartridge), raw(span.first)),
                    "Nothing is appended to media of other writers; read it with 'capstan mtf'.");
    const auto& end = *span.end_record;
    if (span.begin && span.begin->set != end.set)
        return fail(Recovery::replace_medium,
                    fmt::format("{}: set {} begins at block {}, but what ends it is the end of set {}", to_text(cartridge),
                                raw(span.begin->number), raw(span.first), raw(end.number)),
                    "Verify what it holds with 'capstan mtf check'.");
    CAPSTAN_TRY(auto known, pools::Sets(context_.store).by_uuid(end.set));
    if (known && known->number == end.number) return std::move(*known);
    pools::Set set;
    set.number = end.number;
    set.uuid = end.set;
    set.type = "normal";
    set.pool = cartridge.pool;
    set.family = cartridge.side.family;
    set.mtf_number = span.end_block->number;
    if (span.block) set.name = span.block->name;
    set.started = set.ended.emplace(wall_of_ns(end.ended_ns));
    set.keep_until = wall_of(end.keep_until);
    if (!span.begin) return set;
    set.type = set_type_name(span.begin->type);
    set.part = span.begin->part;
    set.started = wall_of_ns(span.begin->started_ns);
    if (auto pool = pools::Pools(context_.store).by_name(PoolName{span.begin->pool})) set.pool = pool->id;
    return set;
}

Task<Result<SetReader::Beginning>> SetReader::beginning_of(pools::Cartridge cartridge, SetSpan span, pools::Set set,
                                                           std::vector<pools::CatalogSegment> segments) {
    Beginning beginning;
    beginning.block = span.first;
    if (span.block) co_return beginning;
    // The recorded end lies inside the set: what a checkpoint committed is in its segments, the rest begins behind their last object.
    CAPSTAN_CO_TRY(auto extents, pools::Sets(context_.store).extents(set.number));
    const pools::SetExtent* here = nullptr;
    for (const auto& extent : extents)
        if (extent.cartridge == cartridge.id) here = &extent;
    if (here == nullptr)
        co_return fail(Recovery::replace_medium,
                       fmt::format("{}: behind block {} lies a part of set {}, of which nothing is recorded here", to_text(cartridge),
                                   raw(span.first), raw(set.number)),
                       "Verify what it holds with 'capstan mtf check'.");
    beginning.block = here->first_fla == 0 ? here->first_block : BlockNumber{raw(here->first_block) - 1};
    if (segments.empty()) co_return beginning;
    std::move_only_function<Result<LastObject>()> find = [file = catalog_directory(context_) + "/" + segments.back().file_name] {
        return last_object(file);
    };
    auto last = co_await context_.worker.run<Result<LastObject>>(std::move(find));
    if (!last) co_return fail(Recovery::cancelled, "the daemon is stopping");
    if (!*last) co_return std::unexpected(last->error());
    const auto& object = **last;
    if (!object.location || object.location->media_id != cartridge.side.media_id || object.facts.fla == 0) co_return beginning;
    beginning.block = object.location->block;
    beginning.offset = object.location->offset;
    beginning.start.address = object.facts.fla;
    beginning.start.directory = object.facts.kind == catalog::ObjectKind::directory ? object.path : std::string(catalog::parent_of(object.path));
    co_return beginning;
}

// Of the set as far as it is known, this medium's part last.
Result<std::vector<catalog::MediaExtent>> SetReader::extents_of(const pools::Cartridge& cartridge, const SetSpan& span, SetNumber set,
                                                                const pools::SetExtent& here) {
    CAPSTAN_TRY(auto rows, pools::Sets(context_.store).extents(set));
    // The set ends here: what another cartridge has from a later place on is there twice.
    std::erase_if(rows, [&](const pools::SetExtent& row) { return row.cartridge == cartridge.id || row.first_fla > here.first_fla; });
    rows.push_back(here);
    std::vector<catalog::MediaExtent> extents;
    for (const auto& row : rows) {
        CAPSTAN_TRY(auto medium, pools::Cartridges(context_.store).get(row.cartridge));
        if (!extents.empty()) extents.back().end_fla = row.first_fla;
        extents.push_back({medium.side.media_id, medium.volume_tag, medium.side.family, row.sequence, row.first_fla, 0, row.first_block,
                           medium.side.block_size, mtf::kFlbSize});
    }
    const auto blocks = raw(span.data_end) > raw(here.first_block) ? raw(span.data_end) - raw(here.first_block) : 0;
    extents.back().end_fla = here.first_fla + blocks * (cartridge.side.block_size / mtf::kFlbSize);
    return extents;
}

Task<Result<pools::CatalogSegment>> SetReader::write_segment(std::unique_ptr<catalog::SegmentBuilder> builder, catalog::SegmentHeader header) {
    pools::CatalogSegment segment{header.set, header.ordinal, fmt::format("{}.{}", raw(header.set), header.ordinal), 0};
    std::move_only_function<Result<catalog::SegmentHeader>()> write = [builder = std::move(builder), header = std::move(header)]() mutable {
        return builder->finish(std::move(header));
    };
    auto written = co_await context_.worker.run<Result<catalog::SegmentHeader>>(std::move(write));
    if (!written) co_return fail(Recovery::cancelled, "the daemon is stopping");
    if (!*written) co_return std::unexpected(written->error());
    segment.objects = (*written)->objects;
    co_return segment;
}

Task<Result<TakenIn>> SetReader::take_in(drives::DriveOwner& drive, pools::Cartridge cartridge, SetSpan span) {
    CAPSTAN_CO_TRY(auto set, set_of(cartridge, span));
    if (set.state == pools::SetState::complete)  // a drive that failed had taken more than it confirmed, and the set went on elsewhere
        co_return fail(Recovery::replace_medium,
                       fmt::format("{}: from block {} on it holds a part of set {} that other cartridges hold, too, where the set is complete",
                                   to_text(cartridge), raw(span.first), raw(set.number)),
                       "Nothing is missing. Nothing more is written on this cartridge; 'capstan media erase' frees it once its sets have expired.");
    CAPSTAN_CO_TRY(auto segments, pools::Sets(context_.store).segments(set.number));
    CAPSTAN_CO_TRY(auto beginning, co_await beginning_of(cartridge, span, set, segments));
    const bool listed = set.type != "catalog";
    const auto ordinal = segments.empty() ? 0 : segments.back().ordinal + 1;
    backup::SegmentSink segment_sink(fmt::format("{}/{}.{}", catalog_directory(context_), raw(set.number), ordinal));
    backup::NoSink no_sink;
    backup::ScanSink& sink = listed ? static_cast<backup::ScanSink&>(segment_sink) : no_sink;
    backup::SetScan scan(environment_, sink, beginning.start, cartridge.side.block_size);
    auto part = co_await scan.read(drive, beginning.block, beginning.offset);
    auto ended = co_await scan.finish();
    if (!part) co_return std::unexpected(part.error());
    if (!ended) co_return std::unexpected(ended.error());

    TakenIn taken;
    auto& found = taken.found;
    const auto& seen = scan.found();
    const auto& end = *span.end_record;
    const bool whole = seen.damaged == 0 && seen.end && seen.end->set == end.set;
    found.extent = extent_of(cartridge, span, set.number);
    CAPSTAN_CO_TRY(auto recorded, pools::Sets(context_.store).extents(set.number));
    for (const auto& extent : recorded)  // where it begins is known
        if (extent.cartridge == cartridge.id) found.extent.first_fla = extent.first_fla, found.extent.first_block = extent.first_block;
    if (beginning.start.address == 0 && found.extent.first_fla == 0) set.objects = set.bytes = 0;  // everything was read again
    const auto objects = set.objects + seen.objects;
    const bool all = objects == end.objects;
    if (!whole) taken.damage = fmt::format("it is damaged: {}", seen.damage.empty() ? "its end cannot be read" : seen.damage);
    found.why = !whole ? taken.damage
                : span.aborted() ? "found whole on the medium, ended as aborted"
                : all ? "found complete on the medium"
                      : fmt::format("its end is on the medium, but {} of its {} objects are not in the catalog", end.objects - std::min(objects, end.objects),
                                    end.objects);
    set.state = whole && all && !span.aborted() ? pools::SetState::complete : pools::SetState::aborted;
    set.ended = wall_of_ns(end.ended_ns);
    set.objects = objects;
    set.bytes += seen.bytes;
    set.not_saved = end.not_saved;
    set.changed = end.changed;
    found.recorded_end = span.behind;
    if (listed) {
        auto pool = pools::Pools(context_.store).get(set.pool);
        auto header = segment_header_of(set, pool ? pool->name.text : "", context_.clock.wall());
        header.ordinal = ordinal;
        header.last = set.state == pools::SetState::complete;
        CAPSTAN_CO_TRY(header.extents, extents_of(cartridge, span, set.number, found.extent));
        CAPSTAN_CO_TRY(found.segment, co_await write_segment(segment_sink.take(), std::move(header)));
    }
    found.set = std::move(set);
    co_return taken;
}

}  // namespace capstan::daemon
