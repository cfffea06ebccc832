"""Addresses lead to adapters, or to one clear sentence."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from vsm_transport import AdapterMissing, AddressError, open_transport
from vsm_transport.connect import ADAPTERS
from vsm_transport.memory import MemoryTransport


async def test_memory_is_always_there() -> None:
    assert isinstance(await open_transport("memory://", "acme"), MemoryTransport)


@pytest.mark.parametrize("url", ["carrier-pigeon://x", "memory", ""])
async def test_an_unknown_scheme_names_the_known_ones(url: str) -> None:
    with pytest.raises(AddressError, match="known: memory, amqp") as raised:
        await open_transport(url, "acme")
    assert raised.value.url == url


@pytest.mark.parametrize("scheme", [scheme for scheme, adapter in ADAPTERS.items() if adapter.extra])
async def test_a_missing_adapter_names_its_extra(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = ADAPTERS[scheme]
    monkeypatch.setitem(sys.modules, adapter.module, None)  # as where what it imports is not installed
    with pytest.raises(AdapterMissing, match=f"vsm-kernel\\[{adapter.extra}\\]") as raised:
        await open_transport(f"{scheme}://localhost", "acme")
    assert raised.value.scheme == scheme


def test_importing_the_port_loads_no_adapter() -> None:
    code = "import sys, vsm_transport; print([n for n in sys.modules if n.startswith('vsm_transport.mem')])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
    assert find_spec("vsm_transport.memory")
