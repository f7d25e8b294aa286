// JSON and queries from anybody: the first byte chooses the type. What is accepted encodes to what decodes to the same.
#include "daemon/api/codec.hpp"
#include "daemon/api/routes.hpp"

#include <cstdlib>

// decodes: daemon/api/codec.cpp daemon/api/codec_jobs.cpp daemon/api/codec_library.cpp daemon/api/text.cpp

using namespace capstan::api;

namespace {

template <class T>
void json(std::string_view text) {
    auto value = decode<T>(text, UnknownKeys::refuse);
    if (!value) return;
    auto again = decode<T>(encode(*value), UnknownKeys::refuse);
    // Text that was not UTF-8 cannot come out of JSON, so the second value equals the first.
    if (!again || !(*again == *value)) std::abort();
}

template <class T>
void query(std::string_view text) {
    auto value = decode_query<T>(text);
    if (!value) return;
    auto again = decode_query<T>(encode_query(*value));
    if (!again) std::abort();
}

void texts(std::string_view text) {
    if (percent_decode(percent_encode(text)) != std::string(text)) std::abort();
    if (base64_decode(base64_encode(text)) != std::string(text)) std::abort();
    if (!is_utf8(repair_utf8(text))) std::abort();
    (void)base64_decode(text);
    (void)percent_decode(text);
    (void)decode_error(text, 500);
    if (auto time = parse_time(text); time && parse_time(time_text(*time)) != *time) std::abort();
    if (auto found = match_path(kJobLog.path, text); found && found->size() != 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string text(data + 1, data + size);
    switch (data[0] % 16) {
        case 0: json<BackupRequest>(text); break;
        case 1: json<RestoreRequest>(text); break;
        case 2: json<LabelRequest>(text); break;
        case 3: json<PoolChange>(text); break;
        case 4: json<StatusReply>(text); break;
        case 5:
            json<MoveRequest>(text);
            json<EraseRequest>(text);
            json<ImportRequest>(text);
            break;
        case 6:
            json<VerifyRequest>(text);
            json<RebuildRequest>(text);
            break;
        case 7:
            json<JobInfo>(text);
            json<JobLog>(text);
            break;
        case 8: query<BrowseQuery>(text); break;
        case 9:
            query<FindQuery>(text);
            query<VersionsQuery>(text);
            break;
        case 10:
            query<MediaQuery>(text);
            query<WatchRequest>(text);
            query<JobQuery>(text);
            break;
        case 11:
            json<ObjectList>(text);
            json<SetList>(text);
            break;
        case 12:
            json<MediaDetails>(text);
            json<Explanation>(text);
            break;
        default: texts(text); break;
    }
    return 0;
}
