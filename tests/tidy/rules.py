"""The rules of the tidy test. Each takes the tree and yields (rule, path, line, what, key): key names an entry of allowed.txt."""
import re

import source

FILE_LINES_MAX = 450
FUNCTION_LINES_MAX = 70

# Header (as a regular expression) -> folders or files that may include it; "*.cpp" limits it to sources.
INCLUDES = [
    (r"sqlite3\.h", ["catalog/"]),
    (r"Poco/Data(/|\.h).*", ["pools/store/", "pools/store"]),
    (r"Poco/Net/.*", ["daemon/"]),
    (r"yaml-cpp/.*", ["config/"]),
    (r"CLI/.*", ["tools/"]),
    (r"iscsi/.*", ["drives/scsi/iscsi/"]),
    (r"scsi/sg\.h", ["drives/scsi/sg_io/", "tests/conformance/"]),
    (r"nlohmann/.*", ["*.cpp", "daemon/api/json_visitors.hpp"]),
    (r"spdlog/.*", ["config/base/", "daemon/"]),
    (r"(format|print|generator)", []),  # not in libstdc++ 12
]
# What may be called only where time, chance and waiting are owned.
# Doors to hardware measure what a command took.
# The ring waits on a device's own thread, where no control plane is to be simulated (simulations give it no patience).
OWNERS_OF_TIME = ["daemon/", "tools/", "tests/", "config/base/clock.", "drives/block_ring.cpp",
                  "drives/scsi/sg_io/", "drives/scsi/iscsi/"]
CALLS = [
    (r"\bstd::random_device\b", OWNERS_OF_TIME),
    (r"\b(system_clock|steady_clock|high_resolution_clock)::now\b", OWNERS_OF_TIME),
    (r"\bthis_thread::sleep_\w+|(?<![\w.>])(usleep|nanosleep|::sleep)\s*\(", OWNERS_OF_TIME),
    (r"\breinterpret_cast\b", []),
    (r"\b(strcpy|strcat|sprintf|gets|strtok)\s*\(", []),
]


def sizes(tree):
    for path in tree.code + tree.scripts:
        lines = tree.text(path).count("\n")
        if lines > FILE_LINES_MAX:
            yield "file-size", path, FILE_LINES_MAX + 1, f"{lines} lines, more than {FILE_LINES_MAX}", path
    for path in tree.code:
        for name, first, last in source.functions(source.without_preprocessor(tree.blank(path))):
            if last - first + 1 > FUNCTION_LINES_MAX:
                what = f"{name} has {last - first + 1} lines, more than {FUNCTION_LINES_MAX}"
                yield "function-size", path, first, what, f"{path}:{name}"


def allowed_place(path, places):
    return any(path.startswith(place) or place == "*.cpp" and path.endswith(".cpp") for place in places)


def banned(tree):
    for path in tree.code:
        for line, header in tree.includes(path, "<\""):
            for pattern, places in INCLUDES:
                if re.fullmatch(pattern, header) and not allowed_place(path, places):
                    yield "include", path, line, f"{header} is included only in {places or 'no file'}", f"{path}:{header}"
        code = tree.blank(path)
        for pattern, places in CALLS:
            for match in re.finditer(pattern, code):
                if not allowed_place(path, places):
                    word = match.group(0).strip("( ")
                    yield "call", path, source.line_of(code, match.start()), \
                        f"{word} is used only in {places or 'no file'}", f"{path}:{word}"


def awaits(tree):
    numbers = {name for path in tree.code for name in re.findall(r"\benum class (\w+)", tree.blank(path))}
    for path in tree.code:
        code = tree.blank(path)
        for offset, fault in source.await_faults(code, numbers):
            yield "co_await", path, source.line_of(code, offset), \
                f"{fault} in one statement with co_await (g++ 12 destroys it twice): name it first", path


def closing(code, start):
    """The offset behind the bracket that closes the one before `start`."""
    depth = 1
    while depth > 0 and start < len(code):
        depth += (code[start] in "({[") - (code[start] in ")}]")
        start += 1
    return start


def ranges(tree):
    """`for (x : make().value())`: value() is a reference into a temporary, which only newer compilers keep to the end."""
    for path in tree.code:
        code = tree.blank(path)
        for match in re.finditer(r"\bfor \(", code):
            end = closing(code, match.end())
            if re.search(r"[^:]:\s[^?]*\)\s*(\.|->)value(_or)?\([^()]*\)$", code[match.end():end - 1]):
                yield "range", path, source.line_of(code, match.start()), \
                    "a range-for over value() of a temporary (g++ 12 destroys it before the first turn): name it first", path


def unbraced(tree):
    """`if (x) ASSERT_TRUE(y);`: the macro holds an if and an else of its own, which g++ refuses."""
    for path in tree.code:
        code = tree.blank(path)
        for match in re.finditer(r"\bif (?:constexpr )?\(", code):
            if re.match(r"\s*(ASSERT|EXPECT)_\w+\(", code[closing(code, match.end()):]):
                yield "braces", path, source.line_of(code, match.start()), "a test's macro alone behind an if: give it braces (g++: dangling else)", path


# Folder -> library, the longest match wins.
LIBRARIES = {"config/base": "base", "config": "config", "drives/scsi/sg_io": "sg_io", "drives/scsi/iscsi": "iscsi",
             "drives/scsi": "scsi", "drives/virtual": "virtual", "drives": "drives", "changer": "changer", "pools": "pools",
             "catalog": "catalog", "backup/mtf": "mtf", "backup/labels": "labels", "backup": "backup",
             "daemon/api": "api", "daemon": "daemon", "tools": "tools"}


def library_of(path):
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        if path in LIBRARIES:
            return LIBRARIES[path]
    return None


def edges(tree):
    """Includes across folders that no link step sees (header-only use)."""
    table = {}
    for name, uses in re.findall(r"^set\(EDGES_(\w+) \"?([^\")]*)\"?\)", tree.text("tests/cmake/ProjectTargets.cmake"), re.M):
        table[name] = set(uses.split())
    closed = {}
    for name in table:
        seen, todo = {name}, [name]
        while todo:
            for used in table.get(todo.pop(), ()):
                if used not in seen:
                    seen.add(used)
                    todo.append(used)
        closed[name] = seen
    for path in tree.code:
        user = library_of(path)
        if user is None:
            continue  # tests may use everything
        for line, header in tree.includes(path, '"'):
            used = library_of(header)
            if header.startswith("tests/"):
                yield "edge", path, line, f"{header}: nothing of the tests reaches the product", f"{path}:{header}"
            elif used and used not in closed[user]:
                yield "edge", path, line, f"{header}: '{user}' may not use '{used}'", f"{path}:{header}"


DECODER = re.compile(r"^(?:inline\s+)?(?:static\s+)?(?:Result|std::optional|std::expected)<[^;={}]*?>\s+"
                     r"((?:decode|parse|recognise|read)_\w+|decode|parse|recognise)\((?:capstan::)?Bytes\b", re.M)


def decoders(tree):
    """Each function of a header that makes something of bytes is called by a fuzz target, or decoders.txt says which one
    reaches it through another function. Each fuzz target has a stored corpus."""
    targets = {p.rsplit("/", 1)[1][:-4]: p for p in tree.code if re.search(r"/fuzz_\w+\.cpp$", p)}
    called = {name: tree.blank(path) for name, path in targets.items()}
    reached = dict(line.split()[:2] for line in tree.list_lines("tests/tidy/decoders.txt"))
    for path in tree.code:
        if not path.endswith(".hpp") or path.startswith("tests/"):
            continue
        for match in DECODER.finditer(tree.blank(path)):
            name = match.group(1)
            if any(re.search(rf"\b{name}\(", text) for text in called.values()) or reached.get(name) in targets:
                continue
            yield "fuzz", path, source.line_of(tree.text(path), match.start()), \
                f"{name} decodes bytes and no fuzz target calls it (or decoders.txt names the one that reaches it)", \
                f"{path}:{name}"
    for name, target in reached.items():
        if target not in targets:
            yield "fuzz", "tests/tidy/decoders.txt", 1, f"{name}: there is no fuzz target {target}", name
    for name, path in targets.items():
        if not tree.has_files(f"{path.rsplit('/', 1)[0]}/corpus/{name}/"):
            yield "fuzz", path, 1, f"no stored corpus in corpus/{name}", path


# What the precompiled headers would hide: a name used without its header. Standard header -> names that need it.
STANDARD = {header: re.compile(rf"\b{names}\b") for header, names in {
    "string": r"std::(string|to_string)", "string_view": r"std::string_view", "vector": r"std::vector",
    "cstdint": r"std::u?int(8|16|32|64|max|ptr)_t", "optional": r"std::(optional|nullopt)", "chrono": r"std::chrono",
    "memory": r"std::((shared|unique|weak)_ptr|make_shared|make_unique|enable_shared_from_this)", "array": r"std::array",
    "span": r"std::span", "functional": r"std::(function|move_only_function)", "map": r"std::(multi)?map", "set": r"std::set",
    "deque": r"std::deque", "list": r"std::list", "unordered_map": r"std::unordered_map",
    "unordered_set": r"std::unordered_set", "variant": r"std::(variant|monostate|visit|get_if|holds_alternative)",
    "expected": r"std::(expected|unexpected)", "filesystem": r"std::filesystem", "atomic": r"std::(atomic|memory_order_\w+)",
    "mutex": r"std::(mutex|lock_guard|unique_lock)", "thread": r"std::(thread|this_thread)",
    "condition_variable": r"std::condition_variable", "sstream": r"std::[io]?stringstream", "charconv": r"std::(from|to)_chars",
    "algorithm": r"std::(min|max|clamp|sort|find_if|any_of|all_of|copy_n|ranges::(sort|find|find_if|any_of|all_of|copy|equal))",
    "bit": r"std::(bit_cast|endian|rotl|has_single_bit)", "cstring": r"std::(memcpy|memset|memcmp|strerror|strlen)",
    "utility": r"std::(exchange|in_range|swap)", "cerrno": r"errno", "compare": r"operator<=>",
    "limits": r"std::numeric_limits", "tuple": r"std::(tuple|tie)", "fmt/format.h": r"fmt::format",
}.items()}


def all_includes(tree, path, headers, known):
    """Names of all headers that a file includes itself or through headers of ours."""
    if path in known:
        return known[path]
    known[path] = set()  # a circle adds nothing
    found = set()
    for _, header in tree.includes(path, '"<'):
        found.add(header)
        for place in (header, "tests/" + header):
            if place in headers:
                found |= all_includes(tree, place, headers, known)
                break
    known[path] = found
    return found


def standard(tree):
    headers, known = {path for path in tree.code if path.endswith(".hpp")}, {}
    for path in tree.code:
        code = tree.blank(path)
        for header, names in STANDARD.items():
            match = names.search(code)
            if match and header not in all_includes(tree, path, headers, known):
                yield "include", path, source.line_of(code, match.start()), f"{match.group(0)} needs <{header}>", f"{path}:{header}"


RULES = [sizes, banned, awaits, ranges, unbraced, edges, decoders, standard]
