"""Which command lines are pytest: those are judged test by test, all others by their exit code."""

import re

PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)[0-9.]*")
PYTEST = re.compile(r"(?:.*/)?(?:pytest|py\.test)")


def is_pytest(argv: tuple[str, ...]) -> bool:
    """Say whether an argv runs pytest: ``pytest ...`` or ``python -m pytest ...``."""
    return pytest_arguments(argv) is not None


def pytest_arguments(argv: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return what an argv gives to pytest, or None where it does not run pytest."""
    if argv and PYTEST.fullmatch(argv[0]):
        return argv[1:]
    if len(argv) > len(("python", "-m")) and PYTHON.fullmatch(argv[0]) and argv[1:3] == ("-m", "pytest"):
        return argv[3:]
    return None
