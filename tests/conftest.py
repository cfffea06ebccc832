"""What every test may lean on: a home of its own, repositories to work on, and one rule for missing servers.

No test sees the user's git configuration, keys or caches: the whole session runs with a home in a temporary
folder, and each test that asks for `git_repository` gets a fresh one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

GIT_TIMEOUT_SECONDS = 60
IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}

settings.register_profile(
    "ci", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if IN_CI else "dev")

Files = Mapping[str, str | bytes]


# --------------------------------------------------------------------------------------------- missing servers


def missing_programs(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names when none of them is an executable on PATH or beside this interpreter; nothing when one is."""
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent), "/usr/sbin"])
    return () if any(shutil.which(name, path=path) for name in names) else names


def skip_or_fail(reason: str) -> None:
    """Skip on a developer's machine; fail in CI, where a test that never runs would look like one that passes."""
    if IN_CI:
        pytest.fail(f"{reason}; CI must have it", pytrace=False)
    pytest.skip(reason)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Apply `@pytest.mark.connected("nats-server")`: any one of the programs named is enough."""
    for mark in item.iter_markers("connected"):
        if not mark.args:
            pytest.fail(
                'name the programs that would do: @pytest.mark.connected("nats-server")', pytrace=False
            )
        if missing := missing_programs(mark.args):
            skip_or_fail(f"needs a server: none of {', '.join(missing)} is installed")


@pytest.fixture
def without_server() -> Callable[[str], None]:
    """Call with a reason where only starting the server shows that it is missing."""
    return skip_or_fail


# ------------------------------------------------------------------------------------- a home and a git of its own


def isolate(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Point HOME at an empty folder and cut git off from the machine's configuration and any outer repository."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_", "VSM_"))]:
        patch.delenv(name)
    home.mkdir(parents=True, exist_ok=True)
    patch.setenv("HOME", str(home))
    patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    patch.setenv("GIT_TERMINAL_PROMPT", "0")
    patch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture(scope="session", autouse=True)
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of tests that ask for none: nothing a test does reaches the real one."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, home)
        yield home


@pytest.fixture
def isolated_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home for this test alone, for the test's own process and for every child it starts."""
    home = tmp_path / "home"
    isolate(monkeypatch, home)
    return home


@pytest.fixture
def git(isolated_home: Path) -> Callable[..., str]:
    """`git(repository, "log", "--oneline")` returns what git printed, under a fixed author and a fixed time.

    The author is set for these calls only, so the code under test still has to manage without an identity.
    """
    author = {
        "GIT_AUTHOR_NAME": "Ada Author",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
        "GIT_COMMITTER_NAME": "Ada Author",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
        "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    }

    def run(repository: Path, *arguments: str) -> str:
        finished = subprocess.run(
            [
                "git",
                "-C",
                str(repository),
                "-c",
                "commit.gpgsign=false",
                "-c",
                "core.hooksPath=/dev/null",
                *arguments,
            ],
            env={**os.environ, **author},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_SECONDS,
            check=False,
        )
        assert finished.returncode == 0, f"git {' '.join(arguments)}: {finished.stderr}"
        return finished.stdout.strip()

    return run


@pytest.fixture
def git_repository(tmp_path: Path, git: Callable[..., str]) -> Callable[..., Path]:
    """`git_repository({"a.py": "x = 1\\n"}, name="demo")` lays out a repository with one commit on `main`.

    Called again with the same name it adds a second commit; without files it makes a repository with no commit.
    """

    def lay_out(files: Files | None = None, *, name: str = "repository", message: str = "Lay out") -> Path:
        root = tmp_path / name
        if not (root / ".git").exists():
            root.mkdir(parents=True, exist_ok=True)
            git(root, "init", "--quiet", "--initial-branch=main")
        write_files(root, files or {})
        if files:
            git(root, "add", "--all")
            git(root, "commit", "--quiet", "--message", message)
        return root

    return lay_out


def write_files(root: Path, files: Files) -> None:
    """Write each file under the root with the bytes given; text is written as UTF-8 without newline translation."""
    for relative, content in files.items():
        path = root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
