// The keys of the API types in job_types.hpp: one line for each member, in the order of the struct. Inside the library
// `api` only.
#pragma once

#include "daemon/api/describe_library.hpp"
#include "daemon/api/job_types.hpp"

namespace capstan::api {

template <class Visitor, Is<Progress> T>
void describe(Visitor& visit, T& value) {
    visit("objects", value.objects);
    visit("bytes", value.bytes);
    visit("objects_expected", value.objects_expected);
    visit("bytes_expected", value.bytes_expected);
    visit("expected_about", value.expected_about);
    visit("objects_saved", value.objects_saved);
    visit("bytes_saved", value.bytes_saved);
    visit("objects_failed", value.objects_failed);
    visit("objects_changed", value.objects_changed);
    visit("objects_skipped", value.objects_skipped);
    visit("objects_kept", value.objects_kept);
    visit("bytes_per_second", value.bytes_per_second);
    visit("seconds_left", value.seconds_left);
    visit("volume_tag", value.volume_tag);
    visit("drive", value.drive);
    visit.bytes("current", value.current);
}
template <class Visitor, Is<JobInfo> T>
void describe(Visitor& visit, T& value) {
    visit("id", value.id);
    visit("name", value.name);
    visit("kind", value.kind);
    visit("type", value.type);
    visit("state", value.state);
    visit("pool", value.pool);
    visit.bytes("file", value.file);
    visit("sets", value.sets);
    visit("queued", value.queued);
    visit("started", value.started);
    visit("ended", value.ended);
    visit("progress", value.progress);
    visit("repeats", value.repeats);
    visit("request", value.request);
    visit("reason", value.reason);
    visit("advice", value.advice);
    visit("version", value.version);
}
template <class Visitor, Is<JobQuery> T>
void describe(Visitor& visit, T& value) {
    visit.number("limit", value.limit, 1U, 10000U);
    visit("cursor", value.cursor);
    visit("running", value.running);
}
template <class Visitor, Is<JobList> T>
void describe(Visitor& visit, T& value) {
    visit("jobs", value.jobs);
    visit("next", value.next);
}
template <class Visitor, Is<ConfiguredJob> T>
void describe(Visitor& visit, T& value) {
    visit("name", value.name);
    visit("pool", value.pool);
    visit("type", value.type);
    visit.bytes("paths", value.paths);
    visit("last_job", value.last_job);
    visit("last_run", value.last_run);
    visit("last_state", value.last_state);
}
template <class Visitor, Is<ConfiguredJobList> T>
void describe(Visitor& visit, T& value) {
    visit("jobs", value.jobs);
}
template <class Visitor, Is<LogQuery> T>
void describe(Visitor& visit, T& value) {
    visit.number("limit", value.limit, 1U, 10000U);
    visit("cursor", value.cursor);
}
template <class Visitor, Is<LogLine> T>
void describe(Visitor& visit, T& value) {
    visit("at", value.at);
    visit("level", value.level);
    visit("text", value.text);
    visit.bytes("path", value.path);
    visit("outcome", value.outcome);
}
template <class Visitor, Is<JobLog> T>
void describe(Visitor& visit, T& value) {
    visit("lines", value.lines);
    visit("next", value.next);
}
template <class Visitor, Is<BackupRequest> T>
void describe(Visitor& visit, T& value) {
    visit.bytes("paths", value.paths);
    visit("pool", value.pool);
    visit.bytes("file", value.file);
    visit("type", value.type);
    visit("name", value.name);
    visit("cross_file_systems", value.cross_file_systems);
    visit.bytes("exclude", value.exclude);
    visit("retention", value.retention);
    visit("repeats", value.repeats);
}
template <class Visitor, Is<RestorePart> T>
void describe(Visitor& visit, T& value) {
    visit("set", value.set);
    visit.bytes("paths", value.paths);
}
template <class Visitor, Is<RestoreRequest> T>
void describe(Visitor& visit, T& value) {
    visit("set", value.set);
    visit.bytes("paths", value.paths);
    visit.bytes("to", value.to);
    visit("at", value.at);
    visit("existing", value.existing);
    visit.bytes("file", value.file);
    visit("repeats", value.repeats);
    visit("parts", value.parts);
}
template <class Visitor, Is<SetInfo> T>
void describe(Visitor& visit, T& value) {
    visit("set", value.set);
    visit("name", value.name);
    visit("type", value.type);
    visit("state", value.state);
    visit("pool", value.pool);
    visit.bytes("file", value.file);
    visit("host", value.host);
    visit("job", value.job);
    visit.bytes("paths", value.paths);
    visit("media", value.media);
    visit("objects", value.objects);
    visit("bytes", value.bytes);
    visit("objects_failed", value.objects_failed);
    visit("started", value.started);
    visit("ended", value.ended);
    visit("keep_until", value.keep_until);
    visit("expired", value.expired);
    visit("catalog", value.catalog);
}
template <class Visitor, Is<SetQuery> T>
void describe(Visitor& visit, T& value) {
    visit.number("limit", value.limit, 1U, 10000U);
    visit("cursor", value.cursor);
    visit("pool", value.pool);
    visit("medium", value.medium);
}
template <class Visitor, Is<SetList> T>
void describe(Visitor& visit, T& value) {
    visit("sets", value.sets);
    visit("next", value.next);
}
template <class Visitor, Is<VerifyRequest> T>
void describe(Visitor& visit, T& value) {
    visit.bytes("paths", value.paths);
    visit("set", value.set);
    visit("repeats", value.repeats);
}
template <class Visitor, Is<ObjectInfo> T>
void describe(Visitor& visit, T& value) {
    visit.bytes("name", value.name);
    visit("kind", value.kind);
    visit("size", value.size);
    visit("modified", value.modified);
    visit("mode", value.mode);
    visit("uid", value.uid);
    visit("gid", value.gid);
    visit("user", value.user);
    visit("group", value.group);
    visit("state", value.state);
    visit("hash", value.hash);
    visit("set", value.set);
    visit("saved", value.saved);
    visit("medium", value.medium);
    visit("block", value.block);
}
template <class Visitor, Is<BrowseQuery> T>
void describe(Visitor& visit, T& value) {
    visit.bytes("path", value.path);
    visit.number("limit", value.limit, 1U, 10000U);
    visit("cursor", value.cursor);
}
template <class Visitor, Is<FindQuery> T>
void describe(Visitor& visit, T& value) {
    visit.bytes("pattern", value.pattern);
    visit("set", value.set);
    visit.number("limit", value.limit, 1U, 10000U);
    visit("cursor", value.cursor);
}
template <class Visitor, Is<VersionsQuery> T>
void describe(Visitor& visit, T& value) {
    visit.bytes("path", value.path);
    visit.number("limit", value.limit, 1U, 10000U);
    visit("cursor", value.cursor);
}
template <class Visitor, Is<ObjectList> T>
void describe(Visitor& visit, T& value) {
    visit("objects", value.objects);
    visit("warnings", value.warnings);
    visit("next", value.next);
}
template <class Visitor, Is<RebuildRequest> T>
void describe(Visitor& visit, T& value) {
    visit("media", value.media);
    visit("repeats", value.repeats);
}
template <class Visitor, Is<CatalogProblem> T>
void describe(Visitor& visit, T& value) {
    visit("set", value.set);
    visit("problem", value.problem);
    visit("advice", value.advice);
}
template <class Visitor, Is<CatalogCheck> T>
void describe(Visitor& visit, T& value) {
    visit("sets", value.sets);
    visit("objects", value.objects);
    visit("bytes_on_disk", value.bytes_on_disk);
    visit("problems", value.problems);
}
template <class Visitor, Is<StatusReply> T>
void describe(Visitor& visit, T& value) {
    visit("version", value.version);
    visit("host", value.host);
    visit("started", value.started);
    visit("now", value.now);
    visit("libraries", value.libraries);
    visit("drives", value.drives);
    visit("jobs", value.jobs);
    visit("requests", value.requests);
    visit("pools", value.pools);
    visit("queue_waiting", value.queue_waiting);
    visit("queue_running", value.queue_running);
    visit("warnings", value.warnings);
}

}  // namespace capstan::api
