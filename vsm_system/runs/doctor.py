"""The machine as a run would find it: interpreter, git, the crew's tools, providers, isolation."""

import os
import shutil
import sys
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path

from vsm_core.value import Value
from vsm_system.repository.identity import RepositoryError, check_git
from vsm_worker.artifacts import default_cache_folder
from vsm_worker.process import Program, Scratch, allowed_environment, found_at, run
from vsm_worker.providers.auto import KNOWN_AGENTS

CREW = (
    ("ruff", "lint, imports, syntax, format"),
    ("pytest", "verification of Python tests"),
    ("typos", "spelling"),
    ("vulture", "dead code"),
    ("bandit", "security"),
)
CREW_MEND = "pip install 'vsm-kernel[crew]'"
VERSION_SECONDS = 20.0


class Standing(StrEnum):
    """How something is found."""

    GOOD = "ok"
    MISSING = "missing"
    BROKEN = "broken"
    NOTE = "note"


class Finding(Value):
    """One thing looked at, and how to mend it where it needs mending."""

    subject: str
    standing: Standing
    detail: str
    mend: str = ""


async def check_up() -> tuple[Finding, ...]:
    """Return what was found, in the order it should be mended."""
    version = ".".join(map(str, sys.version_info[:3]))
    findings = [Finding(subject="python", standing=Standing.GOOD, detail=f"{version} ({sys.executable})")]
    findings.append(await _git())
    findings.extend([each async for each in _crew()])
    findings.extend(_providers())
    findings.append(_cache())
    findings.append(Finding(subject="isolation", standing=Standing.NOTE, detail="none: leaves run as you do"))
    return tuple(findings)


async def _git() -> Finding:
    try:
        return Finding(subject="git", standing=Standing.GOOD, detail=await check_git())
    except RepositoryError as error:
        detail, _, mend = str(error).partition(": ")
        return Finding(subject="git", standing=Standing.BROKEN, detail=detail, mend=mend)


async def _crew() -> AsyncIterator[Finding]:
    scratch = Scratch.below(default_cache_folder() / "doctor")
    for name, purpose in CREW:
        found = found_at(name, Path.cwd(), allowed_environment(scratch))
        if found is None:
            yield Finding(
                subject=name, standing=Standing.MISSING, detail=f"not there: no {purpose}", mend=CREW_MEND
            )
        else:
            yield Finding(subject=name, standing=Standing.GOOD, detail=f"{await _version(found)} ({purpose})")


async def _version(program: str) -> str:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.devnull, "PYTHONSAFEPATH": "1"}
    try:
        ended = await run(Program((program, "--version"), Path(program).parent, environment, VERSION_SECONDS))
    except OSError as error:
        return f"does not run: {error}"
    return ended.text.strip().splitlines()[0] if ended.text.strip() else program


def _providers() -> tuple[Finding, ...]:
    built_in = Finding(
        subject="providers",
        standing=Standing.GOOD,
        detail="command (tools by argv), scripted, echo: always there",
    )
    agents = [name for name in KNOWN_AGENTS if shutil.which(name)]
    if not agents:
        mend = f"install one of {', '.join(KNOWN_AGENTS)} and log in; README.md says how a node uses it"
        return built_in, Finding(
            subject="coding agent",
            standing=Standing.MISSING,
            detail="none on PATH: directives that need a coding model end as needs_human",
            mend=mend,
        )
    line = KNOWN_AGENTS[agents[0]]
    return built_in, Finding(
        subject="coding agent",
        standing=Standing.NOTE,
        detail=f"{', '.join(agents)} on PATH; used once an organization says so",
        mend=f"in the organization: model: {{provider: command}}, tools: [{{name: agent, argv: {line}}}]",
    )


def _cache() -> Finding:
    folder = default_cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Finding(
            subject="cache",
            standing=Standing.BROKEN,
            detail=f"{folder} can't be written ({error.strerror})",
            mend="set XDG_CACHE_HOME to a folder of your own",
        )
    return Finding(subject="cache", standing=Standing.GOOD, detail=f"{folder} (work trees while a run lasts)")
