#include "drives/scsi/iscsi/discovery.hpp"

#include <fmt/format.h>
extern "C" {
#include <iscsi/iscsi.h>
}

#include <algorithm>
#include <memory>

namespace capstan::scsi {

Result<std::vector<std::string>> discover_targets(const std::string& portal, const IscsiOptions& options) {
    const std::unique_ptr<iscsi_context, int (*)(iscsi_context*)> owned(iscsi_create_context(options.initiator.c_str()),
                                                                        iscsi_destroy_context);
    auto* context = owned.get();
    if (context == nullptr) return fail(Recovery::give_up, "libiscsi gives no context", "The machine may be out of memory.");
    const auto failed = [&](std::string_view what) {
        return fail(Recovery::retry_later, fmt::format("iSCSI portal {}: {}: {}", portal, what, iscsi_get_error(context)),
                    "Look whether a target listens there: address, port, CHAP user and secret.");
    };
    iscsi_set_noautoreconnect(context, 1);
    iscsi_set_session_type(context, ISCSI_SESSION_DISCOVERY);
    iscsi_set_timeout(context, static_cast<int>(std::chrono::ceil<std::chrono::seconds>(options.connect_limit).count()));
    if (!options.user.empty()) iscsi_set_initiator_username_pwd(context, options.user.c_str(), options.secret.c_str());
    if (iscsi_connect_sync(context, portal.c_str()) != 0) return failed("cannot connect");
    if (iscsi_login_sync(context) != 0) return failed("cannot log in");
    auto* list = iscsi_discovery_sync(context);
    if (list == nullptr) return failed("it names no targets");
    std::vector<std::string> targets;
    for (const auto* each = list; each != nullptr; each = each->next) targets.emplace_back(each->target_name);
    iscsi_free_discovery_data(context, list);
    (void)iscsi_logout_sync(context);
    std::ranges::sort(targets);
    const auto [first, last] = std::ranges::unique(targets);
    targets.erase(first, last);
    return targets;
}

}  // namespace capstan::scsi
