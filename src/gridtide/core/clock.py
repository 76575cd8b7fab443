"""Clocks. A clock is passed in; nothing else asks the system for the time."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Says what time it is."""

    def now_s(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...


class SimulatedClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, start_s: float) -> None:
        self._now_s = start_s

    def now_s(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self._now_s

    def advance_to(self, time_s: float) -> None:
        """Go on to ``time_s``; a clock never goes back."""
        if time_s < self._now_s:
            raise ValueError(f"clock at {self._now_s} cannot go back to {time_s}")
        self._now_s = time_s


def cpu_s() -> float:
    """CPU time of this process [s], for measuring only."""
    return time.process_time()
