"""How steep a droop may be for the delay it is answered with.

Two equal areas with secondary control, textbook parameters [1]_. The largest gain at which the loop
is stable follows exactly from where its open loop crosses the negative real axis (Nyquist). Of two
areas the inter-area mode decides for most delays; more delay is not always worse.

References
----------
.. [1] O. I. Elgerd, Electric Energy Systems Theory, 1982; parameters of the common two-area study.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError
from gridtide.grid._kernel_swing import two_areas

Floats = npt.NDArray[np.float64]

SAFETY = 0.5
"""Part of the largest stable gain that may be offered: a margin of 6 dB."""
LOWEST_RAD_S, HIGHEST_RAD_S = 1e-2, 1e3
POINTS = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """An area with secondary control.

    Parameters
    ----------
    Kp, Tp
        Gain [Hz/pu] and time constant [s] of the area's inertia and damping.
    Tt, Tg
        Time constants of turbine and governor [s].
    R
        Droop of the governor [Hz/pu].
    B, Ki
        Frequency bias [pu/Hz] and gain of the integral control.
    tie
        Tie coefficient 2π·T12 [pu/Hz/s].
    lag_s
        First-order lag of the vehicles [s].
    """

    Kp: float = 120.0
    Tp: float = 20.0
    Tt: float = 0.3
    Tg: float = 0.08
    R: float = 2.4
    B: float = 0.425
    Ki: float = 0.5
    tie: float = 0.545
    lag_s: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What a delay permits.

    Parameters
    ----------
    delay_s
        End to end: meter, decision, charger, power [s].
    areas
        1 or 2.
    largest_gain
        Where the loop becomes unstable [pu/Hz of the area].
    permitted_gain
        What may be offered [pu/Hz].
    times_governor
        The largest gain in parts of the governor's own, 1/R.
    mode
        Which mode decides: ``"common"`` or ``"inter-area"``.
    """

    delay_s: float
    areas: int
    largest_gain: float
    permitted_gain: float
    times_governor: float
    mode: str


def open_loop(
    omega: Floats, delay_s: float, area: Area, *, inter_area: bool
) -> npt.NDArray[np.complex128]:
    """Return what a unit gain of the vehicles' droop sees around its loop, at angular frequencies.

    Parameters
    ----------
    omega
        [rad/s], any shape.
    delay_s
        Pure delay [s].
    area
        The area.
    inter_area
        The mode in which two equal areas swing against each other; else that of one area, or of
        both together.
    """
    s = 1j * np.asarray(omega)
    inertia = area.Kp / (1.0 + s * area.Tp)
    governor = 1.0 / ((1.0 + s * area.Tg) * (1.0 + s * area.Tt))
    exchange = 2.0 * area.tie / s if inter_area else np.zeros_like(s)
    bias = area.B + exchange
    back = governor * (1.0 / area.R + bias * area.Ki / s) + exchange
    plant = inertia / (1.0 + inertia * back)
    return np.asarray(plant * np.exp(-s * delay_s) / (1.0 + s * area.lag_s))


def largest_gain(delay_s: float, area: Area | None = None, *, inter_area: bool = False) -> float:
    """Return the gain at which one mode becomes unstable [pu/Hz]."""
    area = area or Area()
    omega = np.geomspace(LOWEST_RAD_S, HIGHEST_RAD_S, POINTS)
    loop = open_loop(omega, delay_s, area, inter_area=inter_area)
    turns = np.flatnonzero(np.sign(loop.imag[1:]) != np.sign(loop.imag[:-1]))
    most = 0.0
    for k in turns:
        low, high = omega[k], omega[k + 1]
        for _ in range(60):  # bisect to where the loop is real
            middle = 0.5 * (low + high)
            here = open_loop(np.array([low, middle]), delay_s, area, inter_area=inter_area)
            if np.sign(here[0].imag) == np.sign(here[1].imag):
                low = middle
            else:
                high = middle
        crossing = open_loop(np.array([low]), delay_s, area, inter_area=inter_area)[0].real
        most = max(most, -float(crossing))
    return 1.0 / most if most > 0 else np.inf


def permit(delay_s: float, areas: int = 2, area: Area | None = None) -> Permit:
    """Return what a measured end-to-end delay permits.

    Take the 95th percentile of the delay with its jitter; test several, for more delay is not
    always worse.

    Raises
    ------
    InputError
        If the delay is below 0, no number, or above a minute; or areas are not 1 or 2.
    """
    area = area or Area()
    findings = []
    if not 0.0 <= delay_s <= 60.0:
        findings.append(Finding("delay", f"{delay_s:g} s", "Write 0 to 60 s"))
    if areas not in (1, 2):
        findings.append(Finding("areas", f"{areas}", "Write 1 or 2"))
    if findings:
        raise InputError(findings)
    common = largest_gain(delay_s, area)
    between = largest_gain(delay_s, area, inter_area=True) if areas == 2 else np.inf
    gain = min(common, between)
    return Permit(
        delay_s=delay_s,
        areas=areas,
        largest_gain=gain,
        permitted_gain=SAFETY * gain,
        times_governor=gain * area.R,
        mode="common" if common <= between else "inter-area",
    )


def refuse_steep(gain: float, delay_s: float, areas: int = 2) -> Permit:
    """Refuse a droop that is too steep for its delay.

    Raises
    ------
    InputError
        With the reason, and what would be permitted.
    """
    allowed = permit(delay_s, areas)
    if not 0.0 <= gain <= allowed.permitted_gain:
        what = (
            f"{gain:g} pu/Hz with a delay of {delay_s:g} s: the {allowed.mode} mode becomes "
            f"unstable at {allowed.largest_gain:.3g}"
        )
        mend = f"Offer {allowed.permitted_gain:.3g} pu/Hz at most, or answer sooner"
        raise InputError([Finding("droop", what, mend)])
    return allowed


def two_area_step(
    load_pu: float = 0.01,
    *,
    gain: tuple[float, float] = (0.0, 0.0),
    delay_s: float = 0.0,
    duration_s: float = 30.0,
    step_s: float = 0.001,
    area: Area | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Let the load of the first area step up.

    Parameters
    ----------
    load_pu
        The step [pu].
    gain, delay_s
        Of the vehicles' droop in both areas [pu/Hz], and how late it is answered [s].
    duration_s, step_s
        How long, and in which steps [s].

    Returns
    -------
    time_s, frequency_hz, tie_pu
        Shapes (n,), (n, 2) as deviations, (n,).
    """
    a = area or Area()
    steps = round(duration_s / step_s)
    frequency, tie = two_areas(
        steps, step_s, a.Kp, a.Tp, a.Tt, a.Tg, a.R, a.B, a.Ki, a.tie, a.lag_s,
        np.array(gain, dtype=float), round(delay_s / step_s), np.array([load_pu, 0.0]),
    )  # fmt: skip
    return np.linspace(0.0, step_s * steps, steps + 1), frequency, tie
