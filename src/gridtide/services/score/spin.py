"""How a spinning-reserve event is verified: minute by minute, as PJM does.

References
----------
.. [1] GMLC battery_interface (MIT licence), synchronised reserve; PJM Manual 11.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError

Floats = npt.NDArray[np.float64]
LONG_MIN = 11
HELD_MIN = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What an event showed.

    Parameters
    ----------
    start_mw, delivered_mw
        Output before the event, and what came on top of it [MW].
    ratio
        Delivered over assigned, not cut at 1.
    shortfall_mw
        Assigned and not delivered [MW].
    counts
        Whether the event is long enough for a penalty (ten minutes, unverified as to edition).
    """

    start_mw: float
    delivered_mw: float
    ratio: float
    shortfall_mw: float
    counts: bool


def verify_event(
    before_mw: float, output_mw: Floats, assigned_mw: float, minutes: int, *, load: bool = False
) -> Verified:
    """Verify one event on data by the minute.

    Parameters
    ----------
    before_mw
        Output in the minute before the event [MW].
    output_mw
        Output in each minute from the event's first on, at least to a minute after its end and
        to minute 11 [MW].
    assigned_mw
        What was to be delivered [MW].
    minutes
        Length of the event [min].
    load
        Powers are consumption, which must fall: every least becomes a most.

    Raises
    ------
    InputError
        If a minute is missing or is no number, or nothing was assigned.
    """
    power = np.concatenate(([before_mw], output_mw)) * (-1.0 if load else 1.0)
    _check(power, assigned_mw, minutes)
    now = power[1:]
    start = float(power[:3].min())
    if minutes >= LONG_MIN:
        reached = float(now[9:12].max()) - start
        held = float(now[LONG_MIN : min(minutes, HELD_MIN) + 1].min()) - start
        delivered = min(reached, held)
    else:
        delivered = float(now[minutes - 2 : minutes + 1].max()) - start
    return Verified(
        start_mw=-start if load else start,
        delivered_mw=delivered,
        ratio=delivered / assigned_mw,
        shortfall_mw=max(assigned_mw - delivered, 0.0),
        counts=minutes >= LONG_MIN - 1,
    )


def _check(power: Floats, assigned_mw: float, minutes: int) -> None:
    findings = []
    if minutes < 2:
        findings.append(Finding("event", f"lasts {minutes} min", "Give two minutes at least"))
    least = max(minutes + 2, 13 if minutes >= LONG_MIN else 0)
    if power.size < least:
        what = f"{power.size - 1} minutes from the start on; {least - 1} are needed"
        findings.append(Finding("output", what, "Add the minute after the end"))
    if not np.isfinite(power).all():
        findings.append(Finding("output", "holds something that is not a number", "Fill it"))
    if not assigned_mw > 0:
        findings.append(Finding("assigned", f"{assigned_mw:g} MW", "Assign more than nothing"))
    if findings:
        raise InputError(findings)
