"""Real repositories, each with a home of its own, and the real program run on them as its user would.

A `Yard` is one user's small machine: a home, a cache, one repository and the environment its commands run in. Nothing
of the developer's own settings reaches it, and what is left in it afterwards can be counted.
"""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from vsm_system.cli.app import run_command_line

RUN_SECONDS = 90
GIT_SECONDS = 60
LINT = "Fix the lint errors"
NO_TESTS = ("--acceptance", "true")  # for tests that are not about verification
AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "Ada Author"),
        ("EMAIL", "ada@example.org"),
        ("DATE", "2026-01-01T00:00:00Z"),
    )
}
UNUSED = "import os\n\n\ndef one():\n    return 1\n"
CLEAN = UNUSED.removeprefix("import os\n")
OLD_AND_UNUSED = "import os\n\n\ndef two():\n    return 2\n\n\nTEXT: str = str('')\n"
TEST_OF_ONE = "from one import one\n\n\ndef test_one():\n    assert one() == 1\n"
LINTED = {"one.py": UNUSED, "test_one.py": TEST_OF_ONE}

Files = Mapping[str, str | bytes]


class Ended(NamedTuple):
    """How a command of the program ended: exit code, output, and the document where it printed one."""

    exit_code: int
    stdout: str
    stderr: str
    document: dict[str, Any]

    @property
    def lines(self) -> list[str]:
        return self.stderr.splitlines()


@dataclass(frozen=True)
class Yard:
    """A home, a repository and the environment of every command."""

    home: Path
    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def git(self, *arguments: str, where: Path | None = None) -> str:
        """Return what git prints, under a fixed author that only these calls have; no hook is run."""
        return self.git_bytes(*arguments, where=where).decode(errors="surrogateescape").rstrip("\n")

    def git_bytes(self, *arguments: str, where: Path | None = None) -> bytes:
        ended = subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false", *arguments],
            cwd=where or self.root,
            env={**self.environment, **AUTHOR},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, f"git {' '.join(arguments)}: {ended.stderr!r}"
        return ended.stdout

    def write(self, files: Files) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, files: Files, message: str = "Lay out") -> str:
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def at(self, commit: str, name: str) -> bytes:
        """Return a file's bytes as a commit has them."""
        return self.git_bytes("show", f"{commit}:{name}")

    def changed(self, document: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
        """Return the files between the base and the result of a run, with lines added and deleted."""
        listed = self.git(
            "diff", "--numstat", "-z", "--no-renames", str(document["base"]), str(document["commit"])
        )
        rows = (row.split("\t", 2) for row in listed.split("\0") if row)
        return {name: (int(added), int(deleted)) for added, deleted, name in rows}

    def commits(self, document: Mapping[str, Any]) -> list[dict[str, str]]:
        """Return the trailers of each commit between the base and the branch of a run, the newest first."""
        span = f"{document['base']}..{document['branch']}"
        bodies = self.git("log", "--format=%(trailers:only,unfold)%x00", span).split("\0")
        return [
            dict(line.split(": ", 1) for line in body.splitlines() if line) for body in bodies if body.strip()
        ]

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()

    def vsm(self, *arguments: str, **variables: str) -> Ended:
        """Run a command of the program in the repository and wait for its end."""
        return run_vsm(self, *arguments, **variables)

    def run(self, text: str, *options: str, **variables: str) -> Ended:
        """Run a directive; the document is the one that it printed."""
        return run_vsm(self, "run-directive", text, "--json", *options, **variables)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of the program and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "vsm_system", *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def processes(self) -> list[str]:
        """Return the living processes that work here: by their folder, or by a variable that names this home."""
        return sorted(_living(os.fsencode(self.home), os.fsencode(self.root)))

    def work_trees(self) -> list[str]:
        """Return what git and the cache know of work trees, the repository's own aside."""
        known = [
            line
            for line in self.git("worktree", "list", "--porcelain").splitlines()
            if line.startswith("worktree ")
        ]
        cached = [str(path) for path in (self.home / ".cache" / "vsm").glob("*/*") if path.name != "lock"]
        return known[1:] + cached


def run_vsm(yard: Yard, *arguments: str, **variables: str) -> Ended:
    """Run the program as a user does; output that is one JSON document is parsed."""
    ended = subprocess.run(
        [sys.executable, "-m", "vsm_system", *arguments],
        cwd=yard.root,
        env={**yard.environment, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr, document_of(ended.stdout, arguments))


def document_of(stdout: str, arguments: tuple[str, ...]) -> dict[str, Any]:
    """Return the document of a run that was asked for one: it is all that it prints."""
    if arguments[:1] != ("run-directive",) or "--json" not in arguments or not stdout:
        return {}
    document = json.loads(stdout)
    assert isinstance(document, dict)
    return document


def lay_out(place: Path, files: Files, *, name: str = "repository") -> Yard:
    """Lay out a yard: a home, and a repository with one commit on main; without files it has none yet."""
    home, root = place / "home", place / name
    home.mkdir(parents=True)
    root.mkdir(parents=True)
    yard = Yard(home, root, environment_in(home))
    yard.git("init", "--quiet", "--initial-branch=main")
    if files:
        yard.commit(files)
    return yard


def environment_in(home: Path) -> dict[str, str]:
    """Return the environment of a user with this home, who has Python, git and the system's tools, and no model."""
    git = shutil.which("git") or "/usr/bin/git"
    folders = dict.fromkeys([str(Path(sys.executable).parent), str(Path(git).parent), "/usr/bin", "/bin"])
    return {
        "HOME": str(home),
        "PATH": os.pathsep.join(folders),
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


def assert_settled(yard: Yard) -> None:
    """Check what has to be true after every run: no work tree and no process is left, and the record is whole."""
    assert yard.work_trees() == []
    assert yard.processes() == []
    if (yard.root / ".git" / "vsm" / "ledger.db").exists():
        with redirect_stdout(io.StringIO()) as said:  # in this process: half a second less after every test
            code = run_command_line(["ledger", "verify", "--workspace", str(yard.root)])
        assert code == 0, said.getvalue()


def _living(*marks: bytes) -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state = (process / "stat").read_bytes().rpartition(b") ")[2][:1]
            told = (process / "environ").read_bytes() + b"\0" + os.fsencode((process / "cwd").readlink())
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile, or is not ours to look at
        if int(process.name) != os.getpid() and state != b"Z" and any(mark in told for mark in marks):
            yield f"{process.name}: {command}"
