"""The planning problem as a JSON document, and how it becomes arrays.

All findings come at once, each with its place in the document. A series is a number, a list of
one number, or a list of ``steps`` numbers.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError, parse_utc, read_record, unusable_numbers
from gridtide.plan._document_checks import check_document
from gridtide.plan._scenario_records import check_scenarios
from gridtide.plan._stays import Stay, stays_of
from gridtide.plan.blocks import Reserve
from gridtide.plan.objectives import weigh
from gridtide.plan.problem import Floats, Ints, Problem
from gridtide.plan.records import (
    HoldingRecord,
    LimitRecord,
    ObjectiveRecord,
    ProblemRecord,
    ReserveRecord,
    Series,
    TripRecord,
    VehicleRecord,
)
from gridtide.plan.segments import fresh_segments


def read_problem(data: bytes | Mapping[str, Any], source: str = "problem") -> Problem:
    """Read a JSON planning problem; days that may come are checked and left aside.

    Parameters and errors are those of :func:`read_document`.
    """
    return to_problem(read_document(data, source))


def read_document(data: bytes | Mapping[str, Any], source: str = "problem") -> ProblemRecord:
    """Read a JSON planning problem and check it.

    Parameters
    ----------
    data
        The document, as bytes or already decoded.
    source
        Its name, for findings.

    Raises
    ------
    InputError
        With all findings.
    """
    if isinstance(data, bytes):
        data = _decode(data, source)
    quick = _quick(data)
    if quick is not None and not (findings := check_document(quick, source)):
        return quick

    def place(path: str) -> str:
        return f"{source} {path}".strip()

    findings = unusable_numbers(data, place)
    record, more = read_record(ProblemRecord, data, place)
    findings += [f for f in more if f.where not in {g.where for g in findings}]
    if record is not None and not findings:
        findings += _start(record, source) + check_document(record, source)
        findings += [] if findings else check_scenarios(record, source)
    if findings or record is None:
        raise InputError(findings)
    return record


def read_problem_file(path: Path) -> Problem:
    """Read a JSON planning problem from a file, without the days that may come.

    Errors are those of :func:`read_document_file`.
    """
    return to_problem(read_document_file(path))


def read_document_file(path: Path) -> ProblemRecord:
    """Read a JSON planning problem from a file and check it.

    Raises
    ------
    InputError
        With all findings, also where the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError([Finding(str(path), why, "Name a readable JSON file")]) from error
    return read_document(data, str(path))


def problem_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return msgspec.json.schema(ProblemRecord)


def _quick(data: Mapping[str, Any]) -> ProblemRecord | None:
    """Read a document without any fault in one go; None where a finding has to be told."""
    parts: list[tuple[type[msgspec.Struct], Any]] = [(ProblemRecord, [data])]
    if data.get("scenarios") or data.get("bid"):
        return None
    vehicles = data.get("vehicles", [])
    parts += [(VehicleRecord, vehicles), (LimitRecord, data.get("limits", []))]
    parts.append((ReserveRecord, data.get("reserves", [])))
    if isinstance(vehicles, list):
        holding = [v.get("holding") for v in vehicles if isinstance(v, Mapping)]
        parts.append((HoldingRecord, [h for h in holding if h is not None]))
        trips = [v.get("trips", []) for v in vehicles if isinstance(v, Mapping)]
        if not all(isinstance(each, list) for each in trips):
            return None
        parts.append((TripRecord, [trip for each in trips for trip in each]))
    if data.get("objective") is not None:
        parts.append((ObjectiveRecord, [data["objective"]]))
    for kind, rows in parts:
        known = frozenset(kind.__struct_fields__)
        if not isinstance(rows, list) or any(
            not isinstance(row, Mapping) or not known.issuperset(row) for row in rows
        ):
            return None
    try:
        record = msgspec.convert(data, ProblemRecord, strict=True)
    except msgspec.ValidationError:
        return None
    return None if unusable_numbers(data, str) or _start(record, "") else record


def _decode(data: bytes, source: str) -> Mapping[str, Any]:
    try:
        value = msgspec.json.decode(data.removeprefix(codecs.BOM_UTF8))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # NaN and Infinity are no JSON; msgspec says at which byte it stopped.
        mend = "Write valid JSON; NaN and Infinity are none, leave an unlimited side out"
        raise InputError([Finding(_line(data, str(error), source), str(error), mend)]) from error
    if not isinstance(value, Mapping):
        raise InputError([Finding(source, "the document is no object", "Write {…}")])
    if twice := _written_twice(data, source):
        raise InputError(twice)
    return value


def _written_twice(data: bytes, source: str) -> list[Finding]:
    """Find keys that an object has twice: JSON readers would keep the last without a word."""
    findings: list[Finding] = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = ", ".join(key for key in found if keys.count(key) > 1)
            owner = found.get("id", found.get("name", ""))
            where = f"{source} {owner}".rstrip()
            findings.append(Finding(where, f"written twice: {twice}", "Keep one"))
        return found

    json.loads(data.decode("utf-8-sig"), object_pairs_hook=look)
    return findings


def _line(data: bytes, message: str, source: str) -> str:
    at = message.rpartition("(byte ")[2].rstrip(")")
    line = data[: int(at)].count(b"\n") + 1 if at.isdigit() else data.count(b"\n") + 1
    return f"{source}:{line}"


def _start(record: ProblemRecord, source: str) -> list[Finding]:
    try:
        parse_utc(record.start)
    except ValueError as error:
        return [Finding(f"{source} start", str(error), "Write for example 2021-08-02T00:00:00Z")]
    return []


def series(value: Series | None, steps: int) -> Floats:
    """Spread a series over the steps; None is unlimited."""
    if value is None:
        return np.full(steps, np.inf)
    return np.broadcast_to(np.atleast_1d(np.asarray(value, dtype=float)), (steps,))


def to_problem(record: ProblemRecord) -> Problem:
    """Turn a checked document into arrays."""
    steps, stays = record.steps, [stay for v in record.vehicles for stay in stays_of(v)]
    vehicles = [stay.vehicle for stay in stays]
    order, parent = _tree(record.limits)
    limits = [record.limits[j] for j in order]
    names = tuple(limit.name for limit in limits)
    holder = {member: j for j, limit in enumerate(limits) for member in limit.members}
    capacity = _column(vehicles, "capacity_kwh")
    shape = (len(limits), steps)
    stacked: dict[str, Any] = {
        name: np.array([series(getattr(limit, name), steps) for limit in limits]).reshape(shape)
        for name in ("import_kw", "export_kw", "base_load_kw")
    }
    named: dict[str, Any] = {
        name: _column(vehicles, name)
        for name in (
            "max_charge_kw",
            "max_discharge_kw",
            "charge_efficiency",
            "discharge_efficiency",
            "wear_price_per_kwh",
        )
    }
    if not record.discharge:
        named["max_discharge_kw"] = np.zeros(len(vehicles))
    problem = Problem(
        ids=tuple(vehicle.id for vehicle in vehicles),
        step_h=np.full(steps, record.step_minutes / 60.0),
        arrive=_column(vehicles, "arrive_step").astype(np.int64),
        depart=_column(vehicles, "depart_step").astype(np.int64),
        arrival_kwh=capacity * _column(vehicles, "soc_arrival"),
        target_kwh=capacity * _column(vehicles, "soc_target"),
        min_kwh=capacity * _column(vehicles, "soc_min"),
        max_kwh=capacity * _column(vehicles, "soc_max"),
        limit=np.array(
            [holder.get(s.vehicle.id, -1) if s.at is None else names.index(s.at) for s in stays],
            dtype=np.int64,
        ),
        limit_names=names,
        limit_parent=parent,
        demand_charge_per_kw=_column(limits, "demand_charge_per_kw"),
        demand_peak_so_far_kw=_column(limits, "demand_peak_so_far_kw"),
        meters=np.array([names.index(record.billing)] if record.billing else [], dtype=np.int64),
        price_import_per_kwh=series(record.price_import_per_kwh, steps)[None, :],
        price_export_per_kwh=series(record.price_export_per_kwh, steps)[None, :],
        shortfall_price_per_kwh=record.shortfall_price_per_kwh,
        promise=record.promise,
        wear_model=record.wear_model,
        carbon_kg_per_kwh=series(record.carbon_kg_per_kwh, steps),
        carbon_price_per_kg=record.carbon_price_per_kg,
        reserves=tuple(_reserve(block) for block in record.reserves),
        availability=_availability(vehicles),
        **stacked,
        **named,
        floor_kwh=_floors(vehicles, capacity, record.steps),
        planned_kw=_planned(vehicles, record.steps),
        change_price_per_kwh=record.change_price_per_kwh,
        stored_price_per_kwh_h=record.stored_price_per_kwh_h,
        **_optional(record, vehicles, limits, capacity),
        **_trips(stays),
    )
    if record.objective is None:
        return problem
    return weigh(problem, msgspec.structs.asdict(record.objective))


def _trips(stays: list[Stay]) -> dict[str, Any]:
    if not any(stay.continues for stay in stays):
        return {}
    driven = np.array([stay.driven_kwh for stay in stays])
    return {"continues": np.array([stay.continues for stay in stays]), "driven_kwh": driven}


def _optional(
    record: ProblemRecord,
    vehicles: list[VehicleRecord],
    limits: list[LimitRecord],
    capacity: Floats,
) -> dict[str, Any]:
    """Arrays that most problems do not need, only where one vehicle or limit asks for them."""
    arrays = _ranges(vehicles)
    if any(v.standby_kw > 0 for v in vehicles):
        arrays["standby_kw"] = _column(vehicles, "standby_kw")
    if any(v.taper_soc < v.soc_max and v.taper_end < 1 for v in vehicles):
        arrays["taper_from_kwh"] = capacity * _column(vehicles, "taper_soc")
        arrays["taper_end"] = _column(vehicles, "taper_end")
    if any(v.end_value_per_kwh > 0 for v in vehicles):
        arrays["end_value_per_kwh"] = _column(vehicles, "end_value_per_kwh")
        arrays["end_value_up_to_kwh"] = capacity * _column(vehicles, "end_value_up_to_soc")
    arrays |= _of_limits(limits, record.steps)
    if any(limit.phase_kw is not None for limit in limits):
        arrays["phase_kw"] = np.array([limit.phase_kw or [np.inf] * 3 for limit in limits])
        arrays["phase_share"] = np.array([v.phases or [1 / 3] * 3 for v in vehicles]).reshape(-1, 3)
    if any(v.wear_depth_price_per_kwh is not None for v in vehicles):
        arrays |= _depth(vehicles, capacity)
    if any(v.holding is not None for v in vehicles):
        arrays |= _holding(vehicles, capacity, record.steps)
    for way in ("charge", "discharge"):
        if any(getattr(v, f"{way}_part_kw") is not None for v in vehicles):
            arrays |= _parts(vehicles, way)
    return arrays


def _of_limits(limits: list[LimitRecord], steps: int) -> dict[str, Any]:
    """Arrays by limit that most problems do not need."""
    arrays: dict[str, Any] = {}
    if any(limit.line_loss_per_kw > 0 for limit in limits):
        arrays["line_loss_per_kw"] = _column(limits, "line_loss_per_kw")
    for name, free in (("stored_least_kwh", -np.inf), ("stored_most_kwh", np.inf)):
        given = [getattr(limit, name) for limit in limits]
        if any(value is not None for value in given):
            rows = [series(free if value is None else value, steps) for value in given]
            arrays[name] = np.array(rows)
    return arrays


def _floors(vehicles: list[VehicleRecord], capacity: Floats, steps: int) -> Floats | None:
    if not any(v.soc_floor for v in vehicles):
        return None
    floors: Floats = np.array([series(v.soc_floor, steps) for v in vehicles])
    return capacity[:, None] * floors


def _planned(vehicles: list[VehicleRecord], steps: int) -> Floats | None:
    if all(v.planned_kw is None for v in vehicles):
        return None
    nothing: list[float | None] = [None] * steps
    rows = [nothing if v.planned_kw is None else v.planned_kw for v in vehicles]
    return np.array(rows, dtype=float)


def _availability(vehicles: list[VehicleRecord]) -> Floats | None:
    given = _column(vehicles, "availability")
    return given if np.any(given < 1) else None


def _reserve(block: ReserveRecord) -> Reserve:
    given = {name: getattr(block, name) for name in block.__struct_fields__}
    given |= {"most_kw": math.inf if block.most_kw is None else block.most_kw}
    return Reserve(**given | {"limit": block.limit or "", "sold_with": block.sold_with or ""})


def _parts(vehicles: list[VehicleRecord], way: str) -> dict[str, Any]:
    """Parts of all vehicles, as many for each: those it has not are empty and lose as its last."""
    given = [getattr(v, f"{way}_part_kw") or [0.0] for v in vehicles]
    most = max(len(widths) for widths in given)
    widths, efficiency = np.zeros((len(vehicles), most)), np.zeros((len(vehicles), most))
    for i, vehicle in enumerate(vehicles):
        single = [getattr(vehicle, f"{way}_efficiency")]
        parts = getattr(vehicle, f"{way}_part_efficiency") or single
        widths[i, : len(given[i])] = given[i]
        efficiency[i] = np.pad(np.array(parts), (0, most - len(parts)), mode="edge")
    return {f"{way}_part_kw": widths, f"{way}_part_efficiency": efficiency}


def _ranges(vehicles: list[VehicleRecord]) -> dict[str, Any]:
    """Smallest powers, and the range on one phase."""
    arrays: dict[str, Any] = {}
    for name in ("min_charge_kw", "min_discharge_kw"):
        if any(getattr(v, name) > 0 for v in vehicles):
            arrays[name] = _column(vehicles, name)
    if any(v.one_phase_kw is not None for v in vehicles):
        arrays["one_phase_kw"] = np.array([v.one_phase_kw or [0.0, 0.0] for v in vehicles])
        arrays["one_phase_line"] = np.array([v.one_phase_line - 1 for v in vehicles])
    return arrays


def _depth(vehicles: list[VehicleRecord], capacity: Floats) -> dict[str, Any]:
    """Prices by depth and the segments' energies, as shape (n, J); no price where none is given."""
    count = max(len(v.wear_depth_price_per_kwh or []) for v in vehicles)
    prices = np.array([v.wear_depth_price_per_kwh or [0.0] * count for v in vehicles])
    segments = fresh_segments(capacity * _column(vehicles, "soc_arrival"), capacity, count)
    for i, vehicle in enumerate(vehicles):
        if vehicle.wear_segment_kwh is not None:
            segments[i] = vehicle.wear_segment_kwh
    return {
        "wear_depth_price_per_kwh": prices,
        "wear_capacity_kwh": capacity,
        "wear_segment_kwh": segments,
    }


def _holding(vehicles: list[VehicleRecord], capacity: Floats, steps: int) -> dict[str, Any]:
    """Bands of all vehicles, as many for each: those it has not are empty and cost as its last."""
    most = max(len(v.holding.price_per_kwh_h) for v in vehicles if v.holding is not None)
    edges, base = np.zeros((len(vehicles), most + 1)), np.zeros((len(vehicles), steps))
    price = np.zeros((len(vehicles), steps, most))
    for i, vehicle in enumerate(vehicles):
        held = vehicle.holding
        if held is None:
            edges[i, 1:] = capacity[i]
            continue
        bands = np.array([series(band, steps) for band in held.price_per_kwh_h])
        more = most - len(bands)
        edges[i] = np.pad(np.array(held.edges_kwh), (0, more), mode="edge")
        price[i] = np.pad(bands, ((0, more), (0, 0)), mode="edge").T
        base[i] = series(held.base_per_h, steps)
    return {
        "holding_edges_kwh": edges,
        "holding_price_per_kwh_h": price,
        "holding_base_per_h": base,
    }


def _column(records: list[Any], name: str) -> Floats:
    return np.array([getattr(record, name) for record in records], dtype=float)


def _tree(limits: list[LimitRecord]) -> tuple[list[int], Ints]:
    """Order the limits so that a parent stands before its children."""
    number = {limit.name: j for j, limit in enumerate(limits)}
    above = {
        number[member]: j
        for j, limit in enumerate(limits)
        for member in limit.members
        if member in number
    }
    depth: npt.NDArray[np.int64] = np.zeros(len(limits), dtype=np.int64)
    for j in range(len(limits)):
        at = j
        while at in above:
            at = above[at]
            depth[j] += 1
    order = [int(j) for j in np.argsort(depth, kind="stable")]
    place = {j: k for k, j in enumerate(order)}
    parents = [place[above[j]] if j in above else -1 for j in order]
    return order, np.array(parents, dtype=np.int64)
