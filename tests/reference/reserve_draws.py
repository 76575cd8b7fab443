"""Fleets with blocks of reserve: by hand, and drawn small enough for the full linear problem."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gridtide.plan import Problem, Reserve
from reference import price_draws


def by_hand(
    arrival, *, target=-np.inf, charge=11.0, discharge=11.0, window=(4.0, 40.0), steps=6,
    import_kw=np.inf,
):  # fmt: skip
    """Vehicles below one limit, an hour a step; nothing lost but a tenth of what is given."""
    n = len(arrival)
    return Problem(
        ids=tuple(f"v{i}" for i in range(n)),
        step_h=np.ones(steps),
        arrive=np.zeros(n, dtype=np.int64),
        depart=np.full(n, steps),
        arrival_kwh=np.asarray(arrival, dtype=float),
        target_kwh=np.broadcast_to(target, n).astype(float),
        min_kwh=np.full(n, window[0]),
        max_kwh=np.full(n, window[1]),
        max_charge_kw=np.broadcast_to(charge, n).astype(float),
        max_discharge_kw=np.broadcast_to(discharge, n).astype(float),
        charge_efficiency=np.full(n, 1.0),
        discharge_efficiency=np.full(n, 0.9),
        wear_price_per_kwh=np.full(n, 0.05),
        limit=np.zeros(n, dtype=np.int64),
        limit_names=("site",),
        limit_parent=np.array([-1]),
        import_kw=np.full((1, steps), import_kw),
        export_kw=np.full((1, steps), np.inf),
        base_load_kw=np.zeros((1, steps)),
        demand_charge_per_kw=np.zeros(1),
        meters=np.zeros(0, dtype=np.int64),
        price_import_per_kwh=np.full((1, steps), 0.3),
        price_export_per_kwh=np.full((1, steps), 0.2),
        shortfall_price_per_kwh=10.0,
    )


def vehicles(r, n, step_h, parent):
    """Vehicles below a tree that often binds, its names ``limit0`` and so on."""
    steps, limits = len(step_h), len(parent)
    arrive, arrival = r.integers(-1, 4, n), r.uniform(6, 30, n)
    power, base = r.choice([4.0, 11.0], n), r.uniform(0, 4, (limits, steps))
    total = base.copy()
    for j in range(limits - 1, 0, -1):
        total[parent[j]] += total[j]
    price = r.uniform(0.05, 0.4, (1, steps))
    return Problem(
        ids=tuple(f"v{i}" for i in range(n)),
        step_h=step_h,
        arrive=arrive,
        depart=np.minimum(np.maximum(arrive, 0) + r.integers(1, steps, n), steps + 2),
        arrival_kwh=arrival,
        target_kwh=np.where(r.random(n) < 0.7, arrival + r.uniform(-3, 8, n), -np.inf),
        min_kwh=np.full(n, 5.0),
        max_kwh=np.full(n, 40.0),
        max_charge_kw=power,
        max_discharge_kw=np.where(r.random(n) < 0.6, power, 0.0),
        charge_efficiency=r.uniform(0.85, 1.0, n),
        discharge_efficiency=r.uniform(0.85, 1.0, n),
        wear_price_per_kwh=r.choice([0.0, 0.02, 0.05], n),
        limit=r.integers(-1, limits, n),
        limit_names=tuple(f"limit{j}" for j in range(limits)),
        limit_parent=np.asarray(parent),
        import_kw=total + r.uniform(4, 25, (limits, 1)),
        export_kw=r.uniform(0, 20, (limits, 1)) + np.zeros((limits, steps)),
        base_load_kw=base,
        demand_charge_per_kw=np.zeros(limits),
        meters=np.zeros(0, dtype=np.int64),
        price_import_per_kwh=price,
        price_export_per_kwh=price - r.uniform(0.0, 0.1),
        shortfall_price_per_kwh=10.0,
    )


ODD = {
    "limit": ("", "", "limit1"),
    "most_kw": (np.inf, 8.0),
    "least_kw": (0.0, 1.0),
    "step_kw": (0.0, 0.5),
    "activation_share": (0.0, 0.1),
    "committed_kw": (0.0, 0.0, 5.0),
    "confidence": (0.8, 1.0),
    "opposite_share": (0.0, 0.0, 0.2),
}
"""What blocks may have beside price and duration."""


def blocks(r, steps, hours, ways, odd):
    """Overlapping blocks, one of each of ``ways``, with what ``odd`` names of :data:`ODD`."""
    first = int(r.integers(0, steps - 3 - len(ways)))
    return tuple(
        Reserve(
            name=f"{way}{k}",
            direction=way,
            from_step=first + k,
            to_step=first + k + int(r.integers(1, 4)),
            price_per_kw_h=float(r.uniform(0.01, 0.4)),
            duration_h=hours * float(r.choice([0.5, 1.0, 1.7, 3.0])),
            **{name: ODD[name][int(r.integers(len(ODD[name])))] for name in odd},
        )
        for k, way in enumerate(ways)
    )


def for_recovery(seed):
    """Half-hour steps below a panel and a site: little enough to be followed by other means."""
    r = np.random.default_rng([seed, 41])
    n, steps = int(r.integers(2, 7)), int(r.integers(8, 13))
    problem = vehicles(r, n, np.full(steps, 0.5), (-1, 0))
    ways = ("up", "down", "up")
    reserves = blocks(r, steps, 0.5, ways, ("opposite_share",))
    return replace(problem, arrive=np.maximum(problem.arrive, 0), reserves=reserves)


def for_price(seed):
    """Draw what price can plan with the energy, blocks with all that linear rows know of them."""
    r = np.random.default_rng([seed, 77])
    n, steps = int(r.integers(2, 14)), int(r.integers(8, 15))
    hours = float(r.choice([0.25, 0.5, 1.0]))
    problem = vehicles(r, n, np.full(steps, hours), (-1, 0, 0))
    ways = r.choice(["up", "down"], int(r.integers(1, 4))).tolist()
    odd = [name for name in ODD if name not in ("least_kw", "step_kw")]
    told = {
        "reserves": blocks(r, steps, hours, ways, odd),
        "availability": r.choice([0.6, 0.9, 1.0], n),
        "demand_charge_per_kw": np.array([r.choice([0.0, 0.5]), 0.0, 0.0]),
        # Also so cheap that it may pay to leave short for the sake of reserve.
        "shortfall_price_per_kwh": float(r.choice([0.3, 10.0])),
    }
    if r.random() < 0.5:
        told |= {"meters": np.array([0]), "limit": np.maximum(problem.limit, 0)}
    if r.random() < 0.2:
        told |= {"taper_from_kwh": np.full(n, 30.0), "taper_end": np.full(n, 0.2)}
    if r.random() < 0.2:
        told["floor_kwh"] = r.choice([0.0, 20.0], (n, 1)) * np.ones((n, steps))
    if r.random() < 0.2:
        told["promise"] = "first"
    return replace(problem, **told)


def for_verify(seed, solver):
    """Draw all that a call has to be followed through, as far as the solver knows it."""
    r = np.random.default_rng([seed, 52])
    n, steps = int(r.integers(2, 9)), int(r.integers(9, 15))
    step_h = r.uniform(0.25, 1.0, steps) if r.random() < 0.5 else np.full(steps, 0.5)
    problem = vehicles(r, n, step_h, (-1, 0, 1))
    ways = ("up", "down", "up", "down")
    problem = replace(
        problem,
        arrival_kwh=problem.arrival_kwh + 12.0 * (r.random(n) < 0.3),
        limit=np.maximum(problem.limit, 0),
        meters=np.array([0]) if r.random() < 0.5 else problem.meters,
        demand_charge_per_kw=r.choice([0.0, 0.1], 3),
        availability=r.choice([0.6, 0.9, 1.0, 1.0], n),
        reserves=blocks(r, steps, 0.5, ways, ODD),
    )
    return replace(problem, **_extras(r, problem, solver))


def _extras(r, problem, solver):
    """Draw what only some problems have."""
    n, told = len(problem), {}
    if r.random() < 0.3:
        told |= {"taper_from_kwh": np.full(n, 30.0), "taper_end": np.full(n, 0.2)}
    if r.random() < 0.3:
        told["phase_share"] = np.eye(3)[r.integers(0, 3, n)]
        told["phase_kw"] = np.full((3, 3), r.uniform(6, 12))
    if r.random() < 0.3:
        told["floor_kwh"] = r.choice([0.0, 20.0], (n, 1)) * np.ones((n, problem.steps))
    if r.random() < 0.3:
        told["charge_part_kw"] = np.tile([2.0, 9.0], (n, 1))
        told["charge_part_efficiency"] = np.tile([0.95, 0.85], (n, 1))
    if r.random() < 0.3:
        told["standby_kw"] = np.full(n, 0.1)
    if r.random() < 0.2 and solver == "highs":
        told["min_charge_kw"] = np.full(n, 1.4)
    if r.random() < 0.2 and solver == "highs":
        told["wear_depth_price_per_kwh"] = np.tile([0.01, 0.03, 0.06], (n, 1))
        told["wear_capacity_kwh"] = np.full(n, 45.0)
    elif r.random() < 0.3:
        told |= _trip(r, problem)
    if r.random() < 0.3:
        told["carbon_kg_per_kwh"] = r.uniform(0, 0.5, problem.steps)
        told["carbon_price_per_kg"] = 0.1
    return told


def _trip(r, problem):
    """Let the second row be the next stay of the first one's vehicle."""
    arrive, depart, n = problem.arrive.copy(), problem.depart.copy(), len(problem)
    arrive[1] = min(max(depart[0], 0) + 1, problem.steps)
    depart[1] = max(arrive[1], problem.steps - 1)
    same = ("max_charge_kw", "max_discharge_kw", "charge_efficiency", "discharge_efficiency")
    told = {name: getattr(problem, name).copy() for name in (*same, "wear_price_per_kwh")}
    for values in told.values():
        values[1] = values[0]
    names = ("v0", "v0", *problem.ids[2:])
    told |= {"ids": names, "arrive": arrive, "depart": depart, "continues": np.arange(n) == 1}
    return told | {"driven_kwh": np.where(np.arange(n) == 1, r.uniform(0, 20), 0.0)}


def for_many(seed):
    """Forty vehicles below a tree of feeders, with what the price solver's own draws have."""
    r = np.random.default_rng([seed, 11])
    features = [name for name in ("taper", "uneven steps", "end value") if r.random() < 0.3]
    kinds = [kind for kind in ("export", "demand", "plug") if r.random() < 0.5]
    problem = price_draws.draw_tree(seed, count=40, features=(*features, "modest"), kinds=kinds)
    odd = ("opposite_share", "activation_share")
    reserves = blocks(r, problem.steps, 0.5, ("up", "down", "up"), odd)
    return replace(problem, reserves=reserves, availability=r.choice([0.9, 1.0], len(problem)))
