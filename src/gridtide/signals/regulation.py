"""Synthetic regulation signals and frequency traces: no operator's recording, and never called one.

Model card: ``docs/models/regulation-signal.md``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NEUTRAL_S = 900.0
"""The fast signal's energy comes back to where it was in about so long [s]."""
FAST_MEMORY_S, FAST_SPREAD = 180.0, 0.9
SLOW_MEMORY_S, SLOW_SPREAD = 1200.0, 0.45
SMOOTHED_S = 20.0
# Continental Europe, 10 s samples: sd 17.7 to 21.4 mHz, correlation time 270 to 630 s.
FREQUENCY_MEMORY_S, FREQUENCY_SPREAD_HZ = 300.0, 0.0185
# At the change of the hour schedules step and plants ramp: the deviation jumps, and decays.
HOUR_JUMP_HZ, HOUR_DECAY_S = 0.03, 180.0


def fast_regulation(n: int, step_s: float, stream: np.random.Generator) -> Floats:
    """Draw a fast, energy-neutral regulation signal, synthetic.

    An Ornstein-Uhlenbeck process, smoothed as an operator's filter does, less what its own energy
    has drifted over :data:`NEUTRAL_S`, cut to -1 … +1.

    Parameters
    ----------
    n, step_s
        Number of samples, and their distance [s], 2 or 4 as a rule.
    stream
        Random stream.

    Returns
    -------
    Signal, +1 is full regulation up, shape (n,).
    """
    raw = _smoothed(FAST_SPREAD * _remembering(n, step_s, FAST_MEMORY_S, stream), step_s)
    signal = np.empty(n)
    drift = 0.0
    for k, wanted in enumerate(raw.tolist()):
        # 4 times full power for a quarter of NEUTRAL_S is what the feedback answers fully.
        value = min(max(wanted - 4.0 * drift / NEUTRAL_S, -1.0), 1.0)
        drift += value * step_s
        signal[k] = value
    return signal


def slow_regulation(n: int, step_s: float, stream: np.random.Generator) -> Floats:
    """Draw a slow regulation signal that need not be energy-neutral, synthetic, shape (n,)."""
    raw = SLOW_SPREAD * _remembering(n, step_s, SLOW_MEMORY_S, stream)
    return np.clip(_smoothed(raw, step_s, 6.0 * SMOOTHED_S), -1.0, 1.0)


def frequency_trace(
    n: int, step_s: float, stream: np.random.Generator, *, nominal_hz: float = 50.0
) -> Floats:
    """Draw the frequency of a large interconnection in quiet operation, synthetic.

    Parameters
    ----------
    n, step_s
        Number of samples, the first on a full hour, and their distance [s].
    stream
        Random stream.
    nominal_hz
        Frequency around which it moves [Hz].

    Returns
    -------
    Frequency [Hz], shape (n,).
    """
    noise = FREQUENCY_SPREAD_HZ * _remembering(n, step_s, FREQUENCY_MEMORY_S, stream)
    since = (np.arange(n) * step_s) % 3600.0
    hour = (np.arange(n) * step_s // 3600.0).astype(np.int64)
    jumps = stream.normal(0.0, HOUR_JUMP_HZ, int(hour[-1]) + 1 if n else 0)
    jumps[:1] = 0.0  # what happened before the first hour is in the noise
    return np.asarray(nominal_hz + noise + jumps[hour] * np.exp(-since / HOUR_DECAY_S))


def mileage_per_hour(signal: Floats, step_s: float) -> float:
    """Return how far a signal travels in an hour, in full ranges from 0 to 1."""
    hours = signal.size * step_s / 3600.0
    return float(np.abs(np.diff(signal)).sum() / hours) if hours else 0.0


def _remembering(n: int, step_s: float, memory_s: float, stream: np.random.Generator) -> Floats:
    """Stationary Ornstein-Uhlenbeck process of variance 1, exact at its samples, shape (n,)."""
    kept = float(np.exp(-step_s / memory_s))
    shocks = stream.standard_normal(n) * np.sqrt(1.0 - kept * kept)
    values = np.empty(n)
    last = float(stream.standard_normal())
    for k, shock in enumerate(shocks.tolist()):
        last = kept * last + shock
        values[k] = last
    return values


def _smoothed(values: Floats, step_s: float, memory_s: float = SMOOTHED_S) -> Floats:
    """First-order low-pass, as a filter in an operator's control does."""
    part = 1.0 - float(np.exp(-step_s / memory_s))
    out = np.empty_like(values)
    last = float(values[0]) if values.size else 0.0
    for k, value in enumerate(values.tolist()):
        last += part * (value - last)
        out[k] = last
    return out
