"""The rules of tidiness, each a function from one source file to its findings.

A rule sees a file's path, text and syntax tree and nothing else; which files it sees is decided in test_tidy.py.
A finding names file and line, what is wrong and the mend.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import NamedTuple

FILE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 5
PACKAGES = ("vsm_core", "vsm_transport", "vsm_ledger", "vsm_worker", "vsm_controller", "vsm_system")
FORBIDDEN_NAMES = frozenset(
    {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc", "runtime"}
)
FREE_FORM = "meta" + "data"
WAITING_CALLS = frozenset(
    {"sleep", "timeout", "timeout_at", "wait_for", "call_later", "call_at", "settimeout", "alarm"}
)
SIZING_CALLS = frozenset({"limit", "read", "readexactly", "recv", "truncate", "fetchmany"})
BARE_KEYWORDS = frozenset(
    {
        "timeout",
        "delay",
        "interval",
        "ttl",
        "wait",
        "maxsize",
        "max_size",
        "bufsize",
        "limit",
        "chunk_size",
        "backlog",
    }
)
OPEN_ENDS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
REGISTRIES = re.compile(
    "|".join(re.escape(".".join(host)) for host in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("crates", "io"),
        ("anaconda", "org"), ("proxy", "golang", "org"),
    ))
)  # fmt: skip
MACHINE_PATHS = re.compile(
    r"(?<![\w./}])/(?:"
    + "|".join(("wo" + "rk", "roo" + "t", r"ho" + r"me/\w+", r"Us" + r"ers/\w+", "opt/py" + "pi"))
    + r")/\w"
)


class Finding(NamedTuple):
    """One thing to mend, at one place."""

    path: str
    line: int
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}; {self.mend}"


@dataclass(frozen=True)
class Source:
    """One text file of the project, its path relative to the root."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.path)

    @property
    def package(self) -> str:
        return self.path.partition("/")[0]

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    def at(self, node: ast.AST, what: str, mend: str) -> Finding:
        return Finding(self.path, getattr(node, "lineno", 1), what, mend)


Rule = Callable[[Source], Iterator[Finding]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: Source) -> Iterator[Function]:
    yield from (node for node in ast.walk(source.tree) if isinstance(node, Function))


def is_command_line(source: Source) -> bool:
    return source.path.startswith("vsm_system/cli")


def called_name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


# ----------------------------------------------------------------------------------------------------- budgets


def file_budget(source: Source) -> Iterator[Finding]:
    lines = source.text.count("\n")
    if lines > FILE_LINES:
        yield Finding(source.path, lines, f"{lines} lines, at most {FILE_LINES}", "split it by noun")


def function_budget(source: Source) -> Iterator[Finding]:
    for function in functions(source):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES:
            what = f"{function.name} has {lines} lines, at most {FUNCTION_LINES}"
            yield source.at(function, what, "take its steps out as functions with names of their own")


def parameter_budget(source: Source) -> Iterator[Finding]:
    """Parameters but `self` and `cls`; in the command line only positional ones, since options are a command's data."""
    for function in functions(source):
        arguments = function.args
        counted = [*arguments.posonlyargs, *arguments.args]
        if counted and counted[0].arg in {"self", "cls"}:
            counted = counted[1:]
        if not is_command_line(source):
            counted = [*counted, *arguments.kwonlyargs]
        if len(counted) > PARAMETERS:
            what = f"{function.name} takes {len(counted)} parameters, at most {PARAMETERS}"
            yield source.at(function, what, "group what travels together into a frozen value")


# ------------------------------------------------------------------------------------------------------- typing


def typed_any(source: Source) -> Iterator[Finding]:
    """Each use of typing's escape hatch; importing it is not a use."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Name(id="Any") | ast.Attribute(attr="Any"):
                yield source.at(node, "Any", "name the type, or take `object` and narrow it")


def free_form_names(source: Source) -> Iterator[Finding]:
    """Fields, parameters and keys with the name that invites anything; attribute access on others' objects is fine."""
    mend = "give each thing that code reads a typed field; `labels` are for humans"
    for node in ast.walk(source.tree):
        match node:
            case ast.arg(arg=name) | ast.keyword(arg=str(name)) if name == FREE_FORM:
                yield source.at(node, f"parameter {FREE_FORM}", mend)
            case ast.Dict(keys=keys):
                yield from (source.at(k, f"key {FREE_FORM}", mend) for k in keys if is_text(k, FREE_FORM))
            case ast.Subscript(slice=index) if is_text(index, FREE_FORM):
                yield source.at(node, f"key {FREE_FORM}", mend)
            case ast.ClassDef(body=body):
                yield from (
                    source.at(f, f"field {FREE_FORM}", mend) for f in body if FREE_FORM in assigned_names(f)
                )


def free_form_keys(source: Source) -> Iterator[Finding]:
    """The same name as a key of a JSON, YAML or TOML file."""
    key = re.compile(rf"""^[\s\-\[{{,]*["']?{FREE_FORM}["']?\s*[:=\]]|[{{,]\s*["']{FREE_FORM}["']\s*:""")
    for number, line in enumerate(source.text.splitlines(), 1):
        if key.search(line):
            yield Finding(source.path, number, f"key {FREE_FORM}", "name the field")


def is_text(node: ast.expr | None, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text


def assigned_names(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case _:
            return set()


def boolean_flags(source: Source) -> Iterator[Finding]:
    """Positional parameters that are bool by annotation or default: `move(node, True)` says nothing to its reader."""
    if is_command_line(source):
        return
    for function in functions(source):
        positional = [*function.args.posonlyargs, *function.args.args]
        defaults = [None] * (len(positional) - len(function.args.defaults)) + list(function.args.defaults)
        for argument, default in zip(positional, defaults, strict=True):
            annotated = isinstance(argument.annotation, ast.Name) and argument.annotation.id == "bool"
            if annotated or (isinstance(default, ast.Constant) and isinstance(default.value, bool)):
                what = f"{function.name} takes the flag {argument.arg}"
                yield source.at(argument, what, "write two functions, take an enum, or make it keyword-only")


# ------------------------------------------------------------------------------------------- what a line may hold


def printing(source: Source) -> Iterator[Finding]:
    if is_command_line(source):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield source.at(node, "print outside vsm_system/cli", "return the text, or log it")


def naked_numbers(source: Source) -> Iterator[Finding]:
    """Times and sizes written as bare numbers in a call. 0 and 1 pass: they mean none and one."""
    mend = "name it in a constant that carries its unit, such as `RETRY_DELAY_SECONDS`"
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = called_name(node)
        if name in WAITING_CALLS | SIZING_CALLS:
            for argument in node.args:
                if is_naked(argument):
                    yield source.at(argument, f"naked number in {name}()", mend)
        for keyword in node.keywords:
            if keyword.arg in BARE_KEYWORDS and is_naked(keyword.value):
                yield source.at(keyword.value, f"naked number for {keyword.arg}=", mend)


def is_naked(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool()):
            return False
        case ast.Constant(value=int(number) | float(number)):
            return number not in {0, 1}
        case ast.BinOp(left=left, right=right):
            return is_naked(left) and is_naked(right)
        case _:
            return False


def open_ends(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if found := OPEN_ENDS.search(line):
            yield Finding(
                source.path, number, f"open end {found[0]}", "do it, or open an issue and say why here"
            )


def foreign_addresses(source: Source) -> Iterator[Finding]:
    """Package registries and folders of one machine: neither belongs in a project that runs anywhere."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if found := REGISTRIES.search(line):
            yield Finding(
                source.path, number, f"registry {found[0]}", "leave the index to the installer's own settings"
            )
        if found := MACHINE_PATHS.search(line):
            yield Finding(
                source.path, number, f"machine path {found[0]}", "use a relative path or a temporary folder"
            )


# -------------------------------------------------------------------------------------------------------- modules


def module_docstring(source: Source) -> Iterator[Finding]:
    docstring = ast.get_docstring(source.tree)
    if not docstring or not docstring.strip():
        yield Finding(
            source.path, 1, "no module docstring", "say what this file decides and what it must not know"
        )
    elif not re.search(r"[.:?]$", docstring.strip().split("\n\n")[0].strip()):
        yield Finding(
            source.path, 1, "the docstring does not open with a sentence", "write one, with its full stop"
        )


def module_name(source: Source) -> Iterator[Finding]:
    for part in PurePosixPath(source.path).with_suffix("").parts:
        if part.lstrip("_") in FORBIDDEN_NAMES or part.endswith(("_utils", "_helpers")):
            yield Finding(source.path, 1, f"{part} is a junk drawer", "move each function to its noun")
