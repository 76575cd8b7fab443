"""The schedule of a large fleet: kept by plugged step, spread over vehicles and steps on demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from gridtide.plan.price._kernel_costs import held_cost
from gridtide.plan.price._kernel_law import stored_kw
from gridtide.plan.price.stays import Stays
from gridtide.plan.problem import Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSchedule:
    """Powers at the plugged steps and what follows from them; see ``Schedule`` for the meaning.

    Parameters
    ----------
    stays
        The stays, with the problem's own prices.
    plugged_kw
        Power in each plugged step, stay by stay, shape (N,).
    net_kw
        Net power of the vehicles below each limit, shape (m, T).
    stored_kwh
        What vehicles hold together below each limit at the end of each step, shape (m, T); zeros
        below limits that do not bound it.
    objective, violation_kw
        Cost and largest excess.
    end_kwh, shortfall_kwh, en_route_kwh
        By stay, shape (n,).
    """

    stays: Stays
    plugged_kw: Floats
    net_kw: Floats
    stored_kwh: Floats
    objective: float
    violation_kw: float
    end_kwh: Floats
    shortfall_kwh: Floats
    en_route_kwh: Floats

    @property
    def power_kw(self) -> Floats:
        """Power at each plug, shape (n, T)."""
        power = np.zeros((len(self.end_kwh), len(self.stays.step_h)), dtype=self.plugged_kw.dtype)
        _spread(self.stays, self.plugged_kw, power)
        return power

    @property
    def energy_kwh(self) -> Floats:
        """Energy in each battery at the nodes of its stay, NaN elsewhere, shape (n, T + 1)."""
        energy = np.full((len(self.end_kwh), len(self.stays.step_h) + 1), np.nan)
        _energies(self.stays, self.plugged_kw, np.arange(len(self.end_kwh)), self._starts(), energy)
        return energy

    def energy_of(self, stay: int) -> Floats:
        """Energy at the nodes of one stay, NaN elsewhere, shape (T + 1,)."""
        energy = np.full((1, len(self.stays.step_h) + 1), np.nan)
        _energies(self.stays, self.plugged_kw, np.array([stay]), self._starts(), energy)
        nodes: Floats = energy[0]
        return nodes

    @property
    def wear_cycle(self) -> Floats:
        """Wear by cycling in each step [currency], shape (n, T)."""
        out = np.maximum(-self.power_kw, 0.0) * self.stays.step_h
        worn: Floats = out * self.stays.each["wear"][:, None]
        return worn

    @property
    def wear_holding(self) -> Floats:
        """Wear by holding in each step [currency], shape (n, T)."""
        cost = np.zeros((len(self.end_kwh), len(self.stays.step_h)))
        if self.stays.band_price.shape[2] > 0:
            _holding(self.stays, self.energy_kwh, cost)
        return cost

    def _starts(self) -> Floats:
        each = self.stays.each
        held: Floats = each["held_kwh"].copy()
        first = np.zeros(len(held), dtype=bool)
        first[self.stays.vehicle[:-1]] = True
        later = np.flatnonzero(~first)
        unaided = self.end_kwh[later - 1] - each["driven_kwh"][later]
        held[later] = np.maximum(unaided, each["low_kwh"][later])
        return held


@njit(cache=True, nogil=True)
def end_energies(stays: Stays, members: Ints, power: Floats, end: Floats, en_route: Floats) -> None:
    """Fill the energy at the end of each stay of some vehicles, and what was charged before it."""
    for u in members:
        first = stays.vehicle[u]
        energy = stays.each[first].held_kwh
        for i in range(first, stays.vehicle[u + 1]):
            stay = stays.each[i]
            if i > first:
                energy -= stay.driven_kwh
                en_route[i] = max(stay.low_kwh - energy, 0.0)
                energy += en_route[i]
            for q in range(stay.steps):
                hours = stays.step_h[stay.arrive + q]
                energy += hours * stored_kw(stays, i, power[stay.start + q])
            end[i] = energy


@njit(cache=True, nogil=True)
def _spread(stays: Stays, power: Floats, dense: Floats) -> None:
    for i in range(len(stays.each)):
        stay = stays.each[i]
        for q in range(stay.steps):
            dense[i, stay.arrive + q] = power[stay.start + q]


@njit(cache=True, nogil=True)
def _energies(stays: Stays, power: Floats, which: Ints, starts: Floats, dense: Floats) -> None:
    for row in range(len(which)):
        i = which[row]
        stay, energy = stays.each[i], starts[i]
        for q in range(stay.steps):
            dense[row, stay.arrive + q] = energy
            hours = stays.step_h[stay.arrive + q]
            energy += hours * stored_kw(stays, i, power[stay.start + q])
            dense[row, stay.arrive + q + 1] = energy


@njit(cache=True, nogil=True)
def _holding(stays: Stays, energy: Floats, cost: Floats) -> None:
    for i in range(len(stays.each)):
        stay = stays.each[i]
        for t in range(stay.arrive, stay.arrive + stay.steps):
            cost[i, t] = held_cost(stays, i, t, energy[i, t + 1])
