"""Signals that come before a run can stop in good order: they are remembered until it can.

Nothing but small modules is imported here: this is loaded before everything else.
"""

import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_came: list[int] = []


def remember() -> None:
    """From now on remember a signal; a second one ends the program at once."""
    for each in SIGNALS:
        signal.signal(each, _remember)


def _remember(number: int, _frame: FrameType | None) -> None:
    _came.append(number)
    if len(_came) > 1:
        raise KeyboardInterrupt


def have_come() -> bool:
    """Return whether a signal came meanwhile."""
    return bool(_came)


def on_signal(stop: Callable[[], None]) -> None:
    """Call ``stop`` at each signal from now on, in the running event loop; one that came meanwhile counts."""
    import asyncio

    loop = asyncio.get_running_loop()
    for each in SIGNALS:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(each, stop)
    if have_come():
        stop()


def act_at_once() -> None:
    """Let signals end the program again; raise KeyboardInterrupt where one came meanwhile."""
    if signal.getsignal(signal.SIGINT) is _remember:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for each in SIGNALS[1:]:
            signal.signal(each, signal.SIG_DFL)
    if _came:
        raise KeyboardInterrupt
