"""Random fleets as arrays for the price-based solver: many vehicles, switches for what is odd."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gridtide.plan import Problem

FEATURES = (
    "taper",
    "holding",
    "holding by step",
    "end value",
    "bands",
    "recovery",
    "carbon",
    "uneven steps",
    "tight",
    "trips",
    "floor",
    "standby",
    "modest",
    "parts",
    "floors",
    "changes",
)


def draw_vehicles(seed, *features, count=100, steps=14, priced=(0.05, 0.4)):
    """Vehicles billed at their plugs, without any limit."""
    r = np.random.default_rng([seed, *(FEATURES.index(f) for f in features)])
    size = r.uniform(10, 90, count)
    low, high = size * r.uniform(0, 0.2, count), size * r.uniform(0.6, 1.0, count)
    if "tight" in features:
        high = low + size * r.uniform(0, 0.05, count) * (r.random(count) < 0.7)
    held = r.uniform(low, high)
    if "recovery" in features:
        held = r.uniform(0, size)
    arrive = r.integers(-2, steps, count)
    charge = r.choice([3.7, 7.4, 11.0, 22.0], count)
    price = r.uniform(*priced, steps)
    spread = r.choice([0.0, 1.0]) * r.uniform(0, 0.1, steps)
    problem = Problem(
        ids=tuple(f"ev{i}" for i in range(count)),
        step_h=r.uniform(0.1, 1.0, steps) if "uneven steps" in features else np.full(steps, 0.5),
        arrive=arrive,
        depart=arrive + r.integers(-1, steps + 3, count),
        arrival_kwh=held,
        target_kwh=np.where(r.random(count) < 0.1, -np.inf, r.uniform(held * 0.8, size)),
        min_kwh=low,
        max_kwh=high,
        max_charge_kw=charge * (r.random(count) < 0.97),
        max_discharge_kw=charge * r.choice([0.0, 0.5, 1.0], count),
        charge_efficiency=r.uniform(0.8, 1.0, count),
        discharge_efficiency=r.uniform(0.8, 1.0, count),
        wear_price_per_kwh=r.choice([0.0, 0.0, 0.04], count),
        limit=np.full(count, -1),
        limit_names=(),
        limit_parent=np.zeros(0, dtype=int),
        import_kw=np.zeros((0, steps)),
        export_kw=np.zeros((0, steps)),
        base_load_kw=np.zeros((0, steps)),
        demand_charge_per_kw=np.zeros(0),
        meters=np.zeros(0, dtype=int),
        price_import_per_kwh=price[None],
        price_export_per_kwh=(price - spread)[None],
        shortfall_price_per_kwh=float(r.choice([0.2, 3.0])),
    )
    if "modest" in features:
        problem = replace(problem, target_kwh=_modest(r, problem))
    return replace(problem, **_more(r, problem, features))


def _modest(r, problem):
    """Targets well within what each stay can take."""
    steps = np.minimum(problem.depart, problem.steps) - np.maximum(problem.arrive, 0)
    hours = np.maximum(steps, 0) * problem.step_h.min()
    reach = problem.arrival_kwh + 0.8 * problem.max_charge_kw * hours
    most = np.minimum(np.maximum(problem.max_kwh, problem.arrival_kwh), reach)
    return problem.arrival_kwh + r.uniform(0, 0.4, len(problem)) * (most - problem.arrival_kwh)


def _more(r, problem, features):
    """Fields of what is switched on."""
    count, steps, told = len(problem), problem.steps, {}
    size = problem.max_kwh
    if "taper" in features:
        told["taper_from_kwh"] = problem.min_kwh + (size - problem.min_kwh) * r.uniform(0.2, 1.0)
        told["taper_end"] = r.uniform(0.0, 1.0, count)
    if "holding" in features or "holding by step" in features:
        bands = int(r.integers(1, 5))
        by_step = "holding by step" in features
        price = np.sort(r.uniform(-0.02, 0.03, (count, bands, steps)), axis=1)
        told["holding_edges_kwh"] = size[:, None] * np.sort(r.random((count, bands + 1)), axis=1)
        told["holding_price_per_kwh_h"] = price.swapaxes(1, 2) if by_step else price[..., 0]
        told["holding_base_per_h"] = r.uniform(0, 0.1, (count, steps) if by_step else count)
    if "end value" in features:
        told["end_value_per_kwh"] = r.uniform(0, 0.4, count)
        told["end_value_up_to_kwh"] = size * r.uniform(0.2, 1.2, count)
    if "bands" in features:
        told["shortfall_band_price_per_kwh"] = np.sort(r.uniform(0.1, 2.0, int(r.integers(1, 5))))
    if "carbon" in features:
        told["carbon_kg_per_kwh"] = r.uniform(0, 0.6, steps)
        told["carbon_price_per_kg"] = 0.1
    if "floor" in features:
        told["horizon_floor_kwh"] = np.where(r.random(count) < 0.7, size * r.random(count), -np.inf)
    if "standby" in features:
        told["standby_kw"] = r.uniform(0, 0.3, count)
    if "floors" in features:
        share = r.uniform(-0.3, 1.0, (count, steps)) * (r.random((count, 1)) < 0.7)
        told["floor_kwh"] = size[:, None] * np.maximum(share, 0.0)
    if "changes" in features:
        told["planned_kw"] = r.uniform(-25, 25, (count, steps))
        told["planned_kw"][r.random((count, steps)) < 0.4] = np.nan
        told["change_price_per_kwh"] = float(r.uniform(0, 0.05))
    if "parts" in features:
        told |= _parts(r, problem)
    if "trips" in features:
        told |= _trips(r, problem)
    return told


def _parts(r, problem):
    """Losses that grow with power: one to four parts each way, some alike, some of no width."""
    told = {}
    for way, most in (("charge", problem.max_charge_kw), ("discharge", problem.max_discharge_kw)):
        shape = (len(problem), int(r.integers(1, 5)))
        worse = r.uniform(0, 0.1, shape) * (r.random(shape) < 0.8)
        told[f"{way}_part_efficiency"] = 0.98 - np.cumsum(worse, axis=1)
        width = r.uniform(0, 1.5, shape) * (r.random(shape) < 0.9)
        told[f"{way}_part_kw"] = width * np.maximum(most, 1.0)[:, None] / shape[1]
    return told


def _trips(r, problem):
    """Make some rows the next stay of the vehicle of the row before."""
    count, steps = len(problem), problem.steps
    continues = r.random(count) < 0.6
    continues[0] = False
    arrive, depart = problem.arrive.copy(), problem.depart.copy()
    same = {name: getattr(problem, name).copy() for name in _OF_VEHICLE}
    for i in range(count):
        if continues[i]:
            arrive[i] = max(depart[i - 1], 0) + int(r.integers(0, 4))
            for values in same.values():
                values[i] = values[i - 1]
        else:
            arrive[i] = int(r.integers(-1, steps // 2))
        depart[i] = arrive[i] + int(r.integers(0, 7))
    names = np.array(problem.ids, dtype=object)
    for i in np.flatnonzero(continues):
        names[i] = names[i - 1]
    width = np.maximum(same["max_kwh"] - same["min_kwh"], 0.0)
    return same | {
        "ids": tuple(names),
        "arrive": arrive,
        "depart": depart,
        "continues": continues,
        "driven_kwh": np.where(continues, width * r.uniform(0, 1.2, count), 0.0),
    }


_OF_VEHICLE = (
    "min_kwh",
    "max_kwh",
    "arrival_kwh",
    "charge_efficiency",
    "discharge_efficiency",
    "wear_price_per_kwh",
)


def draw_tree(seed, *, count=40, steps=20, features=(), kinds=()):
    """Vehicles below chargers' groups, below feeders, below a region; ``kinds`` of limits.

    ``several meters``, ``plug``, ``phases``, ``export``, ``overload``, ``demand``, ``squares``.
    """
    r = np.random.default_rng([seed, count, steps, *map(len, kinds)])
    problem = draw_vehicles(seed, *features, count=count, steps=steps)
    names, parent = ["region"], [-1]
    for f in range(int(r.integers(1, 4))):
        feeder = len(names)
        names.append(f"feeder{f}")
        parent.append(0)
        for g in range(int(r.integers(0, 4))):
            names.append(f"group{f}.{g}")
            parent.append(feeder)
    m = len(names)
    parent = np.array(parent)
    leaf = r.integers(1, m, count)
    charge = np.zeros(m)
    np.add.at(charge, leaf, problem.max_charge_kw)
    for j in range(m - 1, 0, -1):
        charge[parent[j]] += charge[j]
    base = r.uniform(-0.1, 0.3, (m, steps)) * charge[:, None]
    total = base.copy()
    for j in range(m - 1, 0, -1):
        total[parent[j]] += total[j]
    room = charge[:, None] * r.uniform(0.15, 0.8, (m, 1)) * r.uniform(0.7, 1.0, (m, steps))
    told = {
        "limit": leaf,
        "limit_names": tuple(names),
        "limit_parent": parent,
        "base_load_kw": base,
        "import_kw": np.maximum(total, 0) + room,
        "export_kw": np.full((m, steps), np.inf),
        "demand_charge_per_kw": np.zeros(m),
    }
    fields = told | _limits(r, problem, kinds, told, (total, room, charge, leaf))
    return replace(problem, **fields)


def _limits(r, problem, kinds, tree, made):
    total, room, charge, leaf = made
    m, steps = total.shape
    told = {}
    if "export" in kinds:
        told["export_kw"] = np.maximum(-total, 0) + room * r.uniform(0, 0.3, (m, 1))
    if "overload" in kinds:
        low = (r.random((m, steps)) < 0.1) & (total > 0)
        told["import_kw"] = np.where(low, 0.8 * total, tree["import_kw"])
    if "plug" not in kinds:
        several = "several meters" in kinds
        told["meters"] = np.flatnonzero(tree["limit_parent"] == 0) if several else np.array([0])
        k = len(told["meters"])
        price = problem.price_import_per_kwh * r.uniform(0.8, 1.2, (k, 1))
        told["price_import_per_kwh"] = price
        told["price_export_per_kwh"] = price - r.uniform(0, 0.06)
    if "demand" in kinds:
        told["demand_period"] = np.arange(steps) * 3 // steps
        told["demand_charge_per_kw"] = r.uniform(0, 0.4, (m, 3)) * (r.random((m, 1)) < 0.5)
        told["demand_peak_so_far_kw"] = charge[:, None] * r.uniform(0, 0.5, (m, 3))
    if "phases" in kinds:
        lines = np.eye(3)[r.integers(0, 3, len(problem))]
        three = r.random(len(problem)) < 0.4
        told["phase_share"] = np.where(three[:, None], 1 / 3, lines)
        least = np.abs(total).max(axis=1, keepdims=True) / 3
        told["phase_kw"] = np.repeat(least + 0.15 * charge[:, None] + 2, 3, axis=1)
        told["phase_kw"][r.random(m) < 0.3] = np.inf
    if "squares" in kinds:
        told["load_square_price_per_kw2h"] = r.uniform(0, 2e-3, m) * (r.random(m) < 0.6)
        told["load_reference_kw"] = total.mean(axis=1, keepdims=True) * np.ones(steps)
    return told


def add_stored(problem, seed, energy_kwh):
    """Bound what vehicles hold together below some limits, near what they hold in a plan of it.

    ``energy_kwh`` is that of the plan at the nodes, shape (n, T + 1). Some bounds cannot be met.
    """
    r = np.random.default_rng([seed, 5])
    held = held_together(problem, energy_kwh)
    picked = (r.random(held.shape) < 0.3) & (r.random((len(held), 1)) < 0.5)
    least = np.where(picked, held * r.uniform(0.9, 1.15, held.shape), -np.inf)
    picked = (r.random(held.shape) < 0.15) & (r.random((len(held), 1)) < 0.5)
    above = np.maximum(held * r.uniform(0.9, 1.05, held.shape), least)
    return replace(
        problem,
        stored_least_kwh=least,
        stored_most_kwh=np.where(picked, above, np.inf),
        stored_price_per_kwh_h=float(r.choice([0.05, 0.3, 1.0])),
    )


def held_together(problem, energy_kwh):
    """Energy below each limit at the end of each step, stay by stay and limit by limit."""
    held = np.zeros((len(problem.limit_names), problem.steps))
    for i in range(len(problem)):
        j = problem.limit[i]
        while j >= 0:
            for t in range(max(problem.arrive[i], 0), min(problem.depart[i], problem.steps)):
                held[j, t] += energy_kwh[i, t + 1]
            j = problem.limit_parent[j]
    return held
