#include "config/base/secret.hpp"

#include "config/base/file.hpp"

namespace capstan {

Result<std::string> read_secret(const std::string& path) {
    constexpr std::size_t kSecretMax = 255, kLineEndMax = 2;
    CAPSTAN_TRY(const auto bytes, read_file(path, kSecretMax + kLineEndMax));
    std::string secret(text_of(bytes));
    while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
    if (secret.empty() || secret.size() > kSecretMax)
        return fail(Recovery::change_request, path + ": the secret has " + std::to_string(secret.size()) + " characters",
                    "Write one of 12 to 255 characters into the file, alone on its line.");
    return secret;
}

}  // namespace capstan
