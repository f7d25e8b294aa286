// Every request and reply of the API. Which route takes which is in daemon/api/routes.hpp.
#pragma once

#include "daemon/api/common_types.hpp"
#include "daemon/api/job_types.hpp"
#include "daemon/api/library_types.hpp"
