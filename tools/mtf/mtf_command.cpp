#include "tools/mtf/mtf_command.hpp"

#include "tools/mtf/walk.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <ostream>

namespace capstan::tools {

namespace {

constexpr const char* kUsage =
    "usage: capstan mtf list|extract|check FILE [--json] [--set N] [--to DIR] [--next FILE]... [NAME]...\n"
    "  list     sets, volumes, directories and files\n"
    "  check    every header, stream checksum and stored hash; each fault with its offset\n"
    "  extract  files and directories into DIR (default: here); nothing that exists is replaced\n"
    "  --next   the medium on which the last set of the one before goes on\n"
    "  example: capstan mtf extract Backup.bkf --to /tmp/restored Documents\n";

std::optional<MtfOptions> parse(std::span<const std::string> arguments, std::string& problem) {
    MtfOptions options;
    bool only_names = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto& argument = arguments[i];
        const bool option = !only_names && argument.starts_with("--");
        auto value = [&]() -> const std::string* {
            if (i + 1 < arguments.size()) return &arguments[++i];
            problem = argument + " needs a value";
            return nullptr;
        };
        if (option && argument == "--") {
            only_names = true;
        } else if (option && argument == "--json") {
            options.json = true;
        } else if (option && (argument == "--to" || argument == "--next" || argument == "--set")) {
            const auto* text = value();
            if (text == nullptr) return std::nullopt;
            if (argument == "--to") options.to = *text;
            if (argument == "--next") options.next.push_back(*text);
            if (argument != "--set") continue;
            const auto* end = text->data() + text->size();
            const auto [stop, error] = std::from_chars(text->data(), end, options.set);
            if (error != std::errc{} || stop != end || options.set == 0) return problem = "--set needs a number from 1", std::nullopt;
        } else if (option) {
            return problem = "unknown option " + argument, std::nullopt;
        } else if (options.verb.empty()) {
            options.verb = argument;
        } else if (options.file.empty()) {
            options.file = argument;
        } else {
            options.names.push_back(argument);
        }
    }
    if (options.verb != "list" && options.verb != "check" && options.verb != "extract")
        return problem = options.verb.empty() ? "a verb is missing" : "unknown verb " + options.verb, std::nullopt;
    if (options.file.empty()) return problem = "a FILE is missing", std::nullopt;
    return options;
}

}  // namespace

int run_mtf(std::span<const std::string> arguments, std::ostream& out, std::ostream& errors, const OpenMedium& open_medium) {
    for (const auto& argument : arguments) {
        if (argument == "--help") return out << kUsage, 0;
        if (argument == "--") break;
    }
    std::string problem;
    const auto options = parse(arguments, problem);
    if (!options) {
        errors << "capstan mtf: " << problem << '\n' << kUsage;
        return 2;
    }
    if (options->json) out << fmt::format("[{{\"kind\":\"run\",\"verb\":\"{}\",{}}}", options->verb, json_name("file", options->file));
    int status = 0;
    if (options->verb == "list") status = list_media(*options, open_medium, out, errors);
    else if (options->verb == "check") status = check_media(*options, open_medium, out, errors);
    else status = extract_media(*options, open_medium, out, errors);
    if (options->json) out << "\n]\n";
    return status;
}

}  // namespace capstan::tools
