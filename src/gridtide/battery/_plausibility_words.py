"""The evidence of a failed check in words, with its numbers."""

from __future__ import annotations

from gridtide.battery.thresholds import Check

_QUANTITIES = {
    1: ("state of charge", "", 1.0),
    2: ("pack temperature", " °C", 1.0),
    3: ("air temperature", " °C", 1.0),
    4: ("pack voltage", " V", 1.0),
    5: ("current", " A", 1.0),
    6: ("power at the plug", " kW", 1.0),
    7: ("power at the pack", " kW", 1.0),
    9: ("energy register", " kWh", 1.0),
}
_SILENT = {1: "state of charge", 2: "voltage", 3: "current", 4: "temperature", 5: "power"}
# Sentences by check and detail; m, e, b are measured, expected and bound.
_SENTENCES = {
    (Check.ENERGY_AGAINST_SOC, 1): (
        "within an hour the reported state of charge changed by {m:.2f} kWh while {e:.2f} kWh "
        "passed the meter; {b:.2f} kWh apart are allowed"
    ),
    (Check.ENERGY_AGAINST_SOC, 2): (
        "in this session the reported state of charge changed by {m:.2f} kWh while {e:.2f} kWh "
        "passed the meter; {b:.2f} kWh apart are allowed"
    ),
    (Check.SOC_RATE, 0): (
        "the state of charge moved by {m:+.4f} between two samples; the largest power moves it "
        "by {b:.4f}"
    ),
    (Check.CIRCUIT_RESIDUAL, 1): (
        "the voltage does not fit the circuit: mean squared normalised residual {m:.1f}, "
        "{b:.1f} is allowed"
    ),
    (Check.CIRCUIT_RESIDUAL, 2): (
        "the state of charge does not fit voltage and counted charge: mean squared normalised "
        "residual {m:.1f}, {b:.1f} is allowed"
    ),
    (Check.POWER_IDENTITY, 1): (
        "power at the pack {m:.2f} kW is not voltage times current, {e:.2f} kW, within {b:.2f} kW"
    ),
    (Check.POWER_IDENTITY, 2): (
        "within an hour the registers counted {m:.2f} kWh and power adds up to {e:.2f} kWh; "
        "{b:.2f} kWh apart are allowed"
    ),
    (Check.POWER_IDENTITY, 3): (
        "within an hour {m:.2f} kWh passed the pack and {e:.2f} kWh would have after the loss "
        "law; {b:.2f} kWh apart are allowed"
    ),
    (Check.TEMPERATURE_RATE, 0): (
        "the pack's temperature moved by {m:+.1f} K within ten minutes; from {low:+.1f} K to "
        "{high:+.1f} K is possible"
    ),
    (Check.TEMPERATURE_RATE, 1): (
        "the pack's temperature moved by {m:+.1f} K between two samples; from {low:+.1f} K to "
        "{high:+.1f} K is possible"
    ),
    (Check.VOLTAGE_RANGE, 0): (
        "{m:.3f} V per cell lies outside {low:.2f} V to {high:.2f} V of this chemistry"
    ),
    (Check.CAPACITY_IDENTITY, 1): (
        "sessions imply another capacity than before: the last {m:.1f} kWh, believed until then "
        "{e:.1f} kWh"
    ),
    (Check.CAPACITY_IDENTITY, 2): (
        "sessions imply a capacity of {m:.1f} kWh where {e:.1f} kWh are declared; {b:.1f} kWh "
        "apart are allowed"
    ),
    (Check.TIME_ORDER, 0): "the time of a sample goes back by {back:.0f} s",
    (Check.TIME_ORDER, 1): "two samples of one instant differ",
    (Check.FROZEN, 0): (
        "no reported value moved while {percent:.1f} % of the capacity passed; {bound_percent:.1f} "
        "% are allowed"
    ),
    (Check.REPLAYED, 0): (
        "values come again in the order they had before: {m:.0f} fingerprints in a row"
    ),
    (Check.DECLARED_LIMITS, 1): "the declared charging limit is {m:.2f} kW",
    (Check.DECLARED_LIMITS, 2): "the declared discharging limit is {m:.2f} kW",
    (Check.DECLARED_LIMITS, 3): (
        "charges {m:.2f} kW above the declared limit; {b:.2f} kW are allowed"
    ),
    (Check.DECLARED_LIMITS, 4): (
        "the declared charging limit rose by {m:.2f} kW towards full, cold or hot; {b:.2f} kW "
        "are allowed"
    ),
    (Check.DECLARED_LIMITS, 5): (
        "the declared discharging limit rose by {m:.2f} kW towards empty; {b:.2f} kW are allowed"
    ),
    (Check.FLEET_OUTLIER, 1): (
        "its voltage is off the circuit by {mv:.1f} mV per cell; vehicles of its model by "
        "{ev:.1f} mV, {bv:.1f} mV apart are allowed"
    ),
    (Check.FLEET_OUTLIER, 2): (
        "its state of charge is off the metered energy by {m:.4f}; vehicles of its model by "
        "{e:.4f}, {b:.4f} apart are allowed"
    ),
    (Check.COORDINATED, 0): (
        "many vehicles' states of charge went off together: its own by {m:.4f}, usual is {e:.4f}"
    ),
}


def sentence(check: Check, detail: int, measured: float, expected: float, bound: float) -> str:
    """Return the evidence as a sentence.

    Parameters
    ----------
    check, detail
        Which check failed, and which part or quantity of it.
    measured, expected, bound
        The numbers, as :class:`gridtide.battery.Evidence` holds them.
    """
    if check is Check.IMPOSSIBLE_VALUE:
        return _impossible(detail, measured, expected, bound)
    if check is Check.WENT_SILENT:
        return (
            f"{_SILENT[detail]} was reported and has been missing for {measured:.0f} min; "
            f"{bound:.0f} min are allowed"
        )
    return _SENTENCES[check, detail].format(
        m=measured,
        e=expected,
        b=bound,
        low=expected - bound,
        high=expected + bound,
        back=-measured,
        percent=100 * measured,
        bound_percent=100 * bound,
        mv=1000 * measured,
        ev=1000 * expected,
        bv=1000 * bound,
    )


def _impossible(detail: int, measured: float, expected: float, bound: float) -> str:
    if detail == 8:
        return f"an energy register went down by {-measured:.3f} kWh"
    name, unit, _ = _QUANTITIES[detail]
    text = (
        f"{name} {measured:.4g}{unit} lies outside {expected - bound:.4g} to "
        f"{expected + bound:.4g}{unit}"
    )
    kelvin = detail in (2, 3) and 223.0 <= measured <= 368.0
    return text + (": it looks like kelvin" if kelvin else "")
