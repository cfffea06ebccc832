"""The cyclic garbage collector, set for a process that does nothing but run an organization.

What an organization makes by the thousand per second - envelopes, facts, states - are immutable values that hold no
cycles: counting references frees them. The collector finds nothing there, and at its usual rhythm it walks a growing
heap again and again. It stays on for the few cycles that tracebacks and tasks make.
"""

import gc

ALLOCATIONS = 100_000  # more objects made than freed, before the youngest are looked at
GENERATIONS = 20  # such looks before the next older generation's turn


def relax_collector() -> None:
    """Look for cycles seldom; for a process of our own, never from within a library."""
    gc.set_threshold(ALLOCATIONS, GENERATIONS, GENERATIONS)
