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


def _inner(document, limit):
    """Names of all limits below one."""
    limits = {limit["name"]: limit for limit in document["limits"]}
    names = set(limits) & set(limit["members"])
    return names.union(*(_inner(document, limits[name]) for name in names))


def _segments(rows, cost, high, car, col, at, how):
    """One energy per segment, what is stored in it and what is taken from it; the paths so far."""
    (i, t, plugged), (dt, standby, earlier) = at, how
    prices, cap = car["wear_depth_price_per_kwh"], car["capacity_kwh"]
    count, give = len(prices), car.get("discharge_efficiency", 1.0)
    left, start = cap * car["soc_arrival"], car.get("wear_segment_kwh")
    into, out, paths = [], [], []
    for j, price in enumerate(prices):
        begin = start[j] if start else min(left, cap / count)
        left -= begin
        path = list(earlier[j]) if earlier else []
        for k in plugged:
            if k > t:
                break
            x, y = (col(name, k, (i, j)) for name in ("stored", "taken"))
            path += [(x, 1), (y, -1)]
        rows.add(path, -begin, cap / count - begin)
        paths.append(path)
        high[[x, y]] = 1e3
        cost[y] += price * give
        into.append((x, 1))
        out.append((y, 1))
    c, d, zc, zd = (col(name, i, t) for name in ("c", "d", "zc", "zd"))
    rows.add([*into, (c, -dt * car.get("charge_efficiency", 1.0)), (zc, dt * standby)], 0, 0)
    rows.add([*out, (d, -dt / give), (zd, -dt * standby)], 0, 0)
    return paths


def _driven(rows, cost, high, car, col, i, earlier):
    """Take a drive, less what was charged on the way, out of the segments."""
    prices, cap, give = (
        car["wear_depth_price_per_kwh"], car["capacity_kwh"], car.get("discharge_efficiency", 1.0)
    )  # fmt: skip
    count, left, start = len(prices), cap * car["soc_arrival"], car.get("wear_segment_kwh")
    change, paths = [(col("way", i), -1)], []
    for j, price in enumerate(prices):
        begin = start[j] if start else min(left, cap / count)
        left -= begin
        x, y = col("drive_stored", i, (0, j)), col("drive_taken", i, (0, j))
        high[[x, y]] = 1e3
        cost[y] += price * give
        change += [(x, 1), (y, -1)]
        paths.append([*(earlier[j] if earlier else []), (x, 1), (y, -1)])
        rows.add(paths[-1], -begin, cap / count - begin)
    rows.add(change, -car["driven_kwh"], -car["driven_kwh"])
    return paths


def _parts(rows, bounds, col, at, way, car, binaries):
    """One power per part, each begun only where the one before is full; battery power as terms."""
    (high, whole), (i, t), (name, limit) = bounds, at, way
    word = {"c": "charge", "d": "discharge"}[name]
    widths, efficiencies = list(car[f"{word}_part_kw"]), car[f"{word}_part_efficiency"]
    widths[-1] = limit
    left, terms = limit, []
    for j, (width, efficiency) in enumerate(zip(widths, efficiencies, strict=True)):
        part, full = (col(f"{name}_{kind}", t, (i, j)) for kind in ("part", "full"))
        width = min(width, left)
        left -= width
        high[part], high[full], whole[full] = width, 1, binaries
        if binaries:
            # A part is full before the next begins.
            rows.add([(part, 1), (full, -width)], 0, np.inf)
            if j:
                rows.add([(part, 1), (col(f"{name}_full", t, (i, j - 1)), -width)], -np.inf, 0)
        terms.append((part, efficiency if name == "c" else 1 / efficiency))
    rows.add([(col(name, i, t), -1), *((k, 1) for k, _ in terms)], 0, 0)
    return terms


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


def _stays(car):
    """One entry per stay of a vehicle, with the drive that led there."""
    ends = [(trip["depart_step"], trip.get("soc_target", 0.0)) for trip in car.get("trips", [])]
    ends.append((car["depart_step"], car["soc_target"]))
    begins = [{"return_step": car["arrive_step"]}, *car.get("trips", [])]
    stays = []
    for begin, (depart, target) in zip(begins, ends, strict=True):
        stay = car | {"arrive_step": begin["return_step"], "depart_step": depart}
        stay |= {k: begin[k] for k in ("max_charge_kw", "max_discharge_kw") if k in begin}
        stay |= {"soc_target": target, "driven_kwh": begin.get("driven_kwh"), "at": begin.get("at")}
        stays.append(stay | {"end_value_per_kwh": 0.0})
    stays[-1]["end_value_per_kwh"] = car.get("end_value_per_kwh", 0.0)
    return stays


def solve_by_milp(document, *, binaries):
    """Return the smallest cost of a problem in which every limit can be kept."""
    document = document | {"vehicles": [s for car in document["vehicles"] for s in _stays(car)]}
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
        ("way", n),
        ("aided", n),
        ("drive_stored", n * SEGMENTS),
        ("drive_taken", n * SEGMENTS),
        ("c_part", n * T * SEGMENTS),
        ("d_part", n * T * SEGMENTS),
        ("c_full", n * T * SEGMENTS),
        ("d_full", n * T * SEGMENTS),
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

    before = (0.0, [], None)
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
        start, terms = cap * car["soc_arrival"], []
        if car["driven_kwh"] is not None:
            # All that the stays before have changed, less the drives, plus what was charged on
            # the way: at least the minimum, and no more than that wherever it was charged.
            start, terms = before[0] - car["driven_kwh"], [*before[1], (col("way", i), 1)]
            least, most = cap * car.get("soc_min", 0.0), 2 * cap + car["driven_kwh"]
            rows.add(terms, least - start, np.inf)
            rows.add([(col("way", i), 1), (col("aided", i), -most)], -np.inf, 0)
            rows.add([*terms, (col("aided", i), most)], -np.inf, least - start + most)
            high[col("aided", i)], whole[col("aided", i)] = 1, 1
        earlier = None
        if car["driven_kwh"] is not None and car.get("wear_depth_price_per_kwh"):
            earlier = _driven(rows, cost, high, car, col, i, before[2])
        paths = earlier
        cost[col("way", i)] = document["shortfall_price_per_kwh"]
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
            stored, taken = [(c, gain)], [(d, 1 / give)]
            if car.get("charge_part_kw"):
                stored = _parts(rows, (high, whole), col, (i, t), ("c", pc), car, binaries)
            if car.get("discharge_part_kw"):
                taken = _parts(rows, (high, whole), col, (i, t), ("d", pd), car, binaries)
            terms += [(k, dt * v) for k, v in stored] + [(k, -dt * v) for k, v in taken]
            if standby:
                terms += [(zc, -dt * standby), (zd, -dt * standby)]
            if car.get("wear_depth_price_per_kwh"):
                how = dt, standby, earlier
                paths = _segments(rows, cost, high, car, col, (i, t, plugged), how)
            if car.get("holding"):
                constant += dt * _holding(rows, cost, low, car, col, (i, t), terms, (dt, start))
            soc_min, soc_max = car.get("soc_min", 0.0), car.get("soc_max", 1.0)
            rows.add(terms, cap * soc_min - start, cap * soc_max - start)
            bend, end = car.get("taper_soc", 1.0), car.get("taper_end", 1.0)
            if bend < soc_max and end < 1:
                full = sum(v * high[k] for k, v in stored)
                fall = full * (1 - end) / (cap * (soc_max - bend))
                line = (
                    [(k, fall * v) for k, v in terms]
                    + stored
                    + ([(zc, -standby)] if standby else [])
                )
                rows.add(line, -np.inf, full + fall * (cap * bend - start))
        if car["depart_step"] <= T:
            rows.add([*terms, (col("s", i), 1)], cap * car["soc_target"] - start, np.inf)
        cost[col("s", i)] = document["shortfall_price_per_kwh"]
        cost[col("w", i)] = -car.get("end_value_per_kwh", 0.0)
        high[col("w", i)] = cap * car.get("end_value_up_to_soc", 1.0)
        rows.add([*terms, (col("w", i), -1)], -start, np.inf)
        before = start, terms, paths
    below = {
        limit["name"]: _below(document, limit["name"])[0]
        | _inner(document, limit)
        | {limit["name"]}
        for limit in limits
    }
    where = [car["id"] if car["at"] is None else car["at"] for car in cars]
    for j, limit in enumerate(limits):
        _, base = _below(document, limit["name"])
        inside = [i for i, at in enumerate(where) if at in below[limit["name"]]]
        top, bottom = _series(limit.get("import_kw"), T), _series(limit.get("export_kw"), T)
        low[col("peak", j)] = limit.get("demand_peak_so_far_kw", 0.0)
        cost[col("peak", j)] = limit.get("demand_charge_per_kw", 0.0)
        most = 1e3 + abs(base).max()
        for t in range(T):
            net = [(col("c", i, t), 1) for i in inside] + [(col("d", i, t), -1) for i in inside]
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
