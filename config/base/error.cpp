#include "config/base/error.hpp"

#include <fmt/format.h>

#include <system_error>

namespace capstan {

std::string_view name_of(Recovery recovery) {
    switch (recovery) {
        case Recovery::stop_device: return "stop-device";
        case Recovery::retry_later: return "retry-later";
        case Recovery::refresh_inventory: return "refresh-inventory";
        case Recovery::replace_medium: return "replace-medium";
        case Recovery::ask_operator: return "ask-operator";
        case Recovery::change_request: return "change-request";
        case Recovery::give_up: return "give-up";
        case Recovery::cancelled: return "cancelled";
    }
    return "unknown";
}

std::string to_text(SenseCode code) { return fmt::format("{:02X}/{:02X}/{:02X}", code.key, code.asc, code.ascq); }

std::string to_text(const Error& error) {
    std::string text = error.happened;
    if (!error.advice.empty()) {
        if (!text.empty() && text.back() != '.') text += '.';
        text += ' ' + error.advice;
    }
    if (error.sense) text += fmt::format(" ({})", to_text(error.sense->code));
    return text;
}

std::unexpected<Error> fail(Recovery recovery, std::string happened, std::string advice) {
    return std::unexpected(Error{recovery, std::move(happened), std::move(advice), std::nullopt});
}

std::unexpected<Error> fail_errno(int error_number, std::string happened, std::string advice) {
    return fail(Recovery::give_up, happened + ": " + std::generic_category().message(error_number), std::move(advice));
}

}  // namespace capstan
