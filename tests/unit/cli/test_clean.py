"""Cleaning: probes that earlier versions left in the cache folder itself go, others' folders and young ones stay."""

import os
import time
from pathlib import Path

import pytest

from vsm_system.runs.clean import PROBE_SECONDS, clean_worktrees
from vsm_worker.artifacts import default_cache_folder
from vsm_worker.process import birth_of
from vsm_worker.workspace import plain

OLD, YOUNG = PROBE_SECONDS + 60, PROBE_SECONDS - 3_600
DEAD = 2**22 + 1  # above every pid that Linux gives out


def made(name: str, age: float) -> Path:
    folder = default_cache_folder() / name
    (folder / "home").mkdir(parents=True)
    then = time.time() - age
    os.utime(folder, (then, then))
    return folder


async def test_only_what_nobody_uses_goes(isolated_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    living = f"probe-{os.getpid()}-{plain(birth_of(os.getpid()) or '')}-ab12cd34"
    gone = [made("probe-ab12_x9z", OLD), made(f"probe-{DEAD}-1234567-ab12cd34", 0)]
    kept = [
        made("probe-ab12_x9a", YOUNG),
        made(living, OLD),
        made("probe-of-somebody-else", OLD),
        made("probe-AB12CD34", OLD),
        made("prober-ab12_x9z", OLD),
    ]
    elsewhere = isolated_home / "elsewhere"
    elsewhere.mkdir()
    link = default_cache_folder() / "probe-linked_1"
    link.symlink_to(elsewhere)
    os.utime(link, (0, 0), follow_symlinks=False)
    await clean_worktrees()
    assert [each for each in gone if each.exists()] == []
    assert [each for each in kept if not each.exists()] == []
    assert elsewhere.is_dir()
    # and what belongs to another user is never touched
    other = made("probe-ab12_x9z", OLD)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    await clean_worktrees()
    assert other.exists()
