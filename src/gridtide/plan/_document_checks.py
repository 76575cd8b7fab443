"""What a problem's fields must fulfil together."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gridtide.core import Finding

if TYPE_CHECKING:
    from gridtide.plan.document import LimitRecord, ProblemRecord


def check_document(record: ProblemRecord, source: str) -> list[Finding]:
    """Return the findings that no single field shows."""
    findings = [
        *_series(record),
        *_limit_values(record),
        *_vehicles(record),
        *_names(record),
        *_members(record),
    ]
    if not findings:
        findings += [*_cycles(record), *_billing(record)]
    return [Finding(f"{source} {f.where}", f.what, f.mend) for f in findings]


def _series(record: ProblemRecord) -> Iterator[Finding]:
    for name in ("price_import_per_kwh", "price_export_per_kwh", "carbon_kg_per_kwh"):
        yield from _length(getattr(record, name), name, record.steps)
    for j, limit in enumerate(record.limits):
        for name in ("import_kw", "export_kw", "base_load_kw"):
            yield from _length(getattr(limit, name), f"limits[{j}].{name}", record.steps)


def _length(value: float | list[float] | None, where: str, steps: int) -> Iterator[Finding]:
    if isinstance(value, list) and len(value) not in (1, steps):
        yield Finding(
            where,
            f"{len(value)} values for {steps} steps",
            f"Write one number, or {steps} numbers",
        )


def _limit_values(record: ProblemRecord) -> Iterator[Finding]:
    for j, limit in enumerate(record.limits):
        for name in ("import_kw", "export_kw"):
            value = getattr(limit, name)
            values = value if isinstance(value, list) else [value]
            if any(v is not None and v < 0 for v in values):
                mend = "Write how much at most flows that way, 0 or more"
                yield Finding(f"limits[{j}].{name}", "a limit is negative", mend)
        if limit.phase_kw is not None and (len(limit.phase_kw) != 3 or min(limit.phase_kw) < 0):
            mend = "Write three numbers, 0 or more, for L1, L2, L3"
            yield Finding(f"limits[{j}].phase_kw", f"{limit.phase_kw} is not allowed", mend)


def _vehicles(record: ProblemRecord) -> Iterator[Finding]:
    for i, v in enumerate(record.vehicles):
        where = f"vehicles[{i}]"
        if v.soc_min > v.soc_max:
            what = f"soc_min {v.soc_min:g} is above soc_max {v.soc_max:g}"
            yield Finding(f"{where}.soc_min", what, "Exchange or correct them")
        if v.phases is not None and (len(v.phases) != 3 or abs(sum(v.phases) - 1) > 1e-6):
            mend = "Write three shares that sum to 1, for example [1, 0, 0]"
            yield Finding(f"{where}.phases", f"{v.phases} is not allowed", mend)
        if v.standby_kw > 0 and v.standby_kw >= v.charge_efficiency * v.max_charge_kw > 0:
            what = f"standby_kw {v.standby_kw:g} leaves nothing to charge at full power"
            mend = f"Write less than {v.charge_efficiency * v.max_charge_kw:g}"
            yield Finding(f"{where}.standby_kw", what, mend)


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
        at, passed = vehicle.id, set()
        while at in above and at not in passed and at != record.billing:
            passed.add(at)
            at = above[at]
        if at != record.billing:
            what = f"{vehicle.id} is not below the billing limit {record.billing}"
            mend = f"Add it to the members of {record.billing} or of a limit below"
            yield Finding(f"vehicles[{i}].id", what, mend)
