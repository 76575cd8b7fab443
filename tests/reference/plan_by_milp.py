"""The planning problem once more, straight from its JSON and written differently.

Every vehicle has c and d in every step, energies are cumulative sums, each limit's net power is
the sum over all vehicles below it, import and export at the meter are two variables, and every
direction is a binary where ``binaries`` is set. Solved by scipy; slow and dense on purpose.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

# Places for segments by depth; a vehicle may use fewer.
SEGMENTS = 5


class _Rows:
    def __init__(self, width):
        self.width, self.a, self.low, self.high = width, [], [], []

    def add(self, terms, low, high):
        row = np.zeros(self.width)
        for column, value in terms:
            row[column] += value
        self.a.append(row)
        self.low.append(low)
        self.high.append(high)


def _series(value, steps):
    if value is None:
        return np.full(steps, np.inf)
    return np.broadcast_to(np.atleast_1d(np.asarray(value, float)), (steps,))


def _below(document, name):
    limits = {limit["name"]: limit for limit in document["limits"]}
    vehicles, base = set(), _series(limits[name].get("base_load_kw", 0.0), document["steps"]).copy()
    for member in limits[name]["members"]:
        if member in limits:
            inner, load = _below(document, member)
            vehicles |= inner
            base += load
        else:
            vehicles.add(member)
    return vehicles, base


def _segments(rows, cost, high, car, col, at, how):
    """One energy per segment, what is stored in it and what is taken from it."""
    (i, t, plugged), (dt, standby) = at, how
    prices, cap = car["wear_depth_price_per_kwh"], car["capacity_kwh"]
    count, give = len(prices), car.get("discharge_efficiency", 1.0)
    left, start = cap * car["soc_arrival"], car.get("wear_segment_kwh")
    into, out = [], []
    for j, price in enumerate(prices):
        begin = start[j] if start else min(left, cap / count)
        left -= begin
        path = []
        for k in plugged:
            if k > t:
                break
            x, y = (col(name, k, (i, j)) for name in ("stored", "taken"))
            path += [(x, 1), (y, -1)]
        rows.add(path, -begin, cap / count - begin)
        high[[x, y]] = 1e3
        cost[y] += price * give
        into.append((x, 1))
        out.append((y, 1))
    c, d, zc, zd = (col(name, i, t) for name in ("c", "d", "zc", "zd"))
    rows.add([*into, (c, -dt * car.get("charge_efficiency", 1.0)), (zc, dt * standby)], 0, 0)
    rows.add([*out, (d, -dt / give), (zd, -dt * standby)], 0, 0)


def _holding(rows, cost, low, car, col, at, terms, how):
    """Cost per hour h of the energy at the end of the step: above each band's line."""
    (i, t), (dt, start), bands = at, how, car["holding"]
    edges, prices = bands["edges_kwh"], bands["price_per_kwh_h"]
    h = col("held", i, t)
    low[h], value = -np.inf, 0.0
    cost[h] = dt
    for m, price in enumerate(prices):
        slope = price[t % len(price)] if isinstance(price, list) else price
        # h >= value at the band's edge + slope * (start + change - edge)
        line = slope * (start - edges[m]) + value
        rows.add([(h, 1)] + [(k, -slope * v) for k, v in terms], line, np.inf)
        value += slope * (edges[m + 1] - edges[m])
    base = bands.get("base_per_h", 0.0)
    return base[t % len(base)] if isinstance(base, list) else base


def solve_by_milp(document, *, binaries):
    """Return the smallest cost of a problem in which every limit can be kept."""
    T, dt, cars = document["steps"], document["step_minutes"] / 60, document["vehicles"]
    n = len(cars)
    limits, billing = document.get("limits", []), document.get("billing")
    blocks, at = {}, 0
    for name, size in (
        ("c", n * T),
        ("d", n * T),
        ("zc", n * T),
        ("zd", n * T),
        ("s", n),
        ("w", n),
        ("imp", T),
        ("exp", T),
        ("zm", T),
        ("peak", len(limits)),
        ("stored", n * T * SEGMENTS),
        ("taken", n * T * SEGMENTS),
        ("held", n * T),
    ):
        blocks[name] = at
        at += size
    low, high, cost, whole = np.zeros(at), np.full(at, np.inf), np.zeros(at), np.zeros(at)
    constant = 0.0
    carbon = _series(document.get("carbon_kg_per_kwh", 0.0), T) * document.get(
        "carbon_price_per_kg", 0.0
    )
    pin = _series(document["price_import_per_kwh"], T) + carbon
    pout = _series(document["price_export_per_kwh"], T) + carbon
    rows = _Rows(at)

    def col(name, i=0, t=None):
        if isinstance(t, tuple):
            return blocks[name] + (t[0] * T + i) * SEGMENTS + t[1]
        return blocks[name] + (i if t is None else i * T + t)

    for i, car in enumerate(cars):
        cap, standby = car["capacity_kwh"], car.get("standby_kw", 0.0)
        gain, give = car.get("charge_efficiency", 1.0), car.get("discharge_efficiency", 1.0)
        pc, pd = car["max_charge_kw"], car.get("max_discharge_kw", 0.0)
        plugged = [
            t
            for t in range(T)
            if car["arrive_step"] <= t < car["depart_step"]
            and car["arrive_step"] < car["depart_step"]
        ]
        start = cap * car["soc_arrival"]
        terms = []
        for t in range(T):
            c, d, zc, zd = (col(k, i, t) for k in ("c", "d", "zc", "zd"))
            there = t in plugged
            high[[c, d]] = (pc, pd) if there else (0, 0)
            high[[zc, zd]] = 1
            whole[[zc, zd]] = binaries
            rows.add([(c, 1), (zc, -pc)], -np.inf, 0)
            rows.add([(d, 1), (zd, -pd)], -np.inf, 0)
            if binaries:
                rows.add([(zc, 1), (zd, 1)], -np.inf, 1)
                rows.add([(c, 1), (zc, -car.get("min_charge_kw", 0.0))], 0, np.inf)
                rows.add([(d, 1), (zd, -car.get("min_discharge_kw", 0.0))], 0, np.inf)
            else:
                low[[zc, zd]] = 1
            cost[d] += dt * car.get("wear_price_per_kwh", 0.0)
            if billing is None:
                cost[c] += dt * pin[t]
                cost[d] -= dt * pout[t]
            if not there:
                continue
            terms += [(c, dt * gain), (d, -dt / give)]
            if standby:
                terms += [(zc, -dt * standby), (zd, -dt * standby)]
            if car.get("wear_depth_price_per_kwh"):
                _segments(rows, cost, high, car, col, (i, t, plugged), (dt, standby))
            if car.get("holding"):
                constant += dt * _holding(rows, cost, low, car, col, (i, t), terms, (dt, start))
            soc_min, soc_max = car.get("soc_min", 0.0), car.get("soc_max", 1.0)
            rows.add(terms, cap * soc_min - start, cap * soc_max - start)
            bend, end = car.get("taper_soc", 1.0), car.get("taper_end", 1.0)
            if bend < soc_max and end < 1:
                fall = gain * pc * (1 - end) / (cap * (soc_max - bend))
                line = (
                    [(k, fall * v) for k, v in terms]
                    + [(c, gain)]
                    + ([(zc, -standby)] if standby else [])
                )
                rows.add(line, -np.inf, gain * pc + fall * (cap * bend - start))
        if car["depart_step"] <= T:
            rows.add([*terms, (col("s", i), 1)], cap * car["soc_target"] - start, np.inf)
        cost[col("s", i)] = document["shortfall_price_per_kwh"]
        cost[col("w", i)] = -car.get("end_value_per_kwh", 0.0)
        high[col("w", i)] = cap * car.get("end_value_up_to_soc", 1.0)
        rows.add([*terms, (col("w", i), -1)], -start, np.inf)
    number = {car["id"]: i for i, car in enumerate(cars)}
    for j, limit in enumerate(limits):
        inside, base = _below(document, limit["name"])
        top, bottom = _series(limit.get("import_kw"), T), _series(limit.get("export_kw"), T)
        low[col("peak", j)] = limit.get("demand_peak_so_far_kw", 0.0)
        cost[col("peak", j)] = limit.get("demand_charge_per_kw", 0.0)
        most = 1e3 + abs(base).max()
        for t in range(T):
            net = [(col("c", number[v], t), 1) for v in inside] + [
                (col("d", number[v], t), -1) for v in inside
            ]
            rows.add(net, -bottom[t] - base[t], top[t] - base[t])
            rows.add([*net, (col("peak", j), -1)], -np.inf, -base[t])
            if limit.get("phase_kw"):
                for phase in range(3):
                    part = [(k, v * cars[(k % (n * T)) // T]["phases"][phase]) for k, v in net]
                    room = limit["phase_kw"][phase]
                    rows.add(part, -room - base[t] / 3, room - base[t] / 3)
            if limit["name"] == billing:
                rows.add([*net, (col("imp", t), -1), (col("exp", t), 1)], -base[t], -base[t])
                cost[col("imp", t)], cost[col("exp", t)] = dt * pin[t], -dt * pout[t]
                high[[col("imp", t), col("exp", t)]] = most
                if binaries:
                    whole[col("zm", t)], high[col("zm", t)] = 1, 1
                    rows.add([(col("imp", t), 1), (col("zm", t), -most)], -np.inf, 0)
                    rows.add([(col("exp", t), 1), (col("zm", t), most)], -np.inf, most)
    result = milp(
        cost,
        integrality=whole,
        bounds=Bounds(low, high),
        constraints=LinearConstraint(np.array(rows.a), rows.low, rows.high),
        options={"mip_rel_gap": 1e-9},
    )
    assert result.status == 0, result.message
    return float(result.fun) + constant
