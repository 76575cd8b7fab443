"""Time as gridtide counts it: UTC seconds, half-open intervals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """``n`` steps of equal length; step ``k`` covers ``[start + k*step, start + (k+1)*step)``.

    Parameters
    ----------
    start_s
        First instant [s since 1970-01-01 UTC].
    step_s
        Length of a step [s].
    n
        Number of steps.
    """

    start_s: int
    step_s: int
    n: int

    def __post_init__(self) -> None:
        if self.step_s <= 0 or self.n < 0:
            raise ValueError(f"a time grid needs step > 0 and n >= 0, got {self.step_s}, {self.n}")

    @property
    def end_s(self) -> int:
        """First instant after the last step [s]."""
        return self.start_s + self.n * self.step_s

    @property
    def step_h(self) -> float:
        """Length of a step [h]."""
        return self.step_s / 3600.0

    @property
    def starts_s(self) -> npt.NDArray[np.int64]:
        """Start of every step [s], shape (n,)."""
        return self.start_s + self.step_s * np.arange(self.n, dtype=np.int64)

    def step_at(self, time_s: float) -> int:
        """Index of the step that holds ``time_s``; outside the grid it is < 0 or >= n."""
        return int((time_s - self.start_s) // self.step_s)


def utc(time_s: float) -> datetime:
    """Return the instant as an aware UTC datetime."""
    return datetime.fromtimestamp(time_s, UTC)


def parse_utc(text: str) -> int:
    """Read an ISO 8601 instant that states its offset [s since 1970-01-01 UTC].

    Raises
    ------
    ValueError
        If the text is no instant, or has no offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write for example {text}Z")
    return round(instant.timestamp())
