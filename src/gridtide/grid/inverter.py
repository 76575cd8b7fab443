"""What an inverter does with its apparent power: curves of the grid standards, circle, response.

Standards count injection as positive; gridtide counts what is drawn. Curves keep the standards'
sign, as their tables are printed; :func:`reactive_kvar` and :func:`most_discharge_kw` are where it
is turned. Model card: ``docs/models/inverter.md``.

References
----------
.. [1] IEEE 1547-2018; tests and accuracies of IEEE 1547.1-2020.
.. [2] AS/NZS 4777.2:2020 (unverified).
"""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib import resources
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from gridtide.core import Finding, InputError, read_record

Floats = npt.NDArray[np.float64]

REFERENCE_PU = (0.95, 1.05)
"""Range in which the reference voltage of volt-var may be set."""
BOX = 1.5
"""Width of the acceptance box in accuracies, after IEEE 1547.1."""
VOLTAGE_ACCURACY_PU, POWER_ACCURACY_PU = 0.01, 0.05
"""Steady-state accuracies of IEEE 1547-2018 table 3, of nominal voltage and rated power."""


class Curve(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A characteristic of a standard, linear between its points and flat outside."""

    name: Annotated[str, Meta(description="Name on the command line")]
    standard: Annotated[str, Meta(description="Standard and edition")]
    mode: Annotated[
        Literal["volt_var", "volt_watt", "volt_watt_charging", "watt_var"],
        Meta(description="What it makes of what"),
    ]
    x: Annotated[list[float], Meta(min_length=2, description="Voltage or power [pu], rising")]
    y: Annotated[list[float], Meta(min_length=2, description="Power [pu], + injects")]
    response_s: Annotated[float, Meta(gt=0, description="Open-loop response time, to 90 % [s]")]
    sources: Annotated[list[str], Meta(min_length=1, description="Where it was read")]
    unverified: Annotated[list[str], Meta(description="Fields whose text could not be checked")] = (
        msgspec.field(default_factory=list)
    )

    def at(self, x: npt.ArrayLike, *, reference: float = 1.0) -> Floats:
        """Value of the curve [pu], + injects, shape of ``x``.

        Parameters
        ----------
        x
            Voltage or power [pu].
        reference
            Voltage that the curve is centred at [pu]; it shifts with it.

        Raises
        ------
        InputError
            If the reference is outside 0.95 to 1.05.
        """
        low, high = REFERENCE_PU
        if not low <= reference <= high:
            mend = f"Write {low:g} to {high:g}"
            raise InputError([Finding("reference", f"{reference:g} pu", mend)])
        shifted = np.asarray(x, dtype=float) - (reference - 1.0)
        # Points at one place (category A has no deadband) have one value there.
        return np.asarray(np.interp(shifted, np.array(self.x), np.array(self.y)))


@cache
def curves() -> dict[str, Curve]:
    """Read all curves, by name.

    Raises
    ------
    InputError
        If an entry is no curve.
    """
    text = (resources.files("gridtide.grid") / "inverter_settings.toml").read_text("utf-8")
    found: dict[str, Curve] = {}
    findings: list[Finding] = []
    for entry in tomllib.loads(text)["curve"]:
        curve, more = read_record(Curve, entry, str)
        findings += more
        if curve is not None:
            found[curve.name] = curve
            if len(curve.x) != len(curve.y) or (np.diff(curve.x) < 0).any():
                findings.append(Finding(curve.name, "points do not rise", "Sort them"))
    if findings:
        raise InputError(findings)
    return found


def curve_named(name: str) -> Curve:
    """Return a curve by name.

    Raises
    ------
    InputError
        If there is none.
    """
    known = curves()
    if name not in known:
        raise InputError([Finding(name, "is no curve", f"Known: {', '.join(known)}")])
    return known[name]


def reactive_kvar(
    curve: Curve, x_pu: Floats, rated_kva: npt.ArrayLike, *, reference: float = 1.0
) -> Floats:
    """Return what a volt-var or watt-var curve absorbs [kvar], + is absorbed.

    Parameters
    ----------
    curve
        The curve.
    x_pu
        Voltage [pu of nominal]; for watt-var power in the standards' sign, + is given [pu].
    rated_kva
        Rated apparent power [kVA], of the same shape or one for all.
    reference
        Voltage that a volt-var curve is centred at [pu].
    """
    return np.asarray(-curve.at(x_pu, reference=reference) * np.asarray(rated_kva))


def most_discharge_kw(curve: Curve, voltage_pu: Floats, rated_kw: npt.ArrayLike) -> Floats:
    """Return the most that may be given at a voltage by a volt-watt curve [kW], >= 0."""
    return np.asarray(curve.at(voltage_pu) * np.asarray(rated_kw))


def power_factor_kvar(power_kw: Floats, factor: float, *, absorbs: bool = True) -> Floats:
    """Return the reactive power of a constant power factor [kvar], + is absorbed.

    Raises
    ------
    InputError
        If the factor is not above 0 and at most 1.
    """
    if not 0.0 < factor <= 1.0:
        raise InputError([Finding("power factor", f"{factor:g}", "Write above 0, up to 1")])
    size = np.abs(power_kw) * math.tan(math.acos(factor))
    return np.asarray(size if absorbs else -size)


def within_circle(
    power_kw: Floats, reactive_kvar: Floats, rated_kva: Floats, *, reactive_first: bool = True
) -> tuple[Floats, Floats]:
    """Cut powers to the apparent power of the inverter: P² + Q² <= S².

    Parameters
    ----------
    power_kw, reactive_kvar, rated_kva
        Of equal shape, any sign.
    reactive_first
        Active power gives way, as IEEE 1547 has it; else reactive power does.

    Returns
    -------
    power_kw, reactive_kvar
        What is left; the active power that was given up is the cost of the reactive one.
    """
    first, second = (reactive_kvar, power_kw) if reactive_first else (power_kw, reactive_kvar)
    kept = np.clip(first, -rated_kva, rated_kva)
    room = np.sqrt(np.maximum(rated_kva**2 - kept**2, 0.0))
    other = np.clip(second, -room, room)
    return (other, kept) if reactive_first else (kept, other)


def standstill_loss_kw(reactive_kvar: Floats, loss: Floats) -> Floats:
    """Loss of converters that give reactive power and no active one [kW], drawn from the grid.

    The battery is not touched. The loss law ``a + b·S + c·S²`` is that of charging, by apparent
    instead of active power; without reactive power the converter is off.

    Parameters
    ----------
    reactive_kvar
        Shape (n,).
    loss
        Rows a [kW], b, c [1/kW], shape (n, 3).
    """
    apparent = np.abs(reactive_kvar)
    a, b, c = np.asarray(loss).T
    return np.where(apparent > 0.0, a + apparent * (b + c * apparent), 0.0)


def respond(value: Floats, goal: Floats, response_s: float, step_s: float) -> Floats:
    """Move values towards their goals as an open loop does: 90 % of the way in ``response_s``.

    Exact for a goal that holds over the step. A straight ramp to 100 % in that time would fail the
    standard's checks on the way.
    """
    left = 10.0 ** (-step_s / response_s)
    return np.asarray(goal + (value - goal) * left)


def droop_kw(
    frequency_hz: Floats, power_kw: Floats, rated_kw: Floats, *, nominal_hz: float = 60.0,
    deadband_hz: float = 0.036, slope: float = 0.05, least_kw: Floats | float = -np.inf,
    most_kw: Floats | float = np.inf,
) -> Floats:  # fmt: skip
    """Return power under the mandatory frequency droop of IEEE 1547 [kW], + is drawn.

    Parameters
    ----------
    frequency_hz, power_kw, rated_kw
        Frequency now, power before the event, rated power, of shapes that broadcast.
    nominal_hz, deadband_hz, slope
        Nominal frequency, deadband [Hz], and the change of frequency, in parts of nominal, that
        moves all of the rated power.
    least_kw, most_kw
        What the vehicle can do [kW]: largest discharge below 0, largest charge.

    Raises
    ------
    InputError
        If a frequency is not plausible: a tenth of nominal off, or no number.
    """
    frequency = np.asarray(frequency_hz, dtype=float)
    if not (np.abs(frequency / nominal_hz - 1.0) <= 0.1).all():
        mend = "Distrust the meter, and hold the plan"
        raise InputError([Finding("frequency", "is not plausible", mend)])
    over = np.maximum(frequency - nominal_hz - deadband_hz, 0.0)
    under = np.maximum(nominal_hz - deadband_hz - frequency, 0.0)
    change = (over - under) / (nominal_hz * slope) * rated_kw
    return np.clip(power_kw + change, least_kw, most_kw)


def inside_box(curve: Curve, x_pu: Floats, measured_pu: Floats) -> npt.NDArray[np.bool_]:
    """Tell which samples are within the acceptance box of IEEE 1547.1.

    The least and the most of the curve over 1.5 accuracies of the voltage each way, 1.5 accuracies
    of the power wider. Powers in the standards' sign [pu].
    """
    around = np.linspace(-BOX * VOLTAGE_ACCURACY_PU, BOX * VOLTAGE_ACCURACY_PU, 61)
    corners = np.array(curve.x)
    x = np.asarray(x_pu, dtype=float)[..., None]
    near = np.clip(corners, x + around[0], x + around[-1])
    values = np.concatenate([curve.at(x + around), curve.at(near)], axis=-1)
    slack = BOX * POWER_ACCURACY_PU
    measured = np.asarray(measured_pu, dtype=float)
    return np.asarray(
        (measured >= values.min(axis=-1) - slack) & (measured <= values.max(axis=-1) + slack)
    )


def box_score(curve: Curve, x_pu: Floats, measured_pu: Floats) -> float:
    """Share of samples inside the acceptance box, after the response time has passed."""
    return float(inside_box(curve, x_pu, measured_pu).mean())
