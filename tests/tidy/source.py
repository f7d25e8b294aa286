"""C++ text as the tidy test sees it: comments and literals blanked out, functions and statements found by their braces.
A heuristic for this project's style (clang-format, Google braces), not a parser."""
import re

LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])+\'', re.S)


def blank(text):
    """Comments become blanks, literals `""`, both of the same length and number of lines."""
    def replace(match):
        old = match.group(0)
        empty = re.sub(r"[^\n]", " ", old)
        return empty if old.startswith(("//", "/*")) or len(old) < 2 else '"' + empty[1:-1] + '"'
    return LITERAL.sub(replace, text)


def without_preprocessor(text):
    """Directives (with their continued lines) blanked out: a macro's braces need not balance."""
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.M | re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


NOT_A_FUNCTION = re.compile(r"\b(namespace|class|struct|union|enum|concept|requires)\b")


def functions(code):
    """Yields (name, first line, last line) of every function body that is not inside another."""
    stack = []  # (kind, name, first line, parens, start): kind is "function", "scope" or "list"
    start = 0   # of the declaration in hand
    parens = 0
    for i, c in enumerate(code):
        if c == "(":
            parens += 1
        elif c == ")":
            parens = max(0, parens - 1)
        elif c == ";" and parens == 0:
            start = i + 1
        elif c == "{":
            head = code[start:i]
            kind = kind_of(head, parens, any(frame[0] == "function" for frame in stack))
            first = line_of(code, start + len(head) - len(head.lstrip()))
            stack.append((kind, name_in(head), first, parens, start))
            parens = 0
            start = i + 1
        elif c == "}" and stack:
            kind, name, first, parens, before = stack.pop()
            if kind == "function":
                yield name, first, line_of(code, i)
            start = before if kind == "list" else i + 1  # a list is part of its declaration: `S() : a{1} {`


def kind_of(head, parens, inside_function):
    if inside_function or NOT_A_FUNCTION.search(head.split("(")[0]):
        return "scope"
    if parens > 0 or re.search(r"([\w>]|=\s*)$", head) and not re.search(r"\)\s*(const|noexcept|override|final|->.*)\s*$", head, re.S):
        return "list"
    return "function" if ")" in head else "scope"


def name_in(head):
    name = re.search(r"([\w:~]+|operator\W+)\s*\(([^()]*)", re.split(r"\)\s*:\s", head)[0])
    if not name:
        return ""
    return name.group(2).replace(" ", "").replace(",", ".") if name.group(1).startswith("TEST") else name.group(1)


CAPTURING_LAMBDA = re.compile(r"(?<![\w\])\"])\s*\[\s*[^\]\s][^\]]*\]\s*(\(|\{|mutable\b)")


HARMLESS = r"(?:monostate|nullopt_t)"


def await_faults(code, numbers=()):
    """Yields (offset, fault) of statements with co_await that g++ 12 miscompiles: a braced initialiser or a capturing lambda
    in one statement with it. `numbers` (types that have nothing to destroy) are left out."""
    harmless = re.compile(rf"\b(?:{'|'.join([HARMLESS, *numbers])})\{{[^{{}};]*\}}")
    for match in re.finditer(r"\bco_await\b", code):
        begin = statement_begin(code, match.start())
        end = statement_end(code, match.end())
        statement = harmless.sub("0", code[begin:end])
        if CAPTURING_LAMBDA.search(statement):
            yield match.start(), "a capturing lambda"
        elif "?" in statement:
            yield match.start(), "a conditional expression"
        elif re.search(r"(?<=[\w>(,=])\{|=\s\{|[(,]\s*\{|\breturn\s\{", statement):
            yield match.start(), "a braced initialiser"


def statement_begin(code, i):
    depth = 0
    while i > 0:
        i -= 1
        c = code[i]
        if c in ")]":
            depth += 1
        elif c in "([":
            depth = max(0, depth - 1) if depth < 1000 else depth - 1
        elif c in ";}":
            if c == "}" and depth > 0:
                depth += 1000  # a braced list in a call's arguments: it is looked for in the whole
                continue
            return i + 1
        elif c == "{":
            if depth >= 1000:
                depth -= 1000
            elif depth == 0 and not re.search(r"[\w>(,]", code[i - 1:i]):
                return i + 1
    return 0


def statement_end(code, i):
    depth = 0
    while i < len(code):
        c = code[i]
        if c in "([":
            depth += 1
        elif c in ")]":
            depth -= 1
        elif c == "{":
            if depth <= 0 and code[i - 1] == " ":
                return i  # the block of an if, while or for
            depth += 1
        elif c == "}":
            depth -= 1
        elif c == ";" and depth <= 0:
            return i
        i += 1
    return i
