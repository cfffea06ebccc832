"""Every adapter fits the transport port as the type checker sees it, and a misfit is found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FITS = """
from vsm_transport.faulty import FaultyTransport, Faults
from vsm_transport.memory import MemoryTransport
from vsm_transport.memory.dead_letters import MemoryDeadLetters
from vsm_transport.memory.subscription import MemoryDeliveries, MemoryDelivery
from vsm_transport.protocol import DeadLetters, Deliveries, Delivery, Transport


def fit(delivery: MemoryDelivery, deliveries: MemoryDeliveries, letters: MemoryDeadLetters) -> None:
    taken: Delivery = delivery
    standing: Deliveries = deliveries
    dead: DeadLetters = letters
    memory: Transport = MemoryTransport()
    wrapped: Transport = FaultyTransport(memory, Faults(), 1)
"""
MISFITS = {
    "a transport without depth": """
from vsm_transport.protocol import Transport

class Half:
    async def close(self) -> None: ...

whole: Transport = Half()
""",
    "a payload of the wrong type": """
from vsm_core.payloads.work import TaskResultAck

TaskResultAck(task_id=1, execution_id="e")
""",
    "a public name that is not there": """
from vsm_transport import Sender
""",
    "a flag where a lane belongs": """
from vsm_transport import Subscription

Subscription("coder", True)
""",
}


def checked(code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    source = tmp_path / "sample.py"
    source.write_text(code, encoding="utf-8")
    cache = os.environ.get("MYPY_CACHE_DIR", str(ROOT / ".mypy_cache"))
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", cache, str(source)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_adapter_fits_the_port(tmp_path: Path) -> None:
    finished = checked(FITS, tmp_path)
    assert finished.returncode == 0, finished.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", MISFITS)
def test_a_misfit_is_found(case: str, tmp_path: Path) -> None:
    finished = checked(MISFITS[case], tmp_path)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert "sample.py" in finished.stdout
