"""Scores that many products share: tracking, error outside an envelope, steps, baselines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """How well a target was followed.

    Parameters
    ----------
    score
        1 less the mean error in parts of the mean size of what was asked for, at least 0; None
        where nothing was asked for.
    bias, error_p95
        Mean of delivered less asked for, and 95th percentile of the error's size [kW].
    error_kwh
        Sum of the errors' sizes [kWh]; what counts where nothing was asked for.
    """

    score: float | None
    bias: float
    error_p95: float
    error_kwh: float


def tracking(requested_kw: Floats, delivered_kw: Floats, step_s: float) -> Tracking:
    """Compare what was delivered with what was asked for, in steps of ``step_s``."""
    off = delivered_kw - requested_kw
    asked = float(np.abs(requested_kw).sum())
    error = float(np.abs(off).sum())
    return Tracking(
        score=max(1.0 - error / asked, 0.0) if asked > 0 else None,
        bias=float(off.mean()),
        error_p95=float(np.percentile(np.abs(off), 95)),
        error_kwh=error * step_s / 3600.0,
    )


def outside_envelope(
    requested_kw: Floats, delivered_kw: Floats, offered_kw: float, slack_samples: int
) -> float:
    """Worst error outside what a late but allowed response may be, in parts of the offer.

    At each sample the delivery may be anything between the least and the most that was asked for
    within ``slack_samples`` before it.

    Raises
    ------
    InputError
        If nothing was offered.
    """
    if not offered_kw > 0:
        raise InputError([Finding("offered", f"{offered_kw:g} kW", "Offer more than nothing")])
    least, most = requested_kw.copy(), requested_kw.copy()
    for back in range(1, slack_samples + 1):
        before = np.concatenate([np.full(back, requested_kw[0]), requested_kw[:-back]])
        least, most = np.minimum(least, before), np.maximum(most, before)
    off = np.maximum(least - delivered_kw, delivered_kw - most)
    return float(max(off.max(initial=0.0), 0.0)) / offered_kw


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step response showed; times from the step on [s], None where never.

    Parameters
    ----------
    start_s, half_s, full_s
        When power had moved by 2 %, when it held 50 % and 95 % of the step from there on.
    """

    start_s: float | None
    half_s: float | None
    full_s: float | None


def step_response(
    time_s: Floats, delivered_kw: Floats, step_kw: float, *, full: float = 0.95
) -> Step:
    """Find when a step was answered.

    Parameters
    ----------
    time_s, delivered_kw
        From the step on; the first sample is what was delivered before it.
    step_kw
        The step [kW], above or below 0.
    full
        Part of the step that counts as all of it.

    Raises
    ------
    InputError
        If there was no step.
    """
    if step_kw == 0.0:
        raise InputError([Finding("step", "is of 0 kW", "Give the step that was asked for")])
    share = (delivered_kw - delivered_kw[0]) / step_kw
    clock = time_s - time_s[0]

    def held(part: float) -> float | None:
        below = np.flatnonzero(share < part)
        if below.size == 0:
            return 0.0
        after = int(below[-1]) + 1
        return float(clock[after]) if after < clock.size else None

    moved = np.flatnonzero(share >= 0.02)
    return Step(
        start_s=float(clock[moved[0]]) if moved.size else None, half_s=held(0.5), full_s=held(full)
    )


def ramp_capacity(
    time_s: Floats, delivered_kw: Floats, steady_kw: float, *, share: float = 0.86,
    energy_s: float = 3.2, by_s: float = 7.5,
) -> float:  # fmt: skip
    """Capacity that a Nordic FCR-D ramp test leaves of what was delivered in the end [kW].

    After ``by_s`` the power must be ``share`` of it and the energy ``energy_s`` seconds of it; what
    is missed shrinks what may be sold (unverified).
    """
    clock = time_s - time_s[0]
    power = float(np.interp(by_s, clock, delivered_kw))
    inside = clock <= by_s
    times = np.append(clock[inside], by_s)
    values = np.append(delivered_kw[inside], power)
    energy = float(np.trapezoid(values, times))
    return min(power / share, energy / energy_s, steady_kw)
