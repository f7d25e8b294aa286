// The keys of the API types in library_types.hpp and common_types.hpp: one line for each member, in the order of the struct. Inside the library `api` only.
#pragma once

#include "daemon/api/library_types.hpp"

#include <concepts>
#include <type_traits>

namespace capstan::api {

template <class T, class Plain>
concept Is = std::same_as<std::remove_const_t<T>, Plain>;  // one description reads and writes

template <class Visitor, Is<None> T>
void describe(Visitor&, T&) {}
template <class Visitor, Is<ListRequest> T>
void describe(Visitor& visit, T& value) {
    visit.number("limit", value.limit, 1U, 10000U);
    visit("cursor", value.cursor);
}
template <class Visitor, Is<Accepted> T>
void describe(Visitor& visit, T& value) {
    visit("job", value.job);
    visit("work_item", value.work_item);
}
template <class Visitor, Is<LibraryInfo> T>
void describe(Visitor& visit, T& value) {
    visit("name", value.name);
    visit("enabled", value.enabled);
    visit("state", value.state);
    visit("kind", value.kind);
    visit("vendor", value.vendor);
    visit("product", value.product);
    visit("revision", value.revision);
    visit("serial", value.serial);
    visit("reservation", value.reservation);
    visit("not_offered", value.not_offered);
    visit("slots", value.slots);
    visit("slots_full", value.slots_full);
    visit("drives", value.drives);
    visit("drives_full", value.drives_full);
    visit("ie_ports", value.ie_ports);
    visit("ie_ports_full", value.ie_ports_full);
    visit("foreign", value.foreign);
    visit("cartridges", value.cartridges);
    visit("inventoried", value.inventoried);
    visit("trouble", value.trouble);
    visit("disabled", value.disabled);
}
template <class Visitor, Is<LibraryList> T>
void describe(Visitor& visit, T& value) {
    visit("libraries", value.libraries);
}
template <class Visitor, Is<ElementInfo> T>
void describe(Visitor& visit, T& value) {
    visit("kind", value.kind);
    visit("number", value.number);
    visit("address", value.address);
    visit("state", value.state);
    visit("volume_tag", value.volume_tag);
    visit("cartridge", value.cartridge);
    visit("pool", value.pool);
    visit("drive", value.drive);
    visit("trouble", value.trouble);
}
template <class Visitor, Is<LibraryDetails> T>
void describe(Visitor& visit, T& value) {
    visit("library", value.library);
    visit("elements", value.elements);
}
template <class Visitor, Is<WorkParameters> T>
void describe(Visitor& visit, T& value) {
    visit("full", value.full);
    visit("place_kind", value.place_kind);
    visit("place", value.place);
    visit("who", value.who);
    visit("why", value.why);
    visit("seen", value.seen);
    visit("even_unexpired", value.even_unexpired);
}
template <class Visitor, Is<InventoryRequest> T>
void describe(Visitor& visit, T& value) {
    visit("full", value.full);
}
template <class Visitor, Is<DisableRequest> T>
void describe(Visitor& visit, T& value) {
    visit("reason", value.reason);
    visit("unload", value.unload);
}
template <class Visitor, Is<DriveInfo> T>
void describe(Visitor& visit, T& value) {
    visit("name", value.name);
    visit("library", value.library);
    visit("element", value.element);
    visit("enabled", value.enabled);
    visit("state", value.state);
    visit("activity", value.activity);
    visit("vendor", value.vendor);
    visit("product", value.product);
    visit("revision", value.revision);
    visit("serial", value.serial);
    visit("replaced_serial", value.replaced_serial);
    visit("serial_since", value.serial_since);
    visit("reservation", value.reservation);
    visit("encryption", value.encryption);
    visit("counts_position", value.counts_position);
    visit("cartridge", value.cartridge);
    visit("volume_tag", value.volume_tag);
    visit("job", value.job);
    visit("bytes_per_second", value.bytes_per_second);
    visit("dismount_in_seconds", value.dismount_in_seconds);
    visit("kind", value.kind);
    visit("reads", value.reads);
    visit("writes", value.writes);
    visit("not_offered", value.not_offered);
    visit("loading", value.loading);
    visit("loading_percent", value.loading_percent);
    visit("loading_seconds", value.loading_seconds);
    visit("loading_left_seconds", value.loading_left_seconds);
    visit("recovered_errors", value.recovered_errors);
    visit("hard_errors", value.hard_errors);
    visit("cartridges_with_errors", value.cartridges_with_errors);
    visit("trouble", value.trouble);
    visit("disabled", value.disabled);
}
template <class Visitor, Is<DriveList> T>
void describe(Visitor& visit, T& value) {
    visit("drives", value.drives);
}
template <class Visitor, Is<MediaInfo> T>
void describe(Visitor& visit, T& value) {
    visit("cartridge", value.cartridge);
    visit("volume_tag", value.volume_tag);
    visit("label", value.label);
    visit("media_id", value.media_id);
    visit("pool", value.pool);
    visit("state", value.state);
    visit("physical_state", value.physical_state);
    visit("place", value.place);
    visit("library", value.library);
    visit("capacity", value.capacity);
    visit("written", value.written);
    visit("sets", value.sets);
    visit("sets_expired", value.sets_expired);
    visit("labelled", value.labelled);
    visit("last_written", value.last_written);
    visit("append_until", value.append_until);
    visit("keep_until", value.keep_until);
    visit("write_protected", value.write_protected);
    visit("trouble", value.trouble);
}
template <class Visitor, Is<MediaQuery> T>
void describe(Visitor& visit, T& value) {
    visit.number("limit", value.limit, 1U, 10000U);
    visit("cursor", value.cursor);
    visit("pool", value.pool);
    visit("library", value.library);
    visit("state", value.state);
}
template <class Visitor, Is<MediaList> T>
void describe(Visitor& visit, T& value) {
    visit("media", value.media);
    visit("next", value.next);
}
template <class Visitor, Is<SetOnMedium> T>
void describe(Visitor& visit, T& value) {
    visit("set", value.set);
    visit("name", value.name);
    visit("first_block", value.first_block);
    visit("end_block", value.end_block);
    visit("part", value.part);
    visit("written", value.written);
    visit("keep_until", value.keep_until);
}
template <class Visitor, Is<ErrorsInDrive> T>
void describe(Visitor& visit, T& value) {
    visit("drive", value.drive);
    visit("recovered", value.recovered);
    visit("hard", value.hard);
    visit("last", value.last);
}
template <class Visitor, Is<MediaDetails> T>
void describe(Visitor& visit, T& value) {
    visit("medium", value.medium);
    visit("family", value.family);
    visit("sequence", value.sequence);
    visit("generation", value.generation);
    visit("block_size", value.block_size);
    visit("recorded_end", value.recorded_end);
    visit("sets", value.sets);
    visit("errors", value.errors);
    visit("history", value.history);
}
template <class Visitor, Is<LabelRequest> T>
void describe(Visitor& visit, T& value) {
    visit("media", value.media);
    visit("library", value.library);
    visit("pool", value.pool);
    visit("overwrite", value.overwrite);
}
template <class Visitor, Is<WorkAccepted> T>
void describe(Visitor& visit, T& value) {
    visit("work_items", value.work_items);
    visit("notes", value.notes);
}
template <class Visitor, Is<MoveRequest> T>
void describe(Visitor& visit, T& value) {
    visit("pool", value.pool);
    visit("slot", value.slot);
    visit("home", value.home);
}
template <class Visitor, Is<ImportRequest> T>
void describe(Visitor& visit, T& value) {
    visit("library", value.library);
}
template <class Visitor, Is<EraseRequest> T>
void describe(Visitor& visit, T& value) {
    visit("whole", value.whole);
    visit("overwrite", value.overwrite);
}
template <class Visitor, Is<AdoptRequest> T>
void describe(Visitor& visit, T& value) {
    visit("pool", value.pool);
}
template <class Visitor, Is<PoolInfo> T>
void describe(Visitor& visit, T& value) {
    visit("name", value.name);
    visit("kind", value.kind);
    visit("draw_from_free", value.draw_from_free);
    visit("return_to_free", value.return_to_free);
    visit("block_size", value.block_size);
    visit("retention_seconds", value.retention_seconds);
    visit("append_seconds", value.append_seconds);
    visit("encryption", value.encryption);
    visit("from_configuration", value.from_configuration);
    visit("total", value.total);
    visit("available", value.available);
    visit("allocated", value.allocated);
    visit("completed", value.completed);
    visit("other", value.other);
    visit("bytes_written", value.bytes_written);
    visit("bytes_free", value.bytes_free);
}
template <class Visitor, Is<PoolList> T>
void describe(Visitor& visit, T& value) {
    visit("pools", value.pools);
}
template <class Visitor, Is<PoolChange> T>
void describe(Visitor& visit, T& value) {
    visit("name", value.name);
    visit("draw_from_free", value.draw_from_free);
    visit("return_to_free", value.return_to_free);
    visit("block_size", value.block_size);
    visit("retention", value.retention);
    visit("append", value.append);
}
template <class Visitor, Is<OperatorRequest> T>
void describe(Visitor& visit, T& value) {
    visit("id", value.id);
    visit("kind", value.kind);
    visit("state", value.state);
    visit("message", value.message);
    visit("library", value.library);
    visit("pool", value.pool);
    visit("volume_tag", value.volume_tag);
    visit("job", value.job);
    visit("submitted", value.submitted);
    visit("ended", value.ended);
    visit("limit", value.limit);
    visit("answer", value.answer);
}
template <class Visitor, Is<RequestList> T>
void describe(Visitor& visit, T& value) {
    visit("requests", value.requests);
}
template <class Visitor, Is<RequestQuery> T>
void describe(Visitor& visit, T& value) {
    visit("all", value.all);
}
template <class Visitor, Is<AnswerRequest> T>
void describe(Visitor& visit, T& value) {
    visit("note", value.note);
}
template <class Visitor, Is<WorkItem> T>
void describe(Visitor& visit, T& value) {
    visit("id", value.id);
    visit("operation", value.operation);
    visit("state", value.state);
    visit("subject", value.subject);
    visit("library", value.library);
    visit("drive", value.drive);
    visit("volume_tag", value.volume_tag);
    visit("pool", value.pool);
    visit("job", value.job);
    visit("request", value.request);
    visit("reason", value.reason);
    visit("advice", value.advice);
    visit("doing", value.doing);
    visit("steps_done", value.steps_done);
    visit("steps", value.steps);
    visit("queued", value.queued);
    visit("started", value.started);
    visit("ended", value.ended);
    visit("limit", value.limit);
    visit("version", value.version);
}
template <class Visitor, Is<WorkList> T>
void describe(Visitor& visit, T& value) {
    visit("items", value.items);
}
template <class Visitor, Is<WorkQuery> T>
void describe(Visitor& visit, T& value) {
    visit("all", value.all);
}
template <class Visitor, Is<WatchRequest> T>
void describe(Visitor& visit, T& value) {
    visit("after", value.after);
    visit.number("wait_ms", value.wait_ms, 0U, 20000U);
}
template <class Visitor, Is<Candidate> T>
void describe(Visitor& visit, T& value) {
    visit("name", value.name);
    visit("verdict", value.verdict);
    visit("reason", value.reason);
}
template <class Visitor, Is<Explanation> T>
void describe(Visitor& visit, T& value) {
    visit("item", value.item);
    visit("summary", value.summary);
    visit("candidates", value.candidates);
}

}  // namespace capstan::api
