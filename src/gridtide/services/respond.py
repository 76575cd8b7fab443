"""From what is received or measured to the response that a product asks for.

Three quantities activate products: a signal from -1 to 1, the frequency in Hz, and the share of a
product for dispatch that is called, 0 to 1. What is no number or cannot be believed asks for
nothing that is known: the caller holds the last value as long as the product says, then the fleet
returns to its plan.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError
from gridtide.services.activation import droop, knee, one_sided, plausible, switched
from gridtide.services.product import Product
from gridtide.signals import fast_regulation, frequency_trace, slow_regulation

Floats = npt.NDArray[np.float64]
Quantity = Literal["signal", "hz", "share"]

CURVES: dict[str, Callable[..., Floats]] = {
    "droop": droop,
    "one_sided": one_sided,
    "knee": knee,
    "switched": switched,
}
RANGE: dict[str, tuple[float, float]] = {
    "signal": (-1.0, 1.0),
    "hz": (40.0, 70.0),
    "share": (0.0, 1.0),
}
"""Values outside are no values of the quantity, whatever the product."""
SLOW_FROM_MINUTES = 60.0
"""A signal whose product must be sustained for so long need not be neutral in energy."""


def quantity(product: Product) -> Quantity:
    """Tell what activates a product.

    Raises
    ------
    InputError
        If nothing that changes from second to second does.
    """
    if product.activation in CURVES:
        return "hz"
    if product.activation == "signal":
        return "signal"
    if product.activation == "dispatch":
        return "share"
    told = {
        "voltage": "follows the voltage at its feeder: `gridtide grid hosting`",
        "schedule": "is a schedule, not activated: it is planned, and settled",
    }
    what = told.get(product.activation, f"is activated by {product.activation}")
    raise InputError([Finding(product.name, what, "Choose a product with a signal")])


def response(product: Product, value: float) -> float:
    """Return what a product asks for, -1 to 1, + is less import; NaN where it is not known.

    Parameters
    ----------
    product
        Whose rule is asked.
    value
        Signal, frequency [Hz] or called share, as :func:`quantity` tells.
    """
    if math.isnan(value):
        return math.nan
    kind = quantity(product)
    if kind == "hz":
        nominal = nominal_hz(product)
        if not plausible(nominal).holds(value):
            return math.nan
        asked = float(CURVES[product.activation](np.array([value]), **product.activation_values)[0])
    else:
        asked = min(max(value, -1.0), 1.0)
    if product.direction == "up":
        return max(asked, 0.0)
    if product.direction == "down":
        # A call for dispatch downwards is a share too: more import.
        return -abs(asked) if kind == "share" else min(asked, 0.0)
    return asked


def nominal_hz(product: Product) -> float:
    """Return the frequency of the product's grid where nothing is asked for [Hz]."""
    return product.activation_values.get("nominal_hz", 50.0)


def steepest_share_per_hz(product: Product) -> float | None:
    """Return the steepest slope of a product's curve, in parts of an offer [1/Hz]; None for none.

    A response that is switched on once is no droop.
    """
    values = product.activation_values
    if product.activation == "droop":
        return 1.0 / values["full_hz"]
    if product.activation == "one_sided":
        return 1.0 / abs(values["full_hz"] - values["start_hz"])
    if product.activation == "knee":
        return (1.0 - values["knee_share"]) / (values["full_hz"] - values["knee_hz"])
    return None


def generated(product: Product, n: int, step_s: float, stream: np.random.Generator) -> Floats:
    """Draw what would activate a product, synthetic, shape (n,).

    Raises
    ------
    InputError
        If the product is dispatched: nobody can draw when an operator calls.
    """
    kind = quantity(product)
    if kind == "hz":
        return frequency_trace(n, step_s, stream, nominal_hz=nominal_hz(product))
    if kind == "signal":
        slow = product.sustain_minutes >= SLOW_FROM_MINUTES
        return (slow_regulation if slow else fast_regulation)(n, step_s, stream)
    mend = 'Give a file with the calls, columns time and share, or "none" for no call'
    raise InputError([Finding(product.name, "calls of an operator cannot be generated", mend)])
