#!/usr/bin/env python3
"""What a compiler does not check: sizes, banned calls and includes, folder edges, g++ 12's co_await fault, headers that
compile alone, a fuzz target for each decoder. Exit status 1 with one line per fault. Exceptions, with reasons: allowed.txt."""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys

import rules
import source


class Tree:
    def __init__(self, root):
        self.root = root
        names = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                               check=True, capture_output=True).stdout.decode(errors="surrogateescape").split("\0")
        self.files = sorted({n for n in names if n and os.path.isfile(os.path.join(root, n))})
        self.code = [n for n in self.files if n.endswith((".cpp", ".hpp"))]
        self.scripts = [n for n in self.files if n.endswith((".py", ".cmake", ".sh", "CMakeLists.txt"))]
        self.texts, self.blanks = {}, {}

    def text(self, path):
        if path not in self.texts:
            with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
                self.texts[path] = file.read()
        return self.texts[path]

    def blank(self, path):
        if path not in self.blanks:
            self.blanks[path] = source.blank(self.text(path))
        return self.blanks[path]

    def includes(self, path, kinds):
        for number, line in enumerate(self.text(path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if match and match.group(1) in kinds:
                yield number, match.group(2)

    def list_lines(self, path):
        return [line for line in self.text(path).splitlines() if line.strip() and not line.startswith("#")]

    def has_files(self, folder):
        return any(name.startswith(folder) for name in self.files)


def headers_unproven(tree):
    """Headers that no source includes first. Where a source does, the ordinary build has compiled it before all others of
    ours; what the precompiled headers hide, rules.standard finds."""
    first = set()
    for path in tree.code:
        if path.endswith(".cpp"):
            for _, header in tree.includes(path, '"<'):
                first.add(header)
                first.add(os.path.normpath(os.path.join(os.path.dirname(path), header)))
                first.add("tests/" + header if path.startswith("tests/") else header)
                break
    return [path for path in tree.code if path.endswith(".hpp") and path not in first]


def fingerprint(tree, path, known):
    """Of a header and every project header below it."""
    if path in known:
        return known[path]
    known[path] = ""  # a circle adds nothing
    digest = hashlib.sha256(tree.text(path).encode(errors="replace"))
    for _, header in tree.includes(path, '"'):
        for place in (header, "tests/" + header, os.path.normpath(os.path.join(os.path.dirname(path), header))):
            if place in tree.files:
                digest.update(fingerprint(tree, place, known).encode())
                break
    known[path] = digest.hexdigest()
    return known[path]


def check_headers(tree, compiler, cache_file):
    """Compiles the rest without making code, two at a time; what was good and has not changed is not tried again."""
    try:
        with open(cache_file, encoding="utf-8") as file:
            good = set(json.load(file))
    except (OSError, ValueError):
        good = set()
    known = {}
    wanted = {path: compiler + fingerprint(tree, path, known) for path in headers_unproven(tree)}

    def compiles(path):
        run = subprocess.run(
            [compiler, "-std=c++23", "-fsyntax-only", "-x", "c++", "-Wno-pragma-once-outside-header", "-I", ".", "-I", "tests",
             "-DBOOST_ASIO_SEPARATE_COMPILATION", "-DBOOST_ASIO_NO_DEPRECATED", "-DSPDLOG_COMPILED_LIB",
             "-DSPDLOG_FMT_EXTERNAL", path], cwd=tree.root, capture_output=True, text=True, errors="replace")
        return path, run.returncode == 0, next((x for x in run.stderr.splitlines() if "error" in x), run.stderr[:200])

    faults = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, is_good, why in pool.map(compiles, [p for p, key in wanted.items() if key not in good]):
            if is_good:
                good.add(wanted[path])
            else:
                faults.append(("header", path, 1, f"does not compile alone: {why}", path))
    if cache_file:
        with open(cache_file, "w", encoding="utf-8") as file:
            json.dump(sorted(good & set(wanted.values())), file)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    parser.add_argument("--compiler", help="checks that headers compile alone; without it that rule is left out")
    parser.add_argument("--cache", default="", help="file that remembers which headers were good")
    options = parser.parse_args()
    tree = Tree(os.path.realpath(options.root))
    found = [fault for rule in rules.RULES for fault in rule(tree)]
    if options.compiler:
        found += check_headers(tree, options.compiler, options.cache)

    allowed = {}
    for line in tree.list_lines("tests/tidy/allowed.txt"):
        rule, key, *reason = line.split(None, 2)
        allowed[(rule, key)] = bool(reason)
    used = {(rule, key) for rule, _, _, _, key in found}
    faults = [f"{path}:{line}: {rule}: {what}" for rule, path, line, what, key in found if (rule, key) not in allowed]
    faults += [f"tests/tidy/allowed.txt: {rule} {key}: give the reason" for (rule, key), why in allowed.items() if not why]
    faults += [f"tests/tidy/allowed.txt: {rule} {key}: no longer needed, take it out" for rule, key in allowed
               if (rule, key) not in used and (rule != "header" or options.compiler)]
    print("\n".join(sorted(faults)) or f"{len(tree.code)} sources are tidy")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
