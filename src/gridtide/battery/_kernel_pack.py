"""The physics of one plug, compiled: conversion loss, taper near full, one exact step.

Scalars in, scalars out; the rooms above loop over their arrays inside compiled code of their
own and call these. Symbols: P power at the plug [kW], dc power at the cells [kW], e energy in
the battery [kWh], a, b, c the loss law of :mod:`gridtide.battery.losses`.
"""

from __future__ import annotations

from math import exp, inf, log, sqrt

from numba import njit


@njit(cache=True, error_model="numpy")
def cells_charging(P: float, a: float, b: float, c: float) -> float:
    """Power into the cells while charging with P >= 0 at the plug [kW]."""
    if P <= 0.0:
        return 0.0
    return max(P - a - b * P - c * P * P, 0.0)


@njit(cache=True, error_model="numpy")
def cells_discharging(D: float, a: float, b: float, c: float) -> float:
    """Power out of the cells while D >= 0 is given at the plug [kW]."""
    if D <= 0.0:
        return 0.0
    return D + a + b * D + c * D * D


@njit(cache=True, error_model="numpy")
def plug_charging(dc: float, a: float, b: float, c: float) -> float:
    """Power at the plug that stores dc >= 0 [kW]; inf where the loss grows faster."""
    if dc <= 0.0:
        return 0.0
    root = (1.0 - b) ** 2 - 4.0 * c * (dc + a)
    if root < 0.0:
        return inf
    return 2.0 * (dc + a) / ((1.0 - b) + sqrt(root))


@njit(cache=True, error_model="numpy")
def plug_discharging(dc: float, a: float, b: float, c: float) -> float:
    """Power given at the plug while dc >= 0 leaves the cells [kW]; 0 if the loss takes it all."""
    if dc <= a:
        return 0.0
    return 2.0 * (dc - a) / ((1.0 + b) + sqrt((1.0 + b) ** 2 + 4.0 * c * (dc - a)))


@njit(cache=True, error_model="numpy")
def charge_step(
    P: float,
    h: float,
    e: float,
    stop: float,
    knee: float,
    beta: float,
    dc_full: float,
    a: float,
    b: float,
    c: float,
) -> tuple[float, float, float]:
    """Charge with P at the plug for up to h hours, exactly.

    The cells take ``dc_full`` below ``knee`` and ``dc_full - beta*(e - knee)`` above it. The
    power is P until that line is met, follows it then, and is zero from ``stop`` on. On the
    line ``de/dt = dc_full - beta*(e - knee)`` has the solution
    ``e(t) = top - (top - e0)*exp(-beta*t)`` with ``top = knee + dc_full/beta``.

    Returns
    -------
    e, plug_kwh, loss_kwh
        Energy in the battery after the step, energy drawn at the plug, energy lost.
    """
    dc = cells_charging(P, a, b, c)
    if e >= stop or P <= 0.0:
        return e, 0.0, 0.0
    if dc <= 0.0:
        return e, P * h, P * h
    meet = stop
    if beta > 0.0:
        meet = min(stop, knee + max(dc_full - dc, 0.0) / beta)
    plug = 0.0
    loss = 0.0
    if e < meet:
        h1 = min(h, (meet - e) / dc)
        plug = P * h1
        loss = (a + b * P + c * P * P) * h1
        if h1 >= h:
            return e + dc * h, plug, loss
        e = meet
        h -= h1
    if e >= stop or beta <= 0.0:
        return e, plug, loss
    top = knee + dc_full / beta
    h2 = h
    if stop < top:
        h2 = min(h, log((top - e) / (top - stop)) / beta)
    e2 = top - (top - e) * exp(-beta * h2)
    if h2 < h:
        e2 = stop
    P2 = plug_charging((e2 - e) / h2, a, b, c) if h2 > 0.0 else 0.0
    return e2, plug + P2 * h2, loss + (a + b * P2 + c * P2 * P2) * h2


@njit(cache=True, error_model="numpy")
def discharge_step(
    D: float, h: float, e: float, floor: float, a: float, b: float, c: float
) -> tuple[float, float, float]:
    """Discharge with D at the plug for up to h hours, not below ``floor``.

    Returns
    -------
    e, plug_kwh, loss_kwh
        Energy in the battery after the step, energy given at the plug, energy lost.
    """
    if e <= floor or D <= 0.0:
        return e, 0.0, 0.0
    dc = cells_discharging(D, a, b, c)
    h1 = min(h, (e - floor) / dc)
    left = floor if h1 < h else e - dc * h
    return left, D * h1, (a + b * D + c * D * D) * h1


@njit(cache=True, error_model="numpy")
def energy_needed(target: float, h: float, knee: float, beta: float, dc_full: float) -> float:
    """Smallest energy from which full power still reaches ``target`` within h hours [kWh]."""
    if h <= 0.0:
        return target
    if beta > 0.0 and target > knee:
        top = knee + dc_full / beta
        tapering = log((top - knee) / (top - target)) / beta
        if h <= tapering:
            return top - (top - target) * exp(beta * h)
        return knee - (h - tapering) * dc_full
    return target - h * dc_full
