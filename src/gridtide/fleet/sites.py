"""From tables to arrays: the tree of limits and the chargers below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from gridtide.fleet.arrays import UNLIMITED, Chargers, Floats, LimitTree
from gridtide.fleet.tables import ChargerTable, LimitGroupTable, LimitTable


def members_of(tables: Sequence[LimitTable]) -> dict[str, tuple[str, ...]]:
    """Names of the limits that each name of a limit, site or group stands for, in order."""
    members: dict[str, tuple[str, ...]] = {}
    for table in tables:
        count = table.count if isinstance(table, LimitGroupTable) else 1
        names = counted_names(table.name, count)
        members |= {name: (name,) for name in names}
        members[table.name] = names
    return members


def each_limit(tables: Sequence[LimitTable]) -> list[LimitTable]:
    """Write groups of limits out one by one, each below its share of the group above."""
    members = members_of(tables)
    limits = []
    for table in tables:
        names, traits = members[table.name], msgspec.structs.asdict(table)
        own = {key: traits[key] for key in LimitTable.__struct_fields__}
        above: Sequence[str | None] = [None] * len(names)
        if table.below is not None:
            above = spread(members[table.below], len(names))
        limits += [
            LimitTable(**own | {"name": name, "below": below})
            for name, below in zip(names, above, strict=True)
        ]
    return limits


def spread(above: Sequence[str], count: int) -> list[str]:
    """Which of the limits above each of ``count`` in a row stands below: shares are even."""
    return [above[i * len(above) // count] for i in range(count)]


def limit_tree(tables: Sequence[LimitTable], meters: Sequence[str]) -> LimitTree:
    """Order limits from the top down.

    Parameters
    ----------
    tables
        Every limit one by one, sites included. Names are unique, ``below`` names exist, no ring.
    meters
        Names of the limits that are sites, each with a meter.
    """
    by_name = {table.name: table for table in tables}
    depth = {name: _depth(name, by_name) for name in by_name}
    names = tuple(sorted(by_name, key=lambda name: depth[name]))
    index = {name: i for i, name in enumerate(names)}
    parent = np.array(
        [index[above] if (above := by_name[n].below) is not None else -1 for n in names],
        dtype=np.int64,
    )
    is_meter = np.isin(np.array(names, dtype=object), np.array(meters, dtype=object))
    site = np.full(len(names), -1, dtype=np.int64)
    for i in range(len(names)):
        site[i] = i if is_meter[i] else (site[parent[i]] if parent[i] >= 0 else -1)
    ordered = [by_name[name] for name in names]
    return LimitTree(
        names=names,
        parent=parent,
        site=site,
        is_meter=is_meter,
        import_kw=np.array([_or_unlimited(t.import_kw) for t in ordered]),
        export_kw=np.array([_or_unlimited(t.export_kw) for t in ordered]),
        phase_kw=np.array(
            [[_or_unlimited(t.phase_current_a) * t.voltage_v / 1000.0] * 3 for t in ordered]
        ),
    )


def _depth(name: str, by_name: dict[str, LimitTable]) -> int:
    depth = 0
    above = by_name[name].below
    while above is not None:
        depth += 1
        above = by_name[above].below
    return depth


def _or_unlimited(value: float | None) -> float:
    return UNLIMITED if value is None else value


def charger_names(table: ChargerTable) -> tuple[str, ...]:
    """Names of a group's chargers."""
    if table.ids is not None:
        return tuple(table.ids)
    return counted_names(table.name, table.count)


def counted_names(name: str, count: int) -> tuple[str, ...]:
    """Names of the members of a group; a group of one is its own member."""
    if count == 1:
        return (name,)
    width = len(str(count))
    return tuple(f"{name}-{i:0{width}d}" for i in range(1, count + 1))


def build_chargers(
    tables: Sequence[ChargerTable],
    limits: LimitTree,
    members: Mapping[str, tuple[str, ...]] | None = None,
) -> Chargers:
    """Turn charger groups into arrays, in the order of the tables.

    Parameters
    ----------
    tables
        Charger groups.
    limits
        The tree that they stand below.
    members
        Of groups of limits, by name (:func:`members_of`); None where there are none.
    """
    sizes = [len(charger_names(table)) for table in tables]
    place = {name: i for i, name in enumerate(limits.names)}
    members = members if members is not None else {name: (name,) for name in limits.names}
    above = [
        place[name]
        for table, size in zip(tables, sizes, strict=True)
        for name in spread(members[table.below], size)
    ]
    min_kw = [t.min_current_a * t.phases * t.voltage_v / 1000.0 for t in tables]
    step_kw = [t.current_step_a * t.phases * t.voltage_v / 1000.0 for t in tables]
    discharge = [t.discharge_loss or t.charge_loss for t in tables]
    return Chargers(
        ids=tuple(name for table in tables for name in charger_names(table)),
        limit=np.array(above, dtype=np.int64),
        max_charge_kw=np.repeat([float(t.max_charge_kw) for t in tables], sizes),
        max_discharge_kw=np.repeat([float(t.max_discharge_kw) for t in tables], sizes),
        min_power_kw=np.repeat(min_kw, sizes),
        power_step_kw=np.repeat(step_kw, sizes),
        phase_share=np.concatenate(
            [_phase_share(t, n) for t, n in zip(tables, sizes, strict=True)]
        ),
        charge_loss=np.repeat(np.array([t.charge_loss for t in tables], float), sizes, axis=0),
        discharge_loss=np.repeat(np.array(discharge, float), sizes, axis=0),
    )


def _phase_share(table: ChargerTable, count: int) -> Floats:
    if table.phases == 3:
        return np.full((count, 3), 1 / 3)
    if table.phase == "rotate":
        return np.eye(3)[np.arange(count) % 3]
    return np.tile(np.eye(3)[int(table.phase[1]) - 1], (count, 1))
