"""What the pure domain costs: start-up, growing and checking an organization, envelopes and canonical bytes.

Prints one table with the median, minimum and maximum of several runs beside the bar each number has to keep; asserts
nothing. The raw rows do the same work with pydantic and orjson alone, in the same run. Usage:

    .venv/bin/python benchmarks/core.py [--runs 7]
"""

import argparse
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

import orjson
from pydantic import BaseModel, ConfigDict

from vsm_core.channel import Channel
from vsm_core.codec import canonical_bytes
from vsm_core.envelope import Envelope, decode_envelope
from vsm_core.genome import OrganizationalGenome, add_child, new_genome
from vsm_core.node import LeafOperation, ViableNode
from vsm_core.payloads.work import TaskResultAck
from vsm_core.validation import validate

CHILDREN = 10_000
LOOPS = 5_000
WARM_UP = 200
IMPORT_BAR, HELP_BAR, GROW_BAR, VALIDATE_BAR = 0.35, 0.8, 5.0, 1.0  # seconds
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Row:
    """One line of the table; times are in ``unit`` for each run."""

    name: str
    times: tuple[float, ...] = ()
    unit: str = "s"
    bar: str = ""
    note: str = ""


class RawPayload(BaseModel):
    """What TaskResultAck holds, as plain pydantic."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    payload_type: str = "task_result_ack"
    task_id: str
    execution_id: str


class RawEnvelope(BaseModel):
    """The envelope's sixteen fields without patterns, bounds, unions or checks across fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    schema_version: int
    organization: str
    genome_id: str
    channel: str
    source: str
    target: str
    payload_type: str
    payload: RawPayload
    correlation_id: str
    causation_id: str
    priority: str = "normal"
    created_at: datetime
    expires_at: datetime
    cancel_epoch: int = 0
    path: tuple[str, ...] = ()


HEADER = {
    "id": "env_7y6sbdoj2n2mgofz3uqlnjynw5",
    "schema_version": 1,
    "organization": "acme",
    "genome_id": "0" * 64,
    "source": "coder",
    "target": "chief",
    "payload_type": "task_result_ack",
    "correlation_id": "directive-1",
    "causation_id": "env_6lbtmjhtlwvq4ksuuyzckx2fvk",
    "created_at": NOW,
    "expires_at": NOW + timedelta(days=7),
    "path": ("root", "chief"),
}


def build() -> Envelope:
    """A fresh envelope, as every send makes one."""
    payload = TaskResultAck(task_id="task_1", execution_id="execution_1")
    return Envelope(**HEADER, channel=Channel.MANAGEMENT_TO_OPERATION, payload=payload)  # type: ignore[arg-type]


def build_raw() -> RawEnvelope:
    """The same with plain pydantic."""
    payload = RawPayload(task_id="task_1", execution_id="execution_1")
    return RawEnvelope(**HEADER, channel="management_to_operation", payload=payload)  # type: ignore[arg-type]


def encode(envelope: Envelope) -> bytes:
    """Encode as at commit; the kept bytes of the last time are dropped."""
    envelope.__dict__.pop("_wire", None)
    return envelope.encoded()


# ------------------------------------------------------------------------------------------------------- measuring


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes, in seconds."""
    started = perf_counter()
    work()
    return perf_counter() - started


def microseconds_each(work: Callable[[], object]) -> float:
    """How long one of many calls takes, in microseconds."""
    for _ in range(WARM_UP):
        work()
    started = perf_counter()
    for _ in range(LOOPS):
        work()
    return (perf_counter() - started) / LOOPS * 1e6


def process(*arguments: str) -> Callable[[], object]:
    """A fresh interpreter that runs and ends."""
    argv = [sys.executable, *arguments]
    return lambda: subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def grow() -> OrganizationalGenome:
    """Add the children one by one."""
    genome = new_genome(ViableNode(id="root"))
    for number in range(CHILDREN):
        genome = add_child(genome, "root", ViableNode(id=f"n{number}", operation=LeafOperation.coding()))
    return genome


def start_up(runs: int) -> Iterator[Row]:
    """How long a user waits before anything happens."""
    process("-c", "import vsm_core")()  # the first run may write bytecode
    floor = tuple(seconds(process("-c", "pass")) for _ in range(runs))
    yield Row("python -c pass", floor, note="the floor of the next rows")
    lazy = tuple(seconds(process("-c", "import vsm_core")) for _ in range(runs))
    yield Row("import vsm_core", lazy, bar=f"{IMPORT_BAR} s")
    every_name = tuple(seconds(process("-c", "from vsm_core import *")) for _ in range(runs))
    yield Row("from vsm_core import *", every_name, note="every public name, pydantic included")
    yield command_line(runs)


def command_line(runs: int) -> Row:
    """How long `vsm --help` takes, where this checkout has it."""
    argv = ("-m", "vsm_system", "--help")
    tried = subprocess.run([sys.executable, *argv], cwd=ROOT, check=False, capture_output=True)
    if tried.returncode:
        return Row("vsm --help", bar=f"{HELP_BAR} s", note="skipped: this checkout has no command line")
    return Row("vsm --help", tuple(seconds(process(*argv)) for _ in range(runs)), bar=f"{HELP_BAR} s")


def organization(runs: int) -> Iterator[Row]:
    """Growing a wide organization, checking it, and naming it by its content."""
    growing = tuple(seconds(grow) for _ in range(runs))
    yield Row(f"add_child x {CHILDREN:,}, one by one", growing, bar=f"{GROW_BAR} s")
    genome = grow()
    checking = tuple(seconds(lambda: validate(genome)) for _ in range(runs))
    yield Row(f"validate {CHILDREN + 1:,} nodes", checking, bar=f"{VALIDATE_BAR} s")
    grown = [grow() for _ in range(runs)]
    yield Row("genome id, every node hashed", tuple(seconds(lambda each=each: each.id) for each in grown))
    naming = tuple(seconds(lambda: genome.model_copy().id) for _ in range(runs + 1))
    yield Row("genome id, node hashes kept", naming[1:])


def envelopes(runs: int) -> Iterator[Row]:
    """Building, encoding and decoding, ours beside the raw libraries doing the same fields."""
    ours, raw = build(), build_raw()
    body, plain = ours.encoded(), raw.model_dump(mode="json")
    rows: tuple[tuple[str, Callable[[], object]], ...] = (
        ("envelope: build", build),
        ("  raw pydantic: build", build_raw),
        (f"envelope: encode ({len(body)} bytes)", lambda: encode(ours)),
        ("  raw pydantic: encode", raw.model_dump_json),
        ("  orjson: dumps of the plain fields", lambda: orjson.dumps(plain)),
        ("envelope: decode", lambda: decode_envelope(body)),
        ("  raw pydantic: decode", lambda: RawEnvelope.model_validate_json(body)),
        ("  orjson: loads", lambda: orjson.loads(body)),
        ("canonical_bytes of an envelope", lambda: canonical_bytes(ours)),
        ("  orjson: dumps with sorted keys", lambda: orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)),
        ("canonical_bytes of an id's cause", lambda: canonical_bytes(["task", "root", "env_1", 0])),
    )
    for name, work in rows:
        yield Row(name, tuple(microseconds_each(work) for _ in range(runs)), unit="us")


# -------------------------------------------------------------------------------------------------------- printing


def line(row: Row) -> str:
    """One line of the table."""
    figures = (median(row.times), min(row.times), max(row.times)) if row.times else ()
    cells = [f"{each:.3f} {row.unit}" for each in figures] or ["-"] * 3
    return f"{row.name:38} {cells[0]:>12} {cells[1]:>12} {cells[2]:>12} {row.bar:>8}  {row.note}".rstrip()


def main() -> None:
    """Measure and print, row by row."""
    parser = argparse.ArgumentParser(description="What the pure domain costs.")
    parser.add_argument("--runs", type=int, default=5, help="runs of each measurement, at least 5")
    runs = max(5, parser.parse_args().runs)
    versions = ", ".join(f"{name} {version(name)}" for name in ("pydantic", "pydantic-core", "orjson"))
    print(f"command: {Path(sys.executable).name} benchmarks/core.py --runs {runs}")
    print(f"versions: python {platform.python_version()}, {versions}; {platform.machine()}")
    print(f"{'what':38} {'median':>12} {'min':>12} {'max':>12} {'bar':>8}")
    for part in (start_up, organization, envelopes):
        for row in part(runs):
            print(line(row), flush=True)


if __name__ == "__main__":
    main()
