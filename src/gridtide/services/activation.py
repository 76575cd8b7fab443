"""How much of what was sold a product asks for: pure functions of frequency or signal.

Response is a share of what was sold, +1 is full regulation up: less import or more export. That is
the markets' direction, not gridtide's sign: :func:`target_kw` is the one place where it is turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def droop(
    frequency_hz: Floats, *, nominal_hz: float, full_hz: float, deadband_hz: float = 0.0
) -> Floats:
    """Proportional response, full at a deviation of ``full_hz``, none within the deadband.

    Parameters
    ----------
    frequency_hz
        Any shape [Hz].
    nominal_hz, full_hz, deadband_hz
        Where nothing is asked for, and deviations from it [Hz].
    """
    deviation = nominal_hz - np.asarray(frequency_hz, dtype=float)
    share = np.clip(deviation / full_hz, -1.0, 1.0)
    return np.asarray(np.where(np.abs(deviation) <= deadband_hz + 1e-12, 0.0, share))


def one_sided(frequency_hz: Floats, *, start_hz: float, full_hz: float) -> Floats:
    """Response that begins at ``start_hz`` and is full at ``full_hz``.

    Upwards (positive) where ``full_hz`` is the lower one, downwards where it is the higher one.
    """
    way = 1.0 if full_hz < start_hz else -1.0
    ramp = (start_hz - np.asarray(frequency_hz, dtype=float)) / (start_hz - full_hz)
    return way * np.clip(ramp, 0.0, 1.0)


def knee(
    frequency_hz: Floats,
    *,
    nominal_hz: float,
    deadband_hz: float,
    knee_hz: float,
    knee_share: float,
    full_hz: float,
) -> Floats:
    """Response of the British dynamic services: flat, then little up to the knee, then steep.

    Parameters
    ----------
    frequency_hz
        Any shape [Hz].
    nominal_hz
        Where nothing is asked for [Hz].
    deadband_hz, knee_hz, full_hz
        Deviations at which it begins, bends and is full [Hz].
    knee_share
        Response at the knee.

    References
    ----------
    .. [1] NESO, Dynamic Containment service terms: 0.015, 0.2 and 0.5 Hz, 5 % at the knee.
    """
    deviation = nominal_hz - np.asarray(frequency_hz, dtype=float)
    points = np.array([deadband_hz, knee_hz, full_hz])
    share = np.interp(np.abs(deviation), points, np.array([0.0, knee_share, 1.0]))
    return np.asarray(np.sign(deviation) * share)


def switched(frequency_hz: Floats, *, trigger_hz: float) -> Floats:
    """All of it below a frequency, as fast frequency response is: 1 or 0."""
    return (np.asarray(frequency_hz, dtype=float) <= trigger_hz + 1e-12).astype(float)


def staggered(share: Floats, vehicles: int, levels: int) -> Floats:
    """Round a response to whole levels, vehicle by vehicle, each with an offset of its own.

    Stations that answer in whole amperes make a droop a staircase, and equal thresholds in all of
    them make the frequency hunt. Thresholds shifted evenly from vehicle to vehicle leave a mean
    that is off the straight line by half a level of one vehicle at most.

    Parameters
    ----------
    share
        Response that is asked for, -1 to 1, shape (n,).
    vehicles
        How many answer, each for itself.
    levels
        Steps of each from 0 to full.

    Returns
    -------
    Response of each vehicle, shape (n, vehicles).
    """
    offset = (np.arange(vehicles) + 0.5) / vehicles
    return np.floor(np.asarray(share, dtype=float)[:, None] * levels + offset) / levels


def target_kw(baseline_kw: Floats, offered_kw: float, response: Floats) -> Floats:
    """Net power that a response asks of the fleet [kW], positive is charging.

    More response is less charging: the one change of sign between markets and gridtide.
    """
    return np.asarray(baseline_kw - offered_kw * np.asarray(response))


@dataclass(frozen=True, slots=True)
class Plausible:
    """Range in which a frequency is believed [Hz]; outside, the measurement is at fault."""

    lowest_hz: float
    highest_hz: float

    def holds(self, frequency_hz: float) -> bool:
        """Whether a frequency is believed; not a number is not."""
        return bool(self.lowest_hz <= frequency_hz <= self.highest_hz)


def plausible(nominal_hz: float) -> Plausible:
    """Range that any meter of a synchronous grid may show: a tenth of nominal each way."""
    return Plausible(0.9 * nominal_hz, 1.1 * nominal_hz)
