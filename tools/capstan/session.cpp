#include "tools/capstan/session.hpp"

namespace capstan::tools {

int Session::failed(const Error& error) {
    if (json)
        errors << api::encode_error(error) << "\n";
    else
        errors << "capstan: " << to_text(error) << "\n";
    return kFailed;
}

int Session::wrong_usage(const std::string& problem) {
    errors << "capstan: " << problem << "\n";
    return kWrongUsage;
}

void Session::warn(const std::string& what) { errors << "capstan: warning: " << what << "\n"; }

}  // namespace capstan::tools
