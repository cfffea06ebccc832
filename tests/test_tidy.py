"""The budgets and habits of the style guide, checked on every file of the checkout.

Files are those git tracks and those it would: untracked, not ignored. Each rule also proves itself on a snippet that
breaks it, so that a rule that sees nothing fails too.
"""

import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from tests import tidy_rules as rules
from tests.tidy_rules import Finding, Rule, Source

ROOT = Path(__file__).resolve().parent.parent
GIT_TIMEOUT_SECONDS = 60
DATA_SUFFIXES = (".json", ".yaml", ".yml", ".toml", ".ndjson")
THE_ONE_ANY = "vsm_controller/dispatch.py"

Scope = Callable[[Source], bool]


@cache
def sources() -> tuple[Source, ...]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=GIT_TIMEOUT_SECONDS,
    ).stdout.decode()
    found = (text_of(ROOT / name) for name in sorted(set(listed.split("\0"))) if name)
    return tuple(source for source in found if source)


def text_of(path: Path) -> Source | None:
    """The file as text; nothing for what is deleted, a link or binary."""
    if path.is_symlink() or not path.is_file():
        return None
    content = path.read_bytes()
    if b"\0" in content:
        return None
    return Source(path.relative_to(ROOT).as_posix(), content.decode(errors="replace"))


def everywhere(source: Source) -> bool:
    return True


def in_python(source: Source) -> bool:
    return source.is_python


def in_packages(source: Source) -> bool:
    return source.is_python and source.package in rules.PACKAGES


def in_pure_packages(source: Source) -> bool:
    return source.is_python and source.package in {"vsm_core", "vsm_controller"}


def in_packages_and_tests(source: Source) -> bool:
    return in_packages(source) or (source.is_python and source.package == "tests")


def in_data(source: Source) -> bool:
    return source.path.endswith(DATA_SUFFIXES)


TABLE: tuple[tuple[Rule, Scope], ...] = (
    (rules.file_budget, in_python),
    (rules.function_budget, in_python),
    (rules.parameter_budget, in_python),
    (rules.typed_any, in_pure_packages),
    (rules.free_form_names, in_python),
    (rules.free_form_keys, in_data),
    (rules.boolean_flags, in_packages),
    (rules.printing, in_packages_and_tests),
    (rules.naked_numbers, in_packages),
    (rules.open_ends, everywhere),
    (rules.foreign_addresses, everywhere),
    (rules.module_docstring, in_python),
    (rules.module_name, in_python),
)


def name_of(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("rule", "scope"), TABLE, ids=name_of)
def test_every_file_is_tidy(rule: Rule, scope: Scope) -> None:
    findings = [finding for source in sources() if scope(source) for finding in rule(source)]
    assert not (left := without_the_one_exception(findings)), "\n" + "\n".join(map(str, left))


def without_the_one_exception(findings: Iterable[Finding]) -> list[Finding]:
    """Drop the first escape hatch of the dispatch table, the one place where the type system may give up."""
    kept, excused = [], 0
    for finding in findings:
        if finding.what == "Any" and finding.path == THE_ONE_ANY and not excused:
            excused += 1
        else:
            kept.append(finding)
    return kept


# --------------------------------------------------------------------------------------------- the rules have teeth

FREE_FORM = rules.FREE_FORM
WRONG: tuple[tuple[Rule, str], ...] = (
    (rules.file_budget, "x = 1\n" * (rules.FILE_LINES + 1)),
    (rules.function_budget, "def f():\n" + "    g()\n" * rules.FUNCTION_LINES),
    (rules.parameter_budget, "def f(a, b, c, *, d, e, f): ...\n"),
    (rules.typed_any, "def f(x: Any) -> None: ...\n"),
    (rules.typed_any, "x: typing.Any = 1\n"),
    (rules.free_form_names, f"class A:\n    {FREE_FORM}: str\n"),
    (rules.free_form_names, f"def f({FREE_FORM}): ...\n"),
    (rules.free_form_names, f"x = {{'{FREE_FORM}': 1}}\n"),
    (rules.free_form_names, f"x['{FREE_FORM}'] = 1\n"),
    (rules.free_form_keys, f"node:\n  {FREE_FORM}: 1\n"),
    (rules.free_form_keys, f'{{"a": 1, "{FREE_FORM}": 2}}\n'),
    (rules.boolean_flags, "def f(x, deep=False): ...\n"),
    (rules.boolean_flags, "def f(deep: bool): ...\n"),
    (rules.printing, "print(1)\n"),
    (rules.naked_numbers, "await asyncio.sleep(0.5)\n"),
    (rules.naked_numbers, "run(argv, timeout=5 * 60)\n"),
    (rules.naked_numbers, "asyncio.Queue(maxsize=100)\n"),
    (rules.open_ends, "# TO" + "DO: later\n"),
    (rules.foreign_addresses, "--index-url https://py" + "pi.org/simple\n"),
    (rules.foreign_addresses, "cd /ho" + "me/ada/project\n"),
    (rules.module_docstring, "x = 1\n"),
    (rules.module_docstring, '"""Not a sentence"""\n'),
)
RIGHT: tuple[tuple[Rule, str], ...] = (
    (rules.parameter_budget, "class A:\n    def f(self, a, b, c, d, e): ...\n"),
    (rules.free_form_names, f"from importlib import {FREE_FORM}\nx = {FREE_FORM}.version('a')\n"),
    (rules.boolean_flags, "def f(x, *, deep: bool = False): ...\n"),
    (rules.naked_numbers, "asyncio.sleep(0)\nrun(argv, timeout=LIMIT_SECONDS)\nquery.limit(1)\n"),
    (rules.foreign_addresses, "lanes control/work/a and <tmp>/home\n"),
)


@pytest.mark.parametrize(("rule", "text"), WRONG, ids=name_of)
def test_a_rule_finds_what_breaks_it(rule: Rule, text: str) -> None:
    findings = list(rule(Source("vsm_core/example.py", text)))
    assert findings
    assert str(findings[0]).startswith("vsm_core/example.py:")


@pytest.mark.parametrize(("rule", "text"), RIGHT, ids=name_of)
def test_a_rule_passes_what_keeps_it(rule: Rule, text: str) -> None:
    assert not list(rule(Source("vsm_core/example.py", text)))


@pytest.mark.parametrize("path", ["vsm_core/utils.py", "vsm_system/helpers/clock.py", "tests/test_utils.py"])
def test_a_junk_drawer_is_found_by_its_name(path: str) -> None:
    assert list(rules.module_name(Source(path, "")))


def test_only_the_command_line_may_print_and_take_many_options() -> None:
    text = "def f(*, a, b, c, d, e, f): print(a)\n"
    cli = Source("vsm_system/cli/runs.py", text)
    assert not [*rules.printing(cli), *rules.parameter_budget(cli)]


def test_the_dispatch_table_has_one_escape_hatch_and_no_second() -> None:
    twice = list(rules.typed_any(Source(THE_ONE_ANY, "x: Any\ny: Any\n")))
    assert len(twice) == 2
    assert len(without_the_one_exception(twice)) == 1
