"""What stays cost at least at given prices: the part of the bound that vehicles make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gridtide.plan.problem import Floats, Ints
from gridtide.plan.stored_plan import Prices
from gridtide.plan.verify._bound import Seen
from gridtide.plan.verify._limits import phase_share
from gridtide.plan.verify._stay_costs import (
    change_cost,
    end_bends,
    end_value,
    energy_prices,
    holding_bends,
    holding_cost,
    planned_kw,
    shortfall_cost,
)
from gridtide.plan.verify._stays import Stays, driven_kwh, taper_line


def stays_bound(
    stays: Stays,
    seen: Seen,
    prices: Prices,
    stored_value: Floats,
    wear: Floats,
    short_price: float,
    most_short_kwh: float = np.inf,
) -> float:
    """Return the least that stays can cost at these prices.

    Parameters
    ----------
    stays
        Which.
    seen
        Prices below the limits.
    prices
        The certificate, for what stays are worth on arrival.
    stored_value
        Worth of stored energy in each pair, shape (P,).
    wear
        Price per discharged kWh, shape (r,).
    short_price
        What missing energy costs in the proof.
    most_short_kwh
        Only plans in which nobody misses more than this are looked at [kWh].
    """
    start = stays.own(prices.arrival_value) if prices.arrival_value is not None else None
    if start is None:
        start = np.zeros(len(stays.length))
    nodes = _Nodes.of(stays, stored_value, start, short_price, _held_price(stays, seen))
    nodes = nodes.within(most_short_kwh)
    fixed = float(np.sum(nodes.at_arrival()))
    power = _Powers(stays, seen, wear)
    without = power.least(stored_value, np.zeros(len(stored_value))) + nodes.least(None)
    line = taper_line(stays, nodes.top_kwh)
    if line is None:
        return fixed + float(np.sum(without))
    full, fall, start_kwh = (a[stays.row] for a in line)
    neutral = list(power.neutral(stored_value))
    top = np.max(neutral, axis=0, initial=0.0)
    best = without
    for taper in (*neutral, *nodes.level(fall, top)):
        rest = taper * (full + fall * start_kwh)
        within = power.least(stored_value, taper) + nodes.least(taper * fall) - rest
        best = np.maximum(best, within)
    return fixed + float(np.sum(best))


class _Powers:
    """Least cost of each pair's power, less what the energy that it stores is worth."""

    def __init__(self, stays: Stays, seen: Seen, wear: Floats) -> None:
        problem, row = stays.problem, stays.row
        price_in, price_out = _prices_by_pair(stays, seen)
        self._hours, self._loss = stays.hours, stays.losses.standby_kw[row]
        self._most = stays.by_pair(problem.max_charge_kw)
        self._out = stays.by_pair(problem.max_discharge_kw)
        self._in, self._give = price_in, price_out - wear[row]
        most, out = stays.own(problem.max_charge_kw), stays.own(problem.max_discharge_kw)
        kinks = [kw[row] for kw in stays.losses.kinks_kw(most, out)]
        planned = planned_kw(stays)
        if planned is not None:
            kinks.append(np.where(np.isfinite(planned), planned, 0.0))
        self._kinks = [
            (kw, stays.losses.battery_kw(row, kw), change_cost(stays, kw)) for kw in kinks
        ]
        self._at_rest = self._hours * change_cost(stays, np.zeros(len(row)))
        # What leaves the cells costs at least what the shallowest segment does.
        self._cells = np.zeros(len(row))
        if problem.wear_depth_price_per_kwh is not None:
            shallowest = problem.wear_depth_price_per_kwh[:, 0] * problem.discharge_efficiency
            self._cells = stays.by_pair(shallowest)

    def least(self, value: Floats, taper: Floats) -> Floats:
        """Take the best of rest, full power, where losses bend, and of so little that it loses."""
        best = self._at_rest
        for kw, flow, change in self._kinks:
            paid = np.where(kw > 0, self._in, self._give) * kw + change
            worth = np.where(kw < 0, value + self._cells, value)
            cost = self._hours * (paid - worth * flow) + np.where(kw > 0, taper * flow, 0.0)
            best = np.minimum(best, np.where(kw != 0, cost, self._at_rest))
        loss = self._loss
        if not loss.any():
            return best
        idle = self._hours * loss * value + self._at_rest
        best = np.minimum(best, np.where(self._most > 0, idle - taper * loss, best))
        return np.minimum(best, np.where(self._out > 0, idle, best))

    def neutral(self, value: Floats) -> Iterator[Floats]:
        """Give prices on the taper's row that make charging up to a bend cost nothing."""
        for kw, stored, _ in self._kinks:
            able = (kw > 0) & (stored > 0)
            if not able.any():
                continue
            price = value - np.divide(self._in * kw, stored, out=value.copy(), where=able)
            yield self._hours * np.where(able, np.maximum(price, 0.0), 0.0)


def _prices_by_pair(stays: Stays, seen: Seen) -> tuple[Floats, Floats]:
    """Price of taking and of giving at each plug, shape (P,)."""
    problem = stays.problem
    limit = stays.limit()
    price = np.zeros(len(limit))
    held = np.flatnonzero(limit >= 0)
    price[held] = seen.limit[limit[held], stays.step[held]]
    if seen.phase is not None:
        share = phase_share(problem, stays.first + stays.row[held])
        for phase in range(3):
            price[held] += share[:, phase] * seen.phase[limit[held], phase, stays.step[held]]
    if len(problem.meters):
        return price, price
    bill_in, bill_out = energy_prices(stays)
    return price + bill_in, price + bill_out


def _held_price(stays: Stays, seen: Seen) -> Floats:
    """Price of a kWh at the end of each pair's step, for what is held together, shape (P,)."""
    limit = stays.limit()
    price = np.zeros(len(limit))
    if seen.stored is not None:
        held = np.flatnonzero(limit >= 0)
        price[held] = stays.hours[held] * seen.stored[limit[held], stays.step[held]]
    return price


@dataclass(frozen=True, slots=True, kw_only=True)
class _Nodes:
    """The energies of stays as free variables, each within what it can reach."""

    stays: Stays
    low_kwh: Floats
    high_kwh: Floats
    top_kwh: Floats
    arrival_low_kwh: Floats
    arrival_high_kwh: Floats
    start_value: Floats
    first_value: Floats
    slope: Floats
    short_price: float

    @classmethod
    def of(
        cls, stays: Stays, value: Floats, start: Floats, short_price: float, held: Floats
    ) -> _Nodes:
        problem = stays.problem
        into, out = (stays.by_pair(kw) for kw in (problem.max_charge_kw, problem.max_discharge_kw))
        rise = stays.hours * np.maximum(stays.losses.battery_kw(stays.row, into), 0.0)
        taken = -stays.losses.battery_kw(stays.row, -out)
        fall = np.maximum(taken, stays.losses.standby_kw[stays.row])
        up, down = stays.running_sum(rise), stays.running_sum(stays.hours * fall)
        least, most = _arrivals(stays, up, rise)
        low = np.minimum(stays.own(problem.min_kwh), least)
        top = np.maximum(stays.own(problem.max_kwh), most)
        high = np.minimum(top[stays.row], most[stays.row] + up)
        next_value = np.append(value[1:], 0.0)
        next_value[stays.end[stays.end >= 0]] = 0.0
        opening = np.flatnonzero(stays.place == 0)
        first = np.zeros(len(stays.length))
        first[stays.row[opening]] = value[opening]
        return cls(
            stays=stays,
            low_kwh=np.maximum(low[stays.row], least[stays.row] - down),
            high_kwh=np.minimum(high, _tapered_reach(stays, most, top, rise)),
            top_kwh=top,
            arrival_low_kwh=least,
            arrival_high_kwh=most,
            start_value=np.where(stays.follows, start, 0.0),
            first_value=first,
            slope=held + value - next_value,
            short_price=short_price,
        )

    def within(self, most_short_kwh: float) -> _Nodes:
        """Leave out ends of stays that miss more than this."""
        stays, low = self.stays, self.low_kwh.copy()
        ends, rows = self._ends, np.flatnonzero(stays.end >= 0)
        least = np.minimum(stays.due_kwh[rows] - most_short_kwh, self.high_kwh[ends])
        low[ends] = np.maximum(low[ends], least)
        return replace(self, low_kwh=low)

    def least(self, more: Floats | None) -> Floats:
        """Least cost of each pair's energy, with a further price per kWh, shape (P,)."""
        stays, low, high = self.stays, self.low_kwh, self.high_kwh
        slope = self.slope if more is None else self.slope + more
        best = np.full(len(low), np.inf)
        for at in (low, high, *holding_bends(stays)):
            energy = np.clip(at, low, high)
            best = np.minimum(best, holding_cost(stays, energy) + slope * energy)
        best[self._ends] = self._least_at_ends(slope[self._ends])
        return best

    def level(self, fall: Floats, most: Floats) -> Iterator[Floats]:
        """Give prices on the taper's row, up to ``most``, at which a node's cost is level."""
        stays, prices = self.stays, self.stays.problem.holding_price_per_kwh_h
        stay, slope = stays.first + stays.row, -self.slope
        for m in range(1 if prices is None else prices.shape[-1]):
            held: Floats | float = 0.0
            if prices is not None:
                held = prices[stay, m] if prices.ndim == 2 else prices[stay, stays.step, m]
            for end in self._end_prices():
                level = slope - stays.hours * held + end
                yield np.clip(np.divide(level, fall, out=0.0 * level, where=fall > 0), 0.0, most)

    def _end_prices(self) -> Iterator[Floats]:
        """Give what a kWh may be worth at the end of each pair, 0 within a stay, shape (P,)."""
        stays, ends = self.stays, self._ends
        end_value = stays.problem.end_value_per_kwh
        bands = stays.problem.shortfall_band_price_per_kwh
        short = np.append(0.0, self.short_price if bands is None else bands)
        worth = np.zeros(len(stays.length)) if end_value is None else stays.own(end_value)
        for price in short:
            for held in (0.0, 1.0) if end_value is not None else (0.0,):
                prices = np.zeros(len(self.low_kwh))
                prices[ends] = price + held * worth[stays.row[ends]]
                yield prices

    @property
    def _ends(self) -> Ints:
        """The last pair of each stay that has one."""
        return self.stays.end[self.stays.end >= 0]

    def _least_at_ends(self, slope: Floats) -> Floats:
        stays, pairs, rows = self.stays, self._ends, np.flatnonzero(self.stays.end >= 0)
        low, high = self.low_kwh[pairs], self.high_kwh[pairs]
        bends = [bend[pairs] for bend in holding_bends(stays)]
        bends += [bend[rows] for bend in end_bends(stays)]
        best, spread = np.full(len(pairs), np.inf), self.arrival_low_kwh.copy()
        for at in (low, high, *bends):
            energy = np.clip(at, low, high)
            spread[rows] = energy
            cost = holding_cost(stays, energy, pairs) + slope * energy
            best = np.minimum(best, cost + self._end_cost(spread)[rows])
        return best

    def at_arrival(self) -> Floats:
        """Least cost of what stays start with, those that never plug in with all of it, (r,)."""
        stays = self.stays
        plugged = stays.end >= 0
        value = self.start_value - np.where(plugged, self.first_value, 0.0)
        away = ~plugged
        low, high = self.arrival_low_kwh, self.arrival_high_kwh
        best = np.full(len(low), np.inf)
        for at in (low, high, *end_bends(stays)):
            energy = np.clip(at, low, high)
            cost = value * energy + np.where(away, self._end_cost(energy), 0.0)
            best = np.minimum(best, cost)
        # A stay that starts anew has its arrival given, so that nothing but its worth counts.
        return best + self.start_value * driven_kwh(stays) * stays.follows

    def _end_cost(self, energy: Floats) -> Floats:
        """Cost of ending stays with an energy: shortfall, end value, and the trip to the next."""
        stays = self.stays
        short = np.maximum(stays.due_kwh - energy, 0.0)
        cost = shortfall_cost(stays, short, self.short_price) - end_value(stays, energy)
        if not stays.follows.any():
            return cost
        next_goes = np.append(stays.follows[1:], False)
        value = np.append(self.start_value[1:], 0.0)
        floor = np.append((stays.own(stays.problem.min_kwh) + driven_kwh(stays))[1:], 0.0)
        added = np.maximum(floor - energy, 0.0)
        trip = (self.short_price - value) * added - value * energy
        return cost + np.where(next_goes, trip, 0.0)


def _arrivals(stays: Stays, up: Floats, rise: Floats) -> tuple[Floats, Floats]:
    """Least and most energy at the start of each stay: as given, or what a trip can leave."""
    problem = stays.problem
    least = stays.own(problem.arrival_kwh).copy()
    most = least.copy()
    risen = stays.last(up, np.zeros(len(least)))
    for trip in range(1, int(stays.trips.max(initial=0)) + 1):
        at = np.flatnonzero(stays.trips == trip)
        full = np.maximum(stays.own(problem.max_kwh), most)
        tapered = stays.last(_tapered_reach(stays, most, full, rise), most)
        reach = np.minimum(np.minimum(most + risen, full), tapered)
        held = reach[at - 1] - driven_kwh(stays)[at]
        least[at] = stays.own(problem.min_kwh)[at]
        most[at] = np.maximum(held, least[at])
    return least, most


def _tapered_reach(stays: Stays, arrival: Floats, top: Floats, rise: Floats) -> Floats:
    """Most energy that charging from arrival can reach as the battery tapers, shape (P,)."""
    line = taper_line(stays, top)
    if line is None:
        return np.full(len(rise), np.inf)
    full, fall, start = line
    now, reach = arrival.copy(), stays.table(rise)
    hours = stays.table(stays.hours)
    for k in range(reach.shape[1]):
        # The line gives the energy at which charging through the whole step ends on it.
        h = hours[:, k]
        ended = (now + h * (full + fall * start)) / (1.0 + h * fall)
        now = np.where(stays.length > k, np.maximum(now, np.minimum(now + reach[:, k], ended)), now)
        reach[:, k] = now
    reached: Floats = reach[stays.row, stays.place]
    return reached
