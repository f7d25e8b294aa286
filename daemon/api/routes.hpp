// The routes of the API: method, path, request and reply, in one table for both sides. `{name}` in a path is one
// percent-encoded segment. The request of a GET is its query string, of a POST or PUT its JSON body; keys that a request
// does not know are refused, keys that a reply does not know are passed over.
// Everybody may call kStatus; all else is for administrators (root, the daemon's own user, the configured group).
#pragma once

#include "daemon/api/types.hpp"

#include <string_view>

namespace capstan::api {

enum class Method : std::uint8_t { get, post, put, del };

template <class RequestType, class ReplyType>
struct Route {
    using Request = RequestType;
    using Reply = ReplyType;
    Method method;
    std::string_view path;
};

inline constexpr Route<None, StatusReply> kStatus{Method::get, "/v1/status"};

inline constexpr Route<None, LibraryList> kLibraries{Method::get, "/v1/libraries"};
inline constexpr Route<None, LibraryDetails> kLibrary{Method::get, "/v1/libraries/{library}"};
inline constexpr Route<InventoryRequest, Accepted> kInventory{Method::post, "/v1/libraries/{library}/inventory"};
inline constexpr Route<None, Accepted> kLibraryEnable{Method::post, "/v1/libraries/{library}/enable"};
inline constexpr Route<DisableRequest, Accepted> kLibraryDisable{Method::post, "/v1/libraries/{library}/disable"};
inline constexpr Route<None, DriveList> kDrives{Method::get, "/v1/drives"};
inline constexpr Route<None, DriveInfo> kDrive{Method::get, "/v1/drives/{drive}"};
inline constexpr Route<None, Accepted> kDriveEnable{Method::post, "/v1/drives/{drive}/enable"};
inline constexpr Route<DisableRequest, Accepted> kDriveDisable{Method::post, "/v1/drives/{drive}/disable"};

// {medium}: volume tag, or "id:N".
inline constexpr Route<MediaQuery, MediaList> kMedia{Method::get, "/v1/media"};
inline constexpr Route<None, MediaDetails> kMedium{Method::get, "/v1/media/{medium}"};
inline constexpr Route<LabelRequest, WorkAccepted> kLabel{Method::post, "/v1/media/label"};
inline constexpr Route<ImportRequest, Accepted> kImport{Method::post, "/v1/media/import"};
inline constexpr Route<MoveRequest, Accepted> kMove{Method::post, "/v1/media/{medium}/move"};  // to a pool: nothing to watch
inline constexpr Route<None, Accepted> kExport{Method::post, "/v1/media/{medium}/export"};  // to an IE port; it stays known
inline constexpr Route<EraseRequest, Accepted> kErase{Method::post, "/v1/media/{medium}/erase"};
inline constexpr Route<None, MediaInfo> kRetire{Method::post, "/v1/media/{medium}/retire"};
inline constexpr Route<AdoptRequest, Accepted> kAdopt{Method::post, "/v1/media/{medium}/adopt"};

inline constexpr Route<None, PoolList> kPools{Method::get, "/v1/pools"};
inline constexpr Route<None, PoolInfo> kPool{Method::get, "/v1/pools/{pool}"};
inline constexpr Route<PoolChange, PoolInfo> kPoolCreate{Method::post, "/v1/pools"};
inline constexpr Route<PoolChange, PoolInfo> kPoolSet{Method::put, "/v1/pools/{pool}"};
inline constexpr Route<None, None> kPoolDelete{Method::del, "/v1/pools/{pool}"};

inline constexpr Route<RequestQuery, RequestList> kRequests{Method::get, "/v1/requests"};
inline constexpr Route<None, OperatorRequest> kRequest{Method::get, "/v1/requests/{request}"};
inline constexpr Route<AnswerRequest, OperatorRequest> kComplete{Method::post, "/v1/requests/{request}/complete"};
inline constexpr Route<AnswerRequest, OperatorRequest> kRefuse{Method::post, "/v1/requests/{request}/refuse"};

inline constexpr Route<WorkQuery, WorkList> kQueue{Method::get, "/v1/queue"};
inline constexpr Route<WatchRequest, WorkItem> kQueueItem{Method::get, "/v1/queue/{item}"};
inline constexpr Route<None, WorkItem> kQueueCancel{Method::post, "/v1/queue/{item}/cancel"};
inline constexpr Route<None, Explanation> kQueueExplain{Method::get, "/v1/queue/{item}/explain"};

inline constexpr Route<JobQuery, JobList> kJobs{Method::get, "/v1/jobs"};
inline constexpr Route<None, ConfiguredJobList> kConfiguredJobs{Method::get, "/v1/configured-jobs"};
inline constexpr Route<None, Accepted> kJobRun{Method::post, "/v1/configured-jobs/{name}/run"};
inline constexpr Route<None, JobInfo> kJob{Method::get, "/v1/jobs/{job}"};
// Answers when the job's version is newer than `after`, when it has finished, or after `wait_ms`.
inline constexpr Route<WatchRequest, JobInfo> kJobProgress{Method::get, "/v1/jobs/{job}/progress"};
inline constexpr Route<None, JobInfo> kJobCancel{Method::post, "/v1/jobs/{job}/cancel"};
inline constexpr Route<LogQuery, JobLog> kJobLog{Method::get, "/v1/jobs/{job}/log"};
inline constexpr Route<None, Explanation> kJobExplain{Method::get, "/v1/jobs/{job}/explain"};

inline constexpr Route<BackupRequest, Accepted> kBackup{Method::post, "/v1/backup"};
inline constexpr Route<RestoreRequest, Accepted> kRestore{Method::post, "/v1/restore"};
inline constexpr Route<SetQuery, SetList> kSets{Method::get, "/v1/sets"};
inline constexpr Route<None, SetInfo> kSet{Method::get, "/v1/sets/{set}"};
inline constexpr Route<VerifyRequest, Accepted> kVerify{Method::post, "/v1/sets/{set}/verify"};
inline constexpr Route<BrowseQuery, ObjectList> kBrowse{Method::get, "/v1/sets/{set}/objects"};
inline constexpr Route<FindQuery, ObjectList> kFind{Method::get, "/v1/objects"};
inline constexpr Route<VersionsQuery, ObjectList> kVersions{Method::get, "/v1/versions"};
inline constexpr Route<RebuildRequest, Accepted> kCatalogRebuild{Method::post, "/v1/catalog/rebuild"};
inline constexpr Route<None, CatalogCheck> kCatalogCheck{Method::get, "/v1/catalog/check"};

}  // namespace capstan::api
