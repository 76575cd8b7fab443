"""What a problem's fields must fulfil together."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from gridtide.core import Finding
from gridtide.plan._reserve_checks import check_reserves
from gridtide.plan._stays import check_trips, stays_of
from gridtide.plan.objectives import BILLING, EMISSION, LINE, SITE, check_weights, missing_for

if TYPE_CHECKING:
    from gridtide.plan.records import LimitRecord, ProblemRecord, VehicleRecord


STORED = ("stored_least_kwh", "stored_most_kwh")


def check_document(record: ProblemRecord, source: str) -> list[Finding]:
    """Return the findings that no single field shows."""
    findings = [
        *_series(record),
        *_limit_values(record),
        *_vehicles(record),
        *_smallest_powers(record),
        *_depth(record),
        *_holding(record),
        *_names(record),
        *_members(record),
        *check_reserves(record),
        *check_trips(record),
        *_parts(record),
    ]
    if not findings:
        findings += [*_cycles(record), *_billing(record), *_objective(record)]
    return [Finding(f"{source} {f.where}", f.what, f.mend) for f in findings]


def _series(record: ProblemRecord) -> Iterator[Finding]:
    for name in ("price_import_per_kwh", "price_export_per_kwh", "carbon_kg_per_kwh"):
        yield from check_length(getattr(record, name), name, record.steps)
    for j, limit in enumerate(record.limits):
        for name in ("import_kw", "export_kw", "base_load_kw", *STORED):
            yield from check_length(getattr(limit, name), f"limits[{j}].{name}", record.steps)


def check_length(value: float | list[float] | None, where: str, steps: int) -> Iterator[Finding]:
    """Find a series that is neither one number nor as many as there are steps."""
    if isinstance(value, list) and len(value) not in (1, steps):
        yield Finding(
            where,
            f"{len(value)} values for {steps} steps",
            f"Write one number, or {steps} numbers",
        )


def _limit_values(record: ProblemRecord) -> Iterator[Finding]:
    for j, limit in enumerate(record.limits):
        for name in ("import_kw", "export_kw", *STORED):
            value = getattr(limit, name)
            values = value if isinstance(value, list) else [value]
            if any(v is not None and v < 0 for v in values):
                flows = "Write how much at most flows that way, 0 or more"
                mend = "Write an energy, 0 or more" if name in STORED else flows
                yield Finding(f"limits[{j}].{name}", "a limit is negative", mend)
        low, high = limit.stored_least_kwh, limit.stored_most_kwh
        if low is not None and high is not None and _falls(low, high):
            mend = "Exchange or correct them"
            yield Finding(f"limits[{j}].stored_least_kwh", "is above stored_most_kwh", mend)
        if limit.phase_kw is not None and (len(limit.phase_kw) != 3 or min(limit.phase_kw) < 0):
            mend = "Write three numbers, 0 or more, for L1, L2, L3"
            yield Finding(f"limits[{j}].phase_kw", f"{limit.phase_kw} is not allowed", mend)


def _vehicles(record: ProblemRecord) -> Iterator[Finding]:
    for i, v in enumerate(record.vehicles):
        where = f"vehicles[{i}]"
        if v.soc_min > v.soc_max:
            what = f"soc_min {v.soc_min:g} is above soc_max {v.soc_max:g}"
            yield Finding(f"{where}.soc_min", what, "Exchange or correct them")
        wrong = list(check_length(v.soc_floor, f"{where}.soc_floor", record.steps))
        yield from wrong
        highest = max(v.soc_floor) if isinstance(v.soc_floor, list) else v.soc_floor
        if not wrong and highest > v.soc_max:
            what = f"a floor of {highest:g} is above soc_max {v.soc_max:g}"
            yield Finding(f"{where}.soc_floor", what, "Lower it or raise soc_max")
        if v.planned_kw is not None and len(v.planned_kw) != record.steps:
            what = f"{len(v.planned_kw)} powers for {record.steps} steps"
            yield Finding(f"{where}.planned_kw", what, "Write one for each step, or null")
        if v.phases is not None and (len(v.phases) != 3 or abs(sum(v.phases) - 1) > 1e-6):
            mend = "Write three shares that sum to 1, for example [1, 0, 0]"
            yield Finding(f"{where}.phases", f"{v.phases} is not allowed", mend)
        if v.standby_kw > 0 and v.standby_kw >= v.charge_efficiency * v.max_charge_kw > 0:
            what = f"standby_kw {v.standby_kw:g} leaves nothing to charge at full power"
            mend = f"Write less than {v.charge_efficiency * v.max_charge_kw:g}"
            yield Finding(f"{where}.standby_kw", what, mend)


def _smallest_powers(record: ProblemRecord) -> Iterator[Finding]:
    for i, v in enumerate(record.vehicles):
        for way in ("charge", "discharge"):
            least, most = getattr(v, f"min_{way}_kw"), getattr(v, f"max_{way}_kw")
            if least > most > 0:
                what = f"min_{way}_kw {least:g} is above max_{way}_kw {most:g}: it could never run"
                yield Finding(f"vehicles[{i}].min_{way}_kw", what, "Exchange or correct them")
        yield from _one_phase(v, f"vehicles[{i}].one_phase_kw")


def _one_phase(vehicle: VehicleRecord, where: str) -> Iterator[Finding]:
    if vehicle.one_phase_kw is None:
        return
    bounds, least = vehicle.one_phase_kw, vehicle.min_charge_kw
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1]:
        mend = "Write the smallest and the largest power, for example [1.38, 7.36]"
        yield Finding(where, f"{bounds} is not allowed", mend)
    elif bounds[0] >= least:
        what = f"begins at {bounds[0]:g}, not below min_charge_kw {least:g}: it is never used"
        yield Finding(where, what, "Correct them, or leave it out")


def _depth(record: ProblemRecord) -> Iterator[Finding]:
    counts = Counter(
        len(v.wear_depth_price_per_kwh)
        for v in record.vehicles
        if v.wear_depth_price_per_kwh is not None
    )
    usual = counts.most_common(1)[0][0] if counts else 0
    for i, v in enumerate(record.vehicles):
        where, prices = f"vehicles[{i}].wear_depth_price_per_kwh", v.wear_depth_price_per_kwh
        if prices is None:
            if v.wear_segment_kwh is not None:
                what = "energy by segment without a price by segment"
                mend = "Add wear_depth_price_per_kwh, or leave it out"
                yield Finding(f"vehicles[{i}].wear_segment_kwh", what, mend)
            continue
        if len(prices) != usual or not prices:
            what = f"{len(prices)} segments, {usual} elsewhere" if prices else "no segment"
            yield Finding(where, what, "Write as many prices for every vehicle, at least one")
        elif min(prices) < 0:
            yield Finding(where, "a price is negative", "Write 0 or more")
        elif any(deep < shallow for shallow, deep in pairwise(prices)):
            mend = "Write prices that do not fall with depth: a deeper cycle wears more"
            yield Finding(where, "a price falls with depth", mend)
        yield from _segments(v, i, len(prices))


def _segments(vehicle: VehicleRecord, i: int, count: int) -> Iterator[Finding]:
    where, energies = f"vehicles[{i}].wear_segment_kwh", vehicle.wear_segment_kwh
    if energies is None or count == 0:
        return
    size, held = vehicle.capacity_kwh / count, vehicle.soc_arrival * vehicle.capacity_kwh
    if len(energies) != count:
        what = f"{len(energies)} energies for {count} segments"
        yield Finding(where, what, "Write one per price")
    elif min(energies) < 0 or max(energies) > size * (1 + 1e-6):
        what = "a segment holds less than nothing or more than its part of the capacity"
        yield Finding(where, what, f"Write 0 to {size:g}")
    elif abs(sum(energies) - held) > 1e-6 * vehicle.capacity_kwh:
        what = f"together {sum(energies):g} kWh, but the battery holds {held:g}"
        yield Finding(where, what, "Correct them or soc_arrival")


def _parts(record: ProblemRecord) -> Iterator[Finding]:
    """Find losses in parts that are incomplete, or better at higher power."""
    for i, v in enumerate(record.vehicles):
        for way in ("charge", "discharge"):
            where = f"vehicles[{i}].{way}_part_efficiency"
            widths = getattr(v, f"{way}_part_kw")
            efficiencies = getattr(v, f"{way}_part_efficiency")
            if widths is None and efficiencies is None:
                continue
            counts = len(widths or []), len(efficiencies or [])
            if counts[0] != counts[1] or not widths:
                what = f"{counts[1]} efficiencies for {counts[0]} parts"
                yield Finding(where, what, f"Write one for each of {way}_part_kw, at least one")
            elif any(later > before for before, later in pairwise(efficiencies)):
                mend = "Write efficiencies that do not rise, or one mean efficiency"
                yield Finding(where, "an efficiency rises with power", mend)


def _holding(record: ProblemRecord) -> Iterator[Finding]:
    for i, v in enumerate(record.vehicles):
        if v.holding is None:
            continue
        where, edges, prices = (
            f"vehicles[{i}].holding",
            v.holding.edges_kwh,
            v.holding.price_per_kwh_h,
        )
        if len(edges) < 2 or any(high <= low for low, high in pairwise(edges)):
            yield Finding(f"{where}.edges_kwh", "edges do not rise", "Write two or more that rise")
        if len(prices) != len(edges) - 1:
            what = f"{len(prices)} prices for {len(edges)} edges"
            yield Finding(f"{where}.price_per_kwh_h", what, "Write one per band between two edges")
        wrong = list(check_length(v.holding.base_per_h, f"{where}.base_per_h", record.steps))
        for m, price in enumerate(prices):
            wrong += check_length(price, f"{where}.price_per_kwh_h[{m}]", record.steps)
        yield from wrong
        if not wrong and any(_falls(low, high) for low, high in pairwise(prices)):
            mend = "Write prices that do not fall from band to band, or their convex envelope"
            yield Finding(f"{where}.price_per_kwh_h", "a price falls with energy", mend)


def _falls(low: float | list[float], high: float | list[float]) -> bool:
    a, b = (value if isinstance(value, list) else [value] for value in (low, high))
    count = max(len(a), len(b))
    a, b = (values * count if len(values) == 1 else values for values in (a, b))
    return any(y < x for x, y in zip(a, b, strict=True))


def _names(record: ProblemRecord) -> Iterator[Finding]:
    seen: set[str] = set()
    named = [(f"vehicles[{i}].id", v.id) for i, v in enumerate(record.vehicles)]
    named += [(f"limits[{j}].name", limit.name) for j, limit in enumerate(record.limits)]
    for where, name in named:
        if name in seen:
            yield Finding(where, f"{name} is named twice", "Give every vehicle and limit its name")
        seen.add(name)


def _members(record: ProblemRecord) -> Iterator[Finding]:
    names = [v.id for v in record.vehicles] + [limit.name for limit in record.limits]
    known, count = set(names), Counter(m for limit in record.limits for m in limit.members)
    told: set[str] = set()
    for j, limit in enumerate(record.limits):
        for i, member in enumerate(limit.members):
            where = f"limits[{j}].members[{i}]"
            if member not in known:
                close = difflib.get_close_matches(member, names, 1)
                mend = f"Did you mean {close[0]}?" if close else "Name a vehicle or a limit"
                yield Finding(where, f"{member} is neither a vehicle nor a limit", mend)
            elif count[member] > 1 and member in told:
                mend = "Keep it in one place"
                yield Finding(where, f"{member} is a member more than once", mend)
            told.add(member)
    if record.billing is not None and record.billing not in {x.name for x in record.limits}:
        close = difflib.get_close_matches(record.billing, [x.name for x in record.limits], 1)
        mend = f"Did you mean {close[0]}?" if close else "Name a limit, or leave billing out"
        yield Finding("billing", f"{record.billing} is no limit", mend)


def _above(limits: list[LimitRecord]) -> dict[str, str]:
    return {member: limit.name for limit in limits for member in limit.members}


def _cycles(record: ProblemRecord) -> Iterator[Finding]:
    above = _above(record.limits)
    for j, limit in enumerate(record.limits):
        at, passed = limit.name, {limit.name}
        while at in above:
            at = above[at]
            if at == limit.name:
                what = f"{limit.name} is below itself"
                yield Finding(f"limits[{j}].members", what, "Make the limits a tree")
            if at in passed:
                break
            passed.add(at)


def _billing(record: ProblemRecord) -> Iterator[Finding]:
    if record.billing is None:
        return
    above = _above(record.limits)
    for i, vehicle in enumerate(record.vehicles):
        for k, stay in enumerate(stays_of(vehicle)):
            at, passed = vehicle.id if stay.at is None else stay.at, set()
            while at in above and at not in passed and at != record.billing:
                passed.add(at)
                at = above[at]
            if at == record.billing:
                continue
            where = f"vehicles[{i}].id" if k == 0 else f"vehicles[{i}].trips[{k - 1}].at"
            name = vehicle.id if k == 0 else f"the stay of {vehicle.id} after the trip"
            what = f"{name} is not below the billing limit {record.billing}"
            mend = f"Add it to the members of {record.billing} or of a limit below"
            yield Finding(where, what, mend)


def _objective(record: ProblemRecord) -> Iterator[Finding]:
    if record.objective is None:
        return
    weights = msgspec.structs.asdict(record.objective)
    emission = record.carbon_kg_per_kwh
    has = {
        SITE: bool(record.limits),
        BILLING: record.billing is not None,
        EMISSION: any(emission) if isinstance(emission, list) else emission != 0,
        LINE: any(limit.line_loss_per_kw > 0 for limit in record.limits),
    }
    yield from check_weights(weights)
    yield from missing_for(weights, has)
