// The JSON of job_types.hpp.
#include "daemon/api/json_visitors.hpp"

namespace capstan::api {

CAPSTAN_CODEC(Progress)
CAPSTAN_CODEC(JobInfo)
CAPSTAN_CODEC(JobQuery)
CAPSTAN_CODEC(JobList)
CAPSTAN_CODEC(ConfiguredJob)
CAPSTAN_CODEC(ConfiguredJobList)
CAPSTAN_CODEC(LogQuery)
CAPSTAN_CODEC(LogLine)
CAPSTAN_CODEC(JobLog)
CAPSTAN_CODEC(BackupRequest)
CAPSTAN_CODEC(RestoreRequest)
CAPSTAN_CODEC(SetInfo)
CAPSTAN_CODEC(SetQuery)
CAPSTAN_CODEC(SetList)
CAPSTAN_CODEC(VerifyRequest)
CAPSTAN_CODEC(ObjectInfo)
CAPSTAN_CODEC(BrowseQuery)
CAPSTAN_CODEC(FindQuery)
CAPSTAN_CODEC(VersionsQuery)
CAPSTAN_CODEC(ObjectList)
CAPSTAN_CODEC(RebuildRequest)
CAPSTAN_CODEC(CatalogProblem)
CAPSTAN_CODEC(CatalogCheck)
CAPSTAN_CODEC(StatusReply)

}  // namespace capstan::api
