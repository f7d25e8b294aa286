// capstan library probe: asks devices itself, the daemon is not needed.
#include "config/base/secret.hpp"
#include "tools/capstan/commands.hpp"
#include "tools/probe/loading.hpp"

namespace capstan::tools {
namespace {

Result<std::vector<ProbedDevice>> find_devices(const ProbeRequest& request) {
    if (request.portal.empty()) return devices_of_this_machine();
    scsi::IscsiOptions options;
    options.initiator = "iqn.2026-11.org.capstan:probe";
    options.user = request.user;
    if (!request.secret_file.empty()) {
        CAPSTAN_TRY(options.secret, read_secret(request.secret_file));
    }
    return devices_of_portal(request.portal, options);
}

}  // namespace

int probe_libraries(Session& session, const ProbeRequest& request) {
    auto devices = find_devices(request);
    if (!devices) return session.failed(devices.error());
    auto probed = find_libraries(std::move(*devices));
    if (request.try_by_loading) decide_by_loading(probed, {}, session.errors);
    if (session.json) {
        session.out << to_json(probed) << "\n";
    } else {
        print_configuration(probed, {request.portal, request.user, request.secret_file, request.try_by_loading}, session.out);
    }
    return probed.libraries.empty() ? kFailed : kDone;
}

}  // namespace capstan::tools
