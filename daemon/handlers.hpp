// The API's handlers: functions from request to reply, one file per subject. Control thread.
#pragma once

#include "daemon/control_plane.hpp"
#include "daemon/router.hpp"

namespace capstan::daemon {

void add_handlers(Router& router, ControlPlane& plane);  // all of them

void add_status_handlers(Router& router, ControlPlane& plane);   // status, libraries, drives
void add_media_handlers(Router& router, ControlPlane& plane);    // media, pools
void add_work_handlers(Router& router, ControlPlane& plane);     // queue, operator requests
void add_job_handlers(Router& router, ControlPlane& plane);      // jobs, sets
void add_catalog_handlers(Router& router, ControlPlane& plane);  // objects in the sets, catalog

}  // namespace capstan::daemon
