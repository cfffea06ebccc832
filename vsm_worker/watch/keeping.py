"""Reading and mending what is judged of a common git directory. Nothing here runs what a leaf could have put there."""

import stat
from collections.abc import Iterator
from contextlib import suppress
from errno import EFBIG, EISDIR
from pathlib import Path

from vsm_worker.errors import GitError
from vsm_worker.git import Call, call, fields, git
from vsm_worker.watch.judging import Held, Kept, Refs, Touched, Values, shown, touched_files, touched_settings

HOOKS = "hooks"
FILES = ("info/attributes", "info/exclude", "info/grafts", "objects/info/alternates")
SETTINGS_FILES = ("config", "config.worktree")
SET_ASIDE = ".vsm-set-aside"
SAMPLE = ".sample"
FILE_LIMIT = 1_048_576  # bytes of a file that are compared
HOOKS_LIMIT = 500  # files
OWN_COMMITS_LIMIT = 1_000


async def kept_of(common: Path) -> Kept:
    """Return what is judged of a common git directory, as it is now."""
    raw = {name: held for name in SETTINGS_FILES if (held := _held(common / name)) is not None}
    settings = {name: await _settings(common / name) for name in SETTINGS_FILES}
    return Kept(dict(_files(common)), settings, raw)


def _files(common: Path) -> Iterator[tuple[str, Held]]:
    for name in (HOOKS, *FILES):
        held = _held(common / name)
        if held is not None:
            yield name, held
    if not (common / HOOKS).is_symlink():
        with suppress(OSError):
            for path in sorted((common / HOOKS).iterdir())[:HOOKS_LIMIT]:
                held = None if path.name.endswith((SAMPLE, SET_ASIDE)) else _held(path)
                if held is not None:
                    yield f"{HOOKS}/{path.name}", held


def _held(path: Path) -> Held | None:
    """Return what lies at a path; None for nothing and for a plain folder."""
    try:
        if path.is_symlink():
            return Held(link=str(path.readlink()))
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            return None if stat.S_ISDIR(state.st_mode) else Held(link="no file")
        with path.open("rb") as file:
            return Held(file.read(FILE_LIMIT), bool(state.st_mode & stat.S_IXUSR))
    except OSError:
        return None


async def _settings(path: Path) -> Values | None:
    if _held(path) is None:
        return {}
    try:
        listed = await call(
            path.parent, Call(("config", "--file", str(path), "--no-includes", "--list", "-z"))
        )
    except GitError:
        return None
    found: dict[str, tuple[str, ...]] = {}
    for entry in fields(listed.output):
        key, _, value = entry.partition("\n")
        found[key] = (*found.get(key, ()), value)
    return found


async def refs_of(common: Path) -> Refs:
    """Return where HEAD and all refs of a repository point."""
    lines = await git(common, "for-each-ref", "--format=%(objectname) %(refname)")
    targets = {ref: target for target, ref in (line.split(" ", 1) for line in lines.splitlines())}
    try:
        head = (common / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        head = "nothing"
    return Refs(head, targets)


async def own_commits(common: Path, base: str, head: str | None) -> frozenset[str]:
    """Return the commits that a leaf made by itself, from its start to where its own HEAD is."""
    if head is None or head == base:
        return frozenset()
    asked = Call(
        ("rev-list", f"--max-count={OWN_COMMITS_LIMIT}", head, f"^{base}", "--not", "--glob=refs/vsm"),
        accepted=(0, 128),
    )
    return frozenset((await call(common, asked)).output.decode().split())


async def mended(common: Path, before: Kept, now: Kept) -> tuple[Touched, ...]:
    """Put back what is judged and not as it was, keeping a copy of what came; say what was done, thing by thing."""
    files = [_file_mended(common, path, before.files.get(path)) for path in touched_files(before, now)]
    settings = [
        each for name in SETTINGS_FILES for each in await _settings_mended(common, name, (before, now))
    ]
    return (*files, *settings)


def _file_mended(common: Path, path: str, before: Held | None) -> Touched:
    target = common / path
    try:
        if before is not None and before == _held(_aside(target)):
            return Touched(path, "set aside by another watch, which knows it as what a leaf has put there")
        aside = _set_aside(target)
        if before is not None:
            _write(target, before)
        done = "put back as it was" if before is not None else "taken out of use"
        return Touched(path, f"{done}; what came is kept at {aside.name}" if aside else done)
    except OSError as error:
        return Touched(path, f"not put back: {error.strerror}")


def _set_aside(target: Path) -> Path | None:
    if not (target.exists() or target.is_symlink()):
        return None
    if target.is_dir() and not target.is_symlink():
        raise IsADirectoryError(EISDIR, "a folder is in its place")
    return target.rename(_aside(target))


def _aside(target: Path) -> Path:
    return target.with_name(f"{target.name}{SET_ASIDE}")


def _write(target: Path, held: Held) -> None:
    if len(held.content) >= FILE_LIMIT:
        raise OSError(EFBIG, "it was too large to be kept")
    target.parent.mkdir(parents=True, exist_ok=True)
    if held.link is not None:
        target.symlink_to(held.link)
        return
    target.write_bytes(held.content)
    target.chmod(0o755 if held.executable else 0o644)


async def _settings_mended(common: Path, name: str, kept: tuple[Kept, Kept]) -> list[Touched]:
    before, now = (each.settings.get(name) for each in kept)
    if before is None:
        return []  # it was no settings file before: there is nothing to compare with
    raw, current = (each.raw.get(name) for each in kept)
    lost = raw is not None and (current is None or current.link != raw.link)
    if now is None or lost:
        return [_file_mended(common, name, raw)]
    return [
        await _setting_mended(common / name, key, (before.get(key, ()), now.get(key, ())))
        for key in touched_settings(before, now)
    ]


async def _setting_mended(path: Path, key: str, values: tuple[tuple[str, ...], tuple[str, ...]]) -> Touched:
    before, now = values
    change = f"{key}: {shown(before)} -> {shown(now)}"
    edit = ("config", "--file", str(path))
    try:
        if now:
            await git(path.parent, *edit, "--unset-all", key)
        for value in before:
            await git(path.parent, *edit, "--add", key, value)
    except GitError as error:
        return Touched(path.name, f"{change}, not put back: {error}")
    return Touched(path.name, f"{change}, put back")
