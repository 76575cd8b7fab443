"""What would have been consumed: the baselines that demand response is measured from.

Powers are net consumption by hour or by another fixed interval [kW]; days are rows, newest first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError

Floats = npt.NDArray[np.float64]

DAYS_OF_TEN = 10
DAYS_OF_FIVE, HIGHEST = 5, 4
ADJUSTED_BY = slice(-4, -1)
"""Intervals before the event that a day-of adjustment looks at: the fourth to the second last."""


def ten_in_ten(days_kw: Floats, today_kw: Floats, event: int, *, cap: float = 0.2) -> Floats:
    """Baseline from the ten last days of the same kind without an event, adjusted to the day.

    Parameters
    ----------
    days_kw
        Ten days, newest first, shape (10, intervals).
    today_kw
        The day as metered, as far as it has gone, at least up to the event, shape (intervals,).
    event
        Interval in which the event begins.
    cap
        Largest adjustment either way, in parts; ``inf`` for none.

    Raises
    ------
    InputError
        If there are fewer days, or too few hours before the event.

    References
    ----------
    .. [1] CAISO, ten-in-ten baseline with a day-of factor of at most 20 % (unverified).
    """
    _enough(days_kw, DAYS_OF_TEN, event)
    mean: Floats = days_kw[:DAYS_OF_TEN].mean(axis=0)
    before = np.arange(event)[ADJUSTED_BY]
    usual = float(mean[before].mean())
    if usual <= 0:
        return mean
    factor = float(today_kw[before].mean()) / usual
    return np.asarray(mean * np.clip(factor, 1.0 - cap, 1.0 + cap))


def high_four_of_five(days_kw: Floats, today_kw: Floats, event: int) -> Floats:
    """Baseline from the four days of the last five with most energy, shifted to the day.

    Parameters as of :func:`ten_in_ten`, with five days.

    References
    ----------
    .. [1] PJM, customer baseline load with additive adjustment (unverified).
    """
    _enough(days_kw, DAYS_OF_FIVE, event)
    five = days_kw[:DAYS_OF_FIVE]
    highest = np.argsort(-five.sum(axis=1), kind="stable")[:HIGHEST]
    mean: Floats = five[highest].mean(axis=0)
    before = np.arange(event)[ADJUSTED_BY]
    return np.asarray(mean + (today_kw[before].mean() - mean[before].mean()))


def before_event(metered_kw: Floats, event: int, samples: int) -> float:
    """Mean of the last samples before dispatch [kW]: meter before, meter after."""
    if not 0 < samples <= event:
        what = f"{samples} samples before sample {event}"
        raise InputError([Finding("baseline", what, "Give more samples before the event")])
    return float(metered_kw[event - samples : event].mean())


def _enough(days_kw: Floats, wanted: int, event: int) -> None:
    findings = []
    if len(days_kw) < wanted:
        what = f"{len(days_kw)} days without an event; the method takes {wanted}"
        findings.append(Finding("baseline", what, "Keep the meter readings of more days"))
    if event < -(ADJUSTED_BY.start or 0):
        what = f"the event begins in interval {event}; the adjustment looks at four before it"
        findings.append(Finding("baseline", what, "Give the day from midnight on"))
    if findings:
        raise InputError(findings)
