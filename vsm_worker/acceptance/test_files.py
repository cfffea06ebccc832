"""Which files are tests: those judge the work, so the author's changes to them are laid aside for a second look."""

from pathlib import PurePosixPath

TEST_FOLDERS = frozenset({"test", "tests", "testing"})
TEST_FILES = frozenset({"conftest.py", "pytest.ini", ".pytest.ini"})


def is_test_file(path: str) -> bool:
    """Say whether a path is a test, or what only tests use."""
    parts = PurePosixPath(path).parts
    name = parts[-1] if parts else ""
    if name in TEST_FILES or any(folder in TEST_FOLDERS for folder in parts[:-1]):
        return True
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))
