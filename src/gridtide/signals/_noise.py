"""Noise with memory that depends on the day alone, not on where a run begins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.core import stream

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_HOUR_S = 3600
# Memory of the noise: an hour keeps this share of the one before, a day of the day before.
_HOUR_MEMORY, _HOURS_BACK = 0.7, 12
_DAY_MEMORY, _DAYS_BACK = 0.5, 6


def hourly_noise(times_s: Ints, seed: int, purpose: str) -> Floats:
    """Return standard normal noise with memory over hours, linear between whole hours."""
    if len(times_s) == 0:
        return np.zeros(0)
    first = int(times_s[0]) // _HOUR_S - _HOURS_BACK
    last = int(times_s[-1]) // _HOUR_S + 1
    days = range(first // 24, last // 24 + 1)
    drawn = np.concatenate([stream(seed, f"{purpose} {day}").standard_normal(24) for day in days])
    at = first - 24 * days[0]
    smooth = _remember(drawn[at : at + last - first + 1], _HOUR_MEMORY, _HOURS_BACK)
    hours = np.arange(first + _HOURS_BACK, last + 1)
    noise: Floats = np.interp(times_s / _HOUR_S, hours, smooth)
    return noise


def daily_noise(dates: Ints, seed: int, purpose: str) -> Floats:
    """Return standard normal noise with memory over days, one value for each local date."""
    if len(dates) == 0:
        return np.zeros(0)
    first, last = int(dates.min()) - _DAYS_BACK, int(dates.max())
    drawn = np.array(
        [stream(seed, f"{purpose} {day}").standard_normal() for day in range(first, last + 1)]
    )
    return _remember(drawn, _DAY_MEMORY, _DAYS_BACK)[dates - first - _DAYS_BACK]


def _remember(drawn: Floats, memory: float, back: int) -> Floats:
    """Return a moving average with weights ``memory**k`` and variance 1."""
    weights = memory ** np.arange(back + 1)
    return np.convolve(drawn, weights / np.sqrt((weights**2).sum()), mode="valid")
