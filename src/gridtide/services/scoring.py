"""Score a product from what was asked for and what was delivered, as samples over time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError
from gridtide.services.product import Product
from gridtide.services.score import (
    classic,
    every_ten_seconds,
    outside_envelope,
    precision_only,
    step_response,
    tracking,
    verify_event,
)
from gridtide.services.settle import payment_factor
from gridtide.signals import Samples

Floats = npt.NDArray[np.float64]

MINUTE_S = 60.0


def score(
    product: Product,
    requested: Samples,
    delivered: Samples,
    *,
    offered_kw: float | None = None,
) -> dict[str, Any]:
    """Score a product; powers in kW, + is the product's own direction of response.

    Parameters
    ----------
    product
        Whose scorer is used.
    requested, delivered
        What was asked for and what was delivered, at their own instants; what comes no more is
        held for the product's ``hold_s`` and then a gap.
    offered_kw
        What was sold [kW], of which errors of an envelope are parts; None: the largest request.

    Returns
    -------
    dict
        ``score`` from 0 to 1 where the product has one, and its parts.

    Raises
    ------
    InputError
        If the samples have gaps, do not overlap, or the product is not scored.
    """
    by_name = {
        "pjm_classic": _classic,
        "precision": _precision,
        "tracking": _tracking,
        "baseline": _tracking,
        "spin_event": _spin,
        "steps": _steps,
    }
    if product.scorer not in (*by_name, "envelope"):
        what = f"is not scored from powers (scorer {product.scorer})"
        raise InputError([Finding(product.name, what, "See `gridtide service rules`")])
    if product.scorer == "envelope":
        told = _envelope(product, requested, delivered, offered_kw)
    else:
        told = by_name[product.scorer](product, requested, delivered)
    return {"product": product.name, "edition": product.edition, **told}


def _laid(samples: Samples, clock: Floats, product: Product, what: str) -> Floats:
    """Values on a clock; gaps longer than the product holds are findings."""
    at = np.searchsorted(samples.time_s, clock + 1e-6, side="right") - 1
    known = ~np.isnan(samples.value)
    last = np.maximum.accumulate(np.where(known, np.arange(len(samples)), -1))
    held = np.where(at >= 0, last[np.maximum(at, 0)], -1)
    age = np.where(held >= 0, clock - samples.time_s[np.maximum(held, 0)], np.inf)
    step = float(np.median(np.diff(samples.time_s))) if len(samples) > 1 else math.inf
    stale = age > max(product.hold_s, step) + 1e-6
    if stale.any():
        first = float(clock[np.flatnonzero(stale)[0]] - clock[0])
        told = f"{what}: no sample for {product.hold_s:g} s, {first:g} s after the first"
        mend = "Fill the gap, or score the time before it and after it apart"
        raise InputError([Finding(samples.source, told, mend)])
    return np.asarray(samples.value[held])


def _together(
    product: Product, requested: Samples, delivered: Samples, step_s: float
) -> tuple[Floats, Floats]:
    """Both on one clock, from the first request to the last."""
    begin, end = float(requested.time_s[0]), float(requested.time_s[-1])
    clock = _clock(begin, end, step_s)
    if delivered.time_s[0] > begin + product.hold_s or delivered.time_s[-1] < begin:
        what = f"{delivered.source} does not begin where {requested.source} does"
        raise InputError([Finding(delivered.source, what, "Give both on one clock")])
    return (
        _laid(requested, clock, product, "requested"),
        _laid(delivered, clock, product, "delivered"),
    )


def _clock(begin_s: float, end_s: float, step_s: float) -> Floats:
    """Instants from begin to end, both included, as far as whole steps reach."""
    steps = np.arange(int((end_s - begin_s) / step_s + 1e-6) + 1)
    return np.asarray(begin_s + step_s * steps, dtype=np.float64)


def _classic(product: Product, requested: Samples, delivered: Samples) -> dict[str, Any]:
    """Score hour by hour; the last part of an hour that is no window is left out."""
    signal = every_ten_seconds(requested.time_s, requested.value)
    whole = signal.size // 30 * 30
    if whole == 0:
        what = f"{requested.source} is shorter than five minutes"
        raise InputError([Finding(requested.source, what, "Give an hour, or forty minutes")])
    begin = float(requested.time_s[0])
    clock = _clock(begin, begin + 10.0 * (whole + 29), 10.0)
    response = _laid(delivered, clock, product, "delivered, five minutes after the signal too")
    signal = _laid(requested, clock[:whole], product, "requested")
    hours = []
    for first in range(0, whole, 360):
        last = min(first + 360, whole)
        found = classic(signal[first:last], response[first : last + 30], **product.score_values)
        hours.append((found, last - first))
    names = ("accuracy", "delay", "precision")
    weights = np.array([size for _, size in hours], dtype=float)
    parts = {n: _mean([float(getattr(f, n).mean()) for f, _ in hours], weights) for n in names}
    by_hour = [f.total for f, _ in hours]
    return {"score": _mean(by_hour, weights), **parts, "by_hour": by_hour}


def _mean(values: list[float], weights: Floats) -> float:
    return float(np.average(values, weights=weights))


def _precision(product: Product, requested: Samples, delivered: Samples) -> dict[str, Any]:
    signal, response = _together(product, requested, delivered, 10.0)
    whole = signal.size // 30 * 30
    return {"score": precision_only(signal[:whole], response[:whole])}


def _tracking(product: Product, requested: Samples, delivered: Samples) -> dict[str, Any]:
    step = product.sampling_s or 60.0
    asked, given = _together(product, requested, delivered, step)
    found = tracking(asked, given, step)
    return {
        "score": found.score,
        "bias_kw": found.bias,
        "error_p95_kw": found.error_p95,
        "error_kwh": found.error_kwh,
    }


def _spin(product: Product, requested: Samples, delivered: Samples) -> dict[str, Any]:
    """Verify one event: the minutes in which something is asked for."""
    asked, given = _together(product, requested, delivered, MINUTE_S)
    event = np.flatnonzero(asked > 0)
    if event.size == 0 or event[0] == 0:
        what = "asks for nothing, or has no minute before the event"
        mend = "Give one event with a minute before it and one after it"
        raise InputError([Finding(requested.source, what, mend)])
    first, minutes = int(event[0]), int(event[-1] - event[0] + 1)
    assigned_mw, output_mw = float(asked[first]) / 1000.0, given / 1000.0
    found = verify_event(float(output_mw[first - 1]), output_mw[first:], assigned_mw, minutes)
    return {
        "score": min(max(found.ratio, 0.0), 1.0),
        "ratio": found.ratio,
        "delivered_mw": found.delivered_mw,
        "shortfall_mw": found.shortfall_mw,
        "counts": found.counts,
        "minutes": minutes,
    }


def _envelope(
    product: Product, requested: Samples, delivered: Samples, offered_kw: float | None
) -> dict[str, Any]:
    step = product.sampling_s or 1.0
    asked, given = _together(product, requested, delivered, step)
    offered = float(np.abs(asked).max()) if offered_kw is None else offered_kw
    slack = math.ceil((product.full_s or 0.0) / step)
    error = outside_envelope(asked, given, offered, slack)
    factor = payment_factor(
        error, free=product.score_values["free"], lost=product.score_values["lost"]
    )
    return {"score": factor, "worst_error": error}


def _steps(product: Product, requested: Samples, delivered: Samples) -> dict[str, Any]:
    """Look at the largest step of what was asked for; 1 where every time is kept, else 0."""
    step = min(product.sampling_s or 1.0, 0.1)
    asked, given = _together(product, requested, delivered, step)
    jumps = np.abs(np.diff(asked))
    if jumps.size == 0 or jumps.max() <= 0:
        mend = "Give the response to a step of the frequency"
        raise InputError([Finding(requested.source, "has no step", mend)])
    at = int(jumps.argmax())
    size = float(asked[at + 1] - asked[at])
    clock: Floats = step * np.arange(given.size - at, dtype=np.float64)
    found = step_response(clock, given[at:], size)
    times = {"start_s": found.start_s, "half_s": found.half_s, "full_s": found.full_s}
    wanted = {name: getattr(product, name) for name in times}
    kept = all(
        limit is None or (times[name] is not None and float(times[name] or 0.0) <= limit + 1e-9)
        for name, limit in wanted.items()
    )
    return {"score": 1.0 if kept else 0.0, **times, "allowed": wanted}
