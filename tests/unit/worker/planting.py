"""Ways in which a leaf can plant a program in a repository's own git directory, and what shows that it ran."""

from pathlib import Path

from vsm_core.payloads.jobs import GateKind

COMMON = "common=$(git rev-parse --path-format=absolute --git-common-dir); "
EDIT = {"append": {"path": "a.py", "text": "y = 2\n"}}


def make_spy(folder: Path) -> Path:
    """Make a program that notes that it ran, and passes on what it reads."""
    program = folder / "spy"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {folder / "ran"}\ncat\n')
    program.chmod(0o755)
    return program


def ran(tmp_path) -> str:
    noted = tmp_path / "ran"
    return noted.read_text() if noted.exists() else ""


def sh(line: str) -> dict[str, list[str]]:
    return {"run": ["sh", "-ec", COMMON + line]}


def touched(report) -> list[str]:
    return [each.path for each in report.violations if each.kind is GateKind.TOUCHED_REPOSITORY]


def planting(spy: Path) -> dict[str, tuple[str, str]]:
    """Each way to plant a program: what the leaf runs, and what it is told to have touched."""
    settings = {
        "core.fsmonitor": spy,
        "core.hooksPath": spy.parent / "planted-hooks",
        "core.sshCommand": spy,
        "core.editor": spy,
        "core.pager": spy,
        "diff.external": spy,
        "diff.spy.textconv": spy,
        "diff.spy.command": spy,
        "filter.spy.clean": spy,
        "filter.spy.smudge": spy,
        "filter.spy.process": spy,
        "merge.spy.driver": f"{spy} %O %A %B",
        "gpg.program": spy,
        "alias.add": f"!{spy}",
        "credential.helper": f"!{spy}",
        "include.path": spy.parent / "planted-settings",
        "core.worktree": spy.parent,
    }
    hooks = ("post-checkout", "pre-commit", "reference-transaction", "post-index-change", "update")
    files = {
        "info/attributes": "* filter=spy diff=spy merge=spy",
        "info/exclude": "*",
        "info/grafts": "",
        "objects/info/alternates": str(spy.parent),
    }
    return {
        **{key: (f"git config {key} '{value}'", ".git/config") for key, value in settings.items()},
        **{
            hook: (f"mkdir -p $common/hooks; cp {spy} $common/hooks/{hook}", f".git/hooks/{hook}")
            for hook in hooks
        },
        **{
            path: (f"mkdir -p $common/info; echo '{text}' > $common/{path}", f".git/{path}")
            for path, text in files.items()
        },
    }


def state(root: Path) -> dict[str, bytes]:
    """Return what is judged of a repository, byte for byte."""
    places = [
        root / ".git" / "config",
        *(root / ".git" / "hooks").glob("*"),
        *(root / ".git" / "info").glob("*"),
    ]
    places.append(root / ".git" / "objects" / "info" / "alternates")
    return {
        str(each): each.read_bytes() for each in places if each.is_file() and "vsm-set-aside" not in each.name
    }
