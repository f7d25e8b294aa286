#!/usr/bin/env python3
"""The tidy test's own test: each fault is found, and what only looks like one is not."""
import unittest

import rules
import source


class FakeTree:
    def __init__(self, **files):
        self.texts = {name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()}
        self.texts.setdefault("tests/tidy/decoders.txt", "")
        self.files = sorted(self.texts)
        self.code = [n for n in self.files if n.endswith((".cpp", ".hpp"))]
        self.scripts = []

    def text(self, path):
        return self.texts[path]

    def blank(self, path):
        return source.blank(self.texts[path])

    def includes(self, path, kinds):
        for number, line in enumerate(self.texts[path].splitlines(), 1):
            if line.startswith("#include ") and line[9] in kinds:
                yield number, line[10:-1]

    def list_lines(self, path):
        return self.texts[path].splitlines()

    def has_files(self, folder):
        return any(name.startswith(folder) for name in self.files)


def faults(rule, **files):
    return [fault[3] for fault in rule(FakeTree(**files))]


class Functions(unittest.TestCase):
    def found(self, text):
        return [(name, last - first + 1) for name, first, last in source.functions(source.blank(text))]

    def test_bodies(self):
        self.assertEqual(self.found("namespace a {\nint f(int x) {\n  if (x) {\n  }\n  return 1;\n}\n}\n"), [("f", 5)])
        self.assertEqual(self.found("struct S {\n  S() : a{1}, b(2) {\n  }\n  int g() const { return 1; }\n};\n"),
                         [("S", 2), ("g", 1)])
        self.assertEqual(self.found("TEST(Error, IsShown) {\n\n}\n"), [("Error.IsShown", 3)])
        self.assertEqual(self.found("std::vector<int> C::h(A a,\n      B b) noexcept {\n}\n"), [("C::h", 3)])

    def test_others(self):
        self.assertEqual(self.found("constexpr int kTable[] = {\n1,\n2};\nenum class E { a, b };\nstruct T { int x = f(); };"), [])
        self.assertEqual(self.found('const char* s = "int f() {";  // void g() {\n'), [])

    def test_size(self):
        long_body = "int f() {\n" + "  g();\n" * 70 + "}\n"
        self.assertEqual(len(faults(rules.sizes, a_dot_cpp=long_body)), 1)
        self.assertEqual(faults(rules.sizes, a_dot_cpp=long_body.replace("  g();\n", "", 2)), [])


class Awaits(unittest.TestCase):
    BAD = ["auto x = co_await f(Error{1, 2});", "co_await f([x] { return x; });", "co_await f([&](int y) { return y; });",
           "CAPSTAN_CO_TRY(auto a, co_await g({1, 2}));", "co_return T{co_await f()};", "auto x = a ? co_await f() : co_await g();", "while (a) {\n if (!co_await sleep_for(std::chrono::seconds{1})) g();\n}", "if (co_await f(A{})) {\n g();\n}"]
    GOOD = ["auto x = co_await f(error);", "if (co_await f()) {\n  T t{1};\n}", "T t{1};\nco_await f(std::move(t));",
            "auto call = [x] { return x; };\nco_await f(call);", "while (auto r = co_await box.receive()) {\n  g(T{});\n}",
            "x = co_await v[i].f(a[j]);", "constexpr std::chrono::seconds kNap{1};\nco_await sleep_for(kNap);", "g(A{1});\nTRY(auto x, co_await f());"]

    def test_bad(self):
        for text in self.BAD:
            self.assertTrue(list(source.await_faults("Task<void> f() {\n" + text + "\n}\n")), text)

    def test_good(self):
        for text in self.GOOD:
            self.assertFalse(list(source.await_faults("Task<void> f() {\n" + text + "\n}\n")), text)


class Ranges(unittest.TestCase):
    def test_bad(self):
        for text in ["for (const auto& x : f(a).value()) {", "for (auto& [a, b] : std::x::g(h(1)).issues(i.j).value())\n g();"]:
            self.assertEqual(len(faults(rules.ranges, a_dot_cpp="void f() {\n" + text + "\n}\n")), 1, text)

    def test_good(self):
        for text in ["for (const auto& x : f(a)) {", "for (auto& x : *list) g(x.value());", "for (auto& x : list) g(f(a).value());",
                     "for (auto magic : {little.little<4>().value_or(0), big.f().value_or(0)}) {", "for (auto& x : list.value()) {"]:
            self.assertEqual(faults(rules.ranges, a_dot_cpp="void f() {\n" + text + "\n}\n"), [], text)


class Braces(unittest.TestCase):
    def test_bad(self):
        for text in ["if (a) ASSERT_TRUE(b);", "if (f(a, {b}))\n  EXPECT_EQ(c, d) << e;"]:
            self.assertEqual(len(faults(rules.unbraced, a_dot_cpp=text + "\n")), 1, text)

    def test_good(self):
        for text in ["if (a) {\n  ASSERT_TRUE(b);\n}", "for (auto a : b) ASSERT_TRUE(a);", "if (a) f();\nEXPECT_TRUE(b);"]:
            self.assertEqual(faults(rules.unbraced, a_dot_cpp=text + "\n"), [], text)


class Rules(unittest.TestCase):
    def test_banned(self):
        self.assertEqual(len(faults(rules.banned, pools__a_dot_cpp="#include <sqlite3.h>\n")), 1)
        self.assertEqual(faults(rules.banned, catalog__a_dot_cpp="#include <sqlite3.h>\n"), [])
        self.assertEqual(len(faults(rules.banned, daemon__a_dot_hpp="#include <nlohmann/json.hpp>\n")), 1)
        self.assertEqual(len(faults(rules.banned, pools__a_dot_cpp="auto t = std::chrono::system_clock::now();")), 1)
        self.assertEqual(faults(rules.banned, daemon__a_dot_cpp="auto t = std::chrono::system_clock::now();"), [])
        self.assertEqual(faults(rules.banned, pools__a_dot_cpp="// never reinterpret_cast\n"), [])

    def test_edges(self):
        table = 'set(EDGES_base "")\nset(EDGES_pools base config)\nset(EDGES_config base)\nset(EDGES_catalog base)\n'
        files = {"tests__cmake__ProjectTargets_dot_cmake": table}
        self.assertEqual(len(faults(rules.edges, catalog__a_dot_cpp='#include "pools/x.hpp"\n', **files)), 1)
        self.assertEqual(faults(rules.edges, pools__a_dot_cpp='#include "config/base/x.hpp"\n', **files), [])
        self.assertEqual(len(faults(rules.edges, pools__a_dot_cpp='#include "tests/x.hpp"\n', **files)), 1)

    def test_standard_headers(self):
        self.assertEqual(faults(rules.standard, a__x_dot_cpp="std::vector<int> v;"), ["std::vector needs <vector>"])
        self.assertEqual(faults(rules.standard, a__x_dot_cpp="#include <vector>\nstd::vector<int> v;"), [])
        self.assertEqual(faults(rules.standard, a__x_dot_cpp="// std::vector\n"), [])
        below = {"a__y_dot_hpp": '#include <vector>\n'}
        self.assertEqual(faults(rules.standard, a__x_dot_cpp='#include "a/y.hpp"\nstd::vector<int> v;', **below), [])

    def test_decoders(self):
        header = "Result<int> decode_x(Bytes bytes);\n"
        self.assertEqual(len(faults(rules.decoders, a__x_dot_hpp=header)), 1)
        fuzz = {"tests__a__fuzz_x_dot_cpp": "decode_x(b);", "tests__a__corpus__fuzz_x__good": ""}
        self.assertEqual(faults(rules.decoders, a__x_dot_hpp=header, **fuzz), [])
        del fuzz["tests__a__corpus__fuzz_x__good"]
        self.assertEqual(len(faults(rules.decoders, a__x_dot_hpp=header, **fuzz)), 1)


if __name__ == "__main__":
    unittest.main()
