"""How PJM scores regulation: the classic score of three parts, and precision alone.

References
----------
.. [1] PJM Manual 12, section 4.5.6, as of 2012 to 2025: accuracy, delay, precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError

Floats = npt.NDArray[np.float64]

SAMPLE_S = 10.0
WINDOW = 30
"""Samples of a window: five minutes."""
CONSTANT = 0.01
"""A signal whose standard deviation is below does not vary (the threshold is not published)."""
DelayRule = Literal["sum", "correlation"]
PrecisionBase = Literal["hour", "window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Parts of a score, each from 0 to 1, by window; arrays of shape (windows,)."""

    accuracy: Floats
    delay: Floats
    precision: Floats

    @property
    def windows(self) -> Floats:
        """Score of each window: the mean of its parts, shape (windows,)."""
        return np.asarray((self.accuracy + self.delay + self.precision) / 3.0)

    @property
    def total(self) -> float:
        """Mean of the windows."""
        return float(self.windows.mean())


def every_ten_seconds(time_s: Floats, value: Floats) -> Floats:
    """Take the samples of every tenth second, from the first one on; the last known holds."""
    clock = np.arange(time_s[0], time_s[-1] + 1e-6, SAMPLE_S)
    return np.asarray(value[np.searchsorted(time_s, clock + 1e-6, side="right") - 1])


def classic(
    signal: Floats,
    response: Floats,
    *,
    delay_rule: DelayRule = "sum",
    precision_base: PrecisionBase = "hour",
) -> Score:
    """Score a response against a signal, both every ten seconds and in the same unit.

    Parameters
    ----------
    signal
        What was asked for, whole windows of five minutes; an hour at a time as a rule, (n,).
    response
        What was delivered, with five minutes more than the signal: a late response is looked for
        there, shape (n + 30,).
    delay_rule
        ``"sum"``: the delay with the best sum of correlation and delay points; ``"correlation"``:
        that with the best correlation. Of equals the shorter.
    precision_base
        The mean size of the signal over the ``"hour"`` (all that was given) or the ``"window"``.

    Raises
    ------
    InputError
        If there is no whole window, or the response ends too early.
    """
    _check(signal, response)
    windows = signal.size // WINDOW
    base = float(np.abs(signal).mean())
    parts = np.empty((windows, 3))
    for w in range(windows):
        at = slice(w * WINDOW, (w + 1) * WINDOW)
        asked = signal[at]
        given = response[w * WINDOW : (w + 2) * WINDOW + 1]
        size = float(np.abs(asked).mean()) if precision_base == "window" else base
        parts[w] = (*_timing(asked, given, delay_rule), _precision(asked, given[:WINDOW], size))
    parts = np.clip(parts, 0.0, 1.0)
    return Score(accuracy=parts[:, 0], delay=parts[:, 1], precision=parts[:, 2])


def precision_only(signal: Floats, response: Floats) -> float:
    """Score by precision alone over all that is given, as the product of 2025 does (unverified)."""
    _check(signal, np.append(response, np.zeros(WINDOW)))
    size = float(np.abs(signal).mean())
    return float(np.clip(_precision(signal, response[: signal.size], size), 0.0, 1.0))


def _timing(asked: Floats, given: Floats, rule: DelayRule) -> tuple[float, float]:
    """Accuracy and delay of one window."""
    if asked.std() < CONSTANT:
        clock = np.arange(WINDOW, dtype=float)
        slopes = [np.polyfit(clock, values, 1)[0] for values in (asked, given[:WINDOW])]
        return max(0.0, 1.0 - abs(slopes[0] - slopes[1])), 1.0
    if given[:WINDOW].std() < 1e-12 and given.std() < 1e-12:
        return 0.0, 0.0
    shifts = range(given.size - WINDOW + 1)
    match = np.array([_correlation(asked, given[k : k + WINDOW]) for k in shifts])
    points = np.abs(np.arange(len(match)) * SAMPLE_S - 300.0) / 300.0
    merit = match + points if rule == "sum" else match
    best = int(np.flatnonzero(merit >= merit.max() - 1e-12)[0])
    return float(match[best]), float(points[best])


def _correlation(a: Floats, b: Floats) -> float:
    """Pearson's correlation, 0 where one of both does not vary."""
    x, y = a - a.mean(), b - b.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 1e-12 else 0.0


def _precision(asked: Floats, given: Floats, size: float) -> float:
    """One less the mean error, in parts of the mean size of the signal."""
    error = float(np.abs(given - asked).mean())
    if size <= 1e-12:
        return 1.0 if error <= 1e-12 else 0.0
    return 1.0 - error / size


def _check(signal: Floats, response: Floats) -> None:
    findings = []
    if signal.size < WINDOW or signal.size % WINDOW:
        what = f"{signal.size} samples of ten seconds are no whole windows of five minutes"
        findings.append(Finding("signal", what, "Give whole windows, an hour as a rule"))
    if response.size < signal.size + WINDOW:
        what = f"ends after {response.size} samples; a late response is looked for in {WINDOW} more"
        findings.append(Finding("response", what, "Add the five minutes after the signal"))
    if not (np.isfinite(signal).all() and np.isfinite(response).all()):
        what = "holds something that is not a number"
        findings.append(Finding("signal or response", what, "Fill gaps as the product's rule says"))
    if findings:
        raise InputError(findings)
