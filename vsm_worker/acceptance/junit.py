"""Reading pytest's JUnit XML: which test ended how, and which files could not be collected."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from vsm_worker.acceptance.observation import TestRun, TestState, Uncollectable
from vsm_worker.secret_rules import redacted

ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")
MISSING_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named ['\"]([\w.]+)['\"]")
IMPORT_PROBLEM = re.compile(r"^E?\s*(\w*(?:Error|Exception|Failed)\b.*)$", re.MULTILINE)
WORST = (TestState.ERROR, TestState.FAILED, TestState.SKIPPED, TestState.PASSED)  # a test may be listed twice
OF_TAG = {"failure": TestState.FAILED, "error": TestState.ERROR, "skipped": TestState.SKIPPED}
MESSAGE_LIMIT = 300  # characters


def read_junit(text: str) -> TestRun | None:
    """Return the run that a JUnit XML file tells of, or None where it is no such file."""
    try:
        root = ET.fromstring(text)  # noqa: S314 - written by the pytest we started; expat stops entity floods
    except ET.ParseError:
        return None
    tests: dict[str, TestState] = {}
    uncollectable: list[Uncollectable] = []
    for case in root.iter("testcase"):
        problem = _collection_problem(case)
        if problem is not None:
            uncollectable.append(problem)
            continue
        name, state = _name(case), _state(case)
        known = tests.get(name, state)
        tests[name] = min(known, state, key=WORST.index)
    return TestRun(tests, tuple(uncollectable))


def _name(case: ET.Element) -> str:
    place = case.get("classname") or case.get("file") or ""
    # An object's address in a parameter's name differs from run to run.
    return ADDRESS.sub("0x", f"{place}::{case.get('name', '')}")


def _state(case: ET.Element) -> TestState:
    found = [OF_TAG[child.tag] for child in case if child.tag in OF_TAG]
    return min(found, key=WORST.index, default=TestState.PASSED)


def _collection_problem(case: ET.Element) -> Uncollectable | None:
    error = case.find("error")
    if error is None or error.get("message") != "collection failure":
        return None
    text = error.text or ""
    missing = MISSING_MODULE.search(text)
    return Uncollectable(_file_of(case), missing[1] if missing else None, _message(text))


def _file_of(case: ET.Element) -> str:
    dotted = case.get("classname") or case.get("name") or "?"
    return case.get("file") or f"{dotted.replace('.', '/')}.py"


def _message(text: str) -> str:
    problems = list(_problems(text))
    return redacted(problems[-1] if problems else text.strip().split("\n")[-1])[:MESSAGE_LIMIT]


def _problems(text: str) -> Iterator[str]:
    for match in IMPORT_PROBLEM.finditer(text):
        yield match[1].strip()


def conftest_problem(output: str, root: Path) -> Uncollectable | None:
    """Return the trouble of a conftest.py below ``root`` that stopped pytest before it wrote a report, or None."""
    found = re.search(r"ImportError while loading conftest '([^']+)'", output)
    if found is None:
        return None
    missing = MISSING_MODULE.search(output)
    file = found[1].removeprefix(f"{root}/")  # the checkout's own name says nothing
    return Uncollectable(file, missing[1] if missing else None, _message(output))
