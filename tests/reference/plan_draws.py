"""Random planning problems for comparison, small and well-formed."""

from __future__ import annotations

import numpy as np


def draw_worn_trips(seed, *, kind):
    """The same with trips in between."""
    return draw_worn(seed, kind=kind, draw=draw_trips)


def draw_worn(seed, *, kind, draw=None):
    """A problem of some kind with wear by depth, by holding, or both."""
    r, document = np.random.default_rng([seed, 77]), (draw or draw_problem)(seed, kind=kind)
    count, which = int(r.integers(1, 6)), int(r.integers(0, 3))
    document["wear_model"] = "drawn"
    for vehicle in document["vehicles"]:
        vehicle["wear_price_per_kwh"] = float(r.choice([0.0, 0.02]))
        cap, held = vehicle["capacity_kwh"], vehicle["capacity_kwh"] * vehicle["soc_arrival"]
        if which != 1:
            vehicle["wear_depth_price_per_kwh"] = np.cumsum(r.uniform(0, 0.12, count)).tolist()
            if r.random() < 0.5:
                depth = r.uniform(0, 1) * (cap - held)
                edges = np.linspace(0, cap, count + 1)
                inside = np.clip(edges, depth, depth + held)
                vehicle["wear_segment_kwh"] = np.diff(inside).tolist()
        if which != 0:
            bands = int(r.integers(1, 5))
            steps = document["steps"]
            slopes = np.sort(r.uniform(-0.01, 0.02, (bands, steps)), axis=0)
            vehicle["holding"] = {
                "edges_kwh": (cap * np.linspace(0, 1, bands + 1)).tolist(),
                "price_per_kwh_h": slopes.tolist() if r.random() < 0.5 else slopes[:, 0].tolist(),
                "base_per_h": 0.01,
            }
    return document


def draw_ranged(seed, *, kind):
    """A problem of some kind whose chargers have smallest powers."""
    document = draw_problem(seed, kind=kind)
    for vehicle in document["vehicles"]:
        least = 1.38 if vehicle["max_charge_kw"] < 5 else 4.14
        vehicle["min_charge_kw"] = least
        if vehicle["max_discharge_kw"] > 0:
            vehicle["min_discharge_kw"] = least
    return document


def draw_problem(seed, *, kind):
    """Draw a problem; ``kind`` chooses what is peculiar about it."""
    r = np.random.default_rng([seed, sum(map(ord, kind))])
    n, steps = int(r.integers(1, 6)), int(r.integers(3, 13))
    price = r.uniform(0.05, 0.4, steps)
    spread = r.uniform(0, 0.1) if r.random() < 0.7 else 0.0
    if kind == "negative":
        price = r.uniform(-0.6, 0.3, steps)
    out = price - spread
    if kind == "crossed":
        out = price + r.uniform(-0.1, 0.3, steps)
    vehicles = [_vehicle(r, i, steps, kind) for i in range(n)]
    ids = [v["id"] for v in vehicles]
    document = {
        "version": 1,
        "start": "2021-08-02T00:00:00Z",
        "step_minutes": 30,
        "steps": steps,
        "price_import_per_kwh": price.tolist(),
        "price_export_per_kwh": out.tolist(),
        "shortfall_price_per_kwh": float(r.choice([0.3, 5.0])),
        "vehicles": vehicles,
        "limits": [],
    }
    if kind != "plug" and not (kind == "crossed" and r.random() < 0.4):
        document["billing"] = "site"
        document["limits"] = _limits(r, ids, steps, kind)
    if r.random() < 0.3:
        document["carbon_kg_per_kwh"] = r.uniform(0.1, 0.6, steps).tolist()
        document["carbon_price_per_kg"] = 0.1
    return document


def _vehicle(r, i, steps, kind):
    arrive = int(r.integers(0, steps))
    low = float(r.uniform(0, 0.2))
    high = float(r.uniform(0.6, 1.0))
    soc = float(r.uniform(low, high))
    power = float(r.choice([3.7, 7.4, 11.0]))
    vehicle = {
        "id": f"ev{i}",
        "capacity_kwh": float(r.uniform(10, 60)),
        "soc_arrival": soc,
        "soc_target": float(r.uniform(soc, 1.0)),
        "soc_min": low,
        "soc_max": high,
        "arrive_step": arrive,
        "depart_step": int(r.integers(arrive, steps + 4)),
        "max_charge_kw": power,
        "max_discharge_kw": power * float(r.integers(0, 2)),
        "charge_efficiency": float(r.uniform(0.8, 1.0)),
        "discharge_efficiency": float(r.uniform(0.8, 1.0)),
        "wear_price_per_kwh": float(r.choice([0.0, 0.03])),
    }
    if kind == "taper":
        vehicle |= {"taper_soc": high * 0.7, "taper_end": float(r.uniform(0.1, 0.6))}
    if kind == "standby":
        vehicle["standby_kw"] = float(r.uniform(0.05, 0.4))
    if kind in ("value", "negative"):
        vehicle |= {"end_value_per_kwh": 0.2, "end_value_up_to_soc": float(r.uniform(0.3, 0.9))}
    if kind == "phases":
        vehicle["phases"] = [[1.0, 0, 0], [0, 1.0, 0], [1 / 3] * 3][int(r.integers(0, 3))]
    return vehicle


def _limits(r, ids, steps, kind):
    base = r.uniform(-8 if kind in ("sun", "crossed") else 0, 8, steps)
    site = {
        "name": "site",
        "base_load_kw": base.tolist(),
        "import_kw": (np.maximum(base, 0) + r.uniform(2, 20)).tolist(),
        "export_kw": (np.maximum(-base, 0) + r.uniform(0, 10)).tolist(),
        "demand_charge_per_kw": float(r.choice([0.0, 0.5])),
        "demand_peak_so_far_kw": float(r.choice([0.0, 6.0])),
        "members": ids,
    }
    if kind == "phases":
        site["phase_kw"] = [float(np.abs(base).max() / 3 + r.uniform(1, 6))] * 3
    if kind != "tree" or len(ids) < 3:
        return [site]
    half = len(ids) // 2
    panel = {"name": "panel", "import_kw": float(r.uniform(3, 12)), "members": ids[:half]}
    feeder = {
        "name": "feeder",
        "export_kw": float(r.uniform(1, 8)),
        "base_load_kw": 1.0,
        "import_kw": 30.0,
        "demand_charge_per_kw": 0.2,
        "members": ["panel", *ids[half:-1]],
    }
    site["import_kw"] = (np.asarray(site["import_kw"]) + 1).tolist()
    return [panel, site | {"members": ["feeder", ids[-1]]}, feeder]


def draw_trips(seed, *, kind):
    """A problem of some kind whose vehicles drive in between, where limits can be kept."""
    r, document = np.random.default_rng([seed, 99]), draw_problem(seed, kind=kind)
    names = [limit["name"] for limit in document["limits"]]
    for vehicle in document["vehicles"]:
        # Even stays of no length and returns at once are allowed.
        count = int(r.integers(0, 4))
        steps = np.sort(r.integers(vehicle["arrive_step"], document["steps"], 2 * count)).tolist()
        vehicle["depart_step"] = max(vehicle["depart_step"], *steps, 0)
        vehicle["trips"] = [
            _trip(r, vehicle, names, depart, back)
            for depart, back in zip(steps[::2], steps[1::2], strict=True)
        ]
    return document


def _trip(r, vehicle, names, depart, back):
    cap, low, high = (vehicle[key] for key in ("capacity_kwh", "soc_min", "soc_max"))
    trip = {"depart_step": depart, "return_step": back}
    trip["driven_kwh"] = min(cap, float(cap * r.uniform(0, high - low) * r.choice([0.3, 1.1])))
    if r.random() < 0.5:
        trip["soc_target"] = float(r.uniform(low, 1.0))
    if r.random() < 0.5:
        power = float(r.choice([3.7, 11.0, 22.0]))
        trip |= {"max_charge_kw": power, "max_discharge_kw": power * float(r.integers(0, 2))}
    if names and r.random() < 0.5:
        trip["at"] = str(r.choice(names))
    return trip


def draw_parts(seed, *, kind):
    """A problem of some kind, with trips, whose chargers lose more the more power flows."""
    r, document = np.random.default_rng([seed, 55]), draw_trips(seed, kind=kind)
    for vehicle in document["vehicles"]:
        for way in ("charge", "discharge"):
            if r.random() < 0.7:
                count = int(r.integers(1, 5))
                efficiency = np.sort(r.uniform(0.7, 1.0, count))[::-1]
                vehicle[f"{way}_part_kw"] = r.uniform(0, 6, count).tolist()
                vehicle[f"{way}_part_efficiency"] = efficiency.tolist()
    return document
