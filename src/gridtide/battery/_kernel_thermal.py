"""The lumped temperature of a pack, compiled: one exact step, heat, conditioning.

Symbols: T pack temperature [°C], Ta ambient [°C], h duration [h], tau = Rth·Cth time constant [h],
Rth thermal resistance to the surroundings [K/kW]. Heat is positive into the pack [kW].
"""

from __future__ import annotations

from math import exp, isnan

from numba import njit

GAS_J_MOL_K = 8.3144
ZERO_C_K = 273.15
REFERENCE_K = 298.15


@njit(cache=True, error_model="numpy")
def temperature_step(T: float, Ta: float, heat: float, Rth: float, tau: float, h: float) -> float:
    """Pack temperature after h hours at constant ambient and heat [°C], exactly.

    ``Cth dT/dt = heat - (T - Ta)/Rth`` has the solution
    ``T(h) = Ta + (T - Ta)·e + heat·Rth·(1 - e)`` with ``e = exp(-h/tau)``.
    """
    e = exp(-h / tau)
    return Ta + (T - Ta) * e + heat * Rth * (1.0 - e)


@njit(cache=True, error_model="numpy")
def resistance_heat_kw(dc: float, capacity: float, r: float, activation: float, T: float) -> float:
    """Heat of ``dc`` kW through the resistance of a pack [kW].

    ``I²R = dc²·r(T)/capacity`` with the relative resistance ``r = R·Q/V`` [h], an Arrhenius law
    in kelvin with ``activation`` [J/mol] around 25 °C.
    """
    warmth = exp(activation / GAS_J_MOL_K * (1.0 / (T + ZERO_C_K) - 1.0 / REFERENCE_K))
    return r * warmth * dc * dc / capacity


@njit(cache=True, error_model="numpy")
def conditioning_kw(
    T: float,
    Ta: float,
    Rth: float,
    tau: float,
    h: float,
    heat_below: float,
    cool_above: float,
    most: float,
    heat_cop: float,
    cool_cop: float,
) -> tuple[float, float]:
    """Constant power that brings the pack to the edge of its band within h hours.

    What the pack would come to by itself, without current, decides. ``heat_below`` and
    ``cool_above`` are NaN where there is no heater or cooler.

    Returns
    -------
    electric, heat
        Power drawn at the plug, at most ``most`` [kW], and heat into the pack [kW], negative
        while cooling.
    """
    e = exp(-h / tau)
    alone = Ta + (T - Ta) * e
    for_one_kelvin = 1.0 / (Rth * (1.0 - e))
    if not isnan(heat_below) and alone < heat_below:
        electric = min((heat_below - alone) * for_one_kelvin / heat_cop, most)
        return electric, electric * heat_cop
    if not isnan(cool_above) and alone > cool_above:
        electric = min((alone - cool_above) * for_one_kelvin / cool_cop, most)
        return electric, -electric * cool_cop
    return 0.0, 0.0
