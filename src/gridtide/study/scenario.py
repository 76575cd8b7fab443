"""The scenario file as typed tables, and the checks that need more than one of them."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gridtide.core import Finding, InputError, read_record, unusable_numbers
from gridtide.fleet import (
    ChargerTable,
    LimitChange,
    LimitTable,
    Mix,
    SessionKind,
    VehicleTable,
)
from gridtide.fleet.tables import Archetype, Power
from gridtide.market import Contract
from gridtide.signals import BaseLoad, Carbon, Pv, Tariff, read_zone
from gridtide.study.toml_places import TomlPlaces

# Strategies that have a name; others are given as module:Class.
STRATEGIES = ("uncontrolled", "v1g", "v2g", "edf", "llf")


# Earlier and later days have no time-zone rules to rely on.
FIRST_YEAR, LAST_YEAR = 1970, 2100


class SiteTable(LimitTable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grid connection: a limit with a meter, and what stands behind it beside chargers.

    No site stands below another, and the demand charges of all sites have the same billing
    periods.
    """

    archetype: Annotated[Archetype, Meta(description="What kind of place it is")] = "campus"
    tariff: Annotated[str, Meta(description="Name of the tariff of this meter")]
    latitude_deg: Annotated[
        float, Meta(ge=-90, le=90, description="For the sun's position [°]")
    ] = 37.77
    longitude_deg: Annotated[
        float, Meta(ge=-180, le=180, description="East positive, for the sun's position [°]")
    ] = -122.42
    base_load: Annotated[
        BaseLoad | None, Meta(description="What the building uses; none: nothing")
    ] = None
    pv: Annotated[Pv | None, Meta(description="Sun power behind the meter; none: nothing")] = None


class SessionsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where sessions come from."""

    source: Annotated[
        Literal["sample", "acn", "trondheim", "csv"],
        Meta(description="sample: drawn from fitted distributions; the others: read from a file"),
    ]
    kind: Annotated[
        SessionKind | None,
        Meta(description="What is sampled; none: what suits the first site's archetype"),
    ] = None
    file: Annotated[
        str | None,
        Meta(description="File beside the scenario; in ${GRIDTIDE_DATA}/… for published data"),
    ] = None
    garage: Annotated[
        str | None, Meta(description="One garage of the Trondheim data; none: all")
    ] = None
    ready_by: Annotated[
        Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None,
        Meta(
            description='Standing departure "HH:MM", local, where the driver stated none; '
            "none: departure unknown, charged at once",
        ),
    ] = None
    capacity_mix: Annotated[
        Mix, Meta(description="Mix of cars that unknown battery capacities are drawn from")
    ] = "california_2019"
    capacity_scale: Annotated[
        float, Meta(gt=0, description="Factor on drawn battery capacities, for sensitivity")
    ] = 1.0
    sensitivity: Annotated[
        list[Annotated[float, Meta(gt=0)]],
        Meta(
            description="Factors on drawn capacities for which v1g and v2g are run again, to "
            "show how the result moves; empty: none"
        ),
    ] = msgspec.field(default_factory=lambda: [0.8, 1.25])


class ObjectiveTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a plan minimises beside energy, demand and wear."""

    carbon_price_per_kg: Annotated[
        Power, Meta(description="Weight of marginal emissions [currency/kg CO2]")
    ] = 0.0
    stored_value_per_kwh: Annotated[
        float | None,
        Meta(
            description="Worth of energy left in batteries [currency/kWh]; none: the mean "
            "import price of the run"
        ),
    ] = None


class StrategyTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is compared, and how the plan is made."""

    run: Annotated[
        list[str],
        Meta(
            min_length=1,
            description="uncontrolled, v1g, v2g, edf, llf, or module:Class for your own",
        ),
    ] = msgspec.field(default_factory=lambda: ["uncontrolled", "v1g", "v2g"])
    replan_minutes: Annotated[
        int, Meta(ge=1, le=60, description="Longest time that a plan is followed [min]")
    ] = 60
    horizon_hours: Annotated[
        float, Meta(gt=0, le=24, description="How far a plan looks ahead at most [h]")
    ] = 24.0
    record_decisions: Annotated[
        bool, Meta(description="Keep every setpoint with its reason; switch off for large fleets")
    ] = True


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A study: time, sites, chargers, vehicles, sessions, tariff, strategies."""

    version: Annotated[Literal[1], Meta(description="Version of this file format")]
    name: Annotated[str, Meta(min_length=1, description="Title of the study")]
    description: Annotated[str, Meta(description="One sentence for the report")] = ""
    start: Annotated[
        str,
        Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description="First local day, such as 2026-06-02"),
    ]
    days: Annotated[int, Meta(ge=1, le=400, description="Local days, of 23 to 25 hours")]
    timezone: Annotated[str, Meta(description="IANA time zone, such as Europe/Oslo")]
    step_minutes: Annotated[
        Literal[1, 3, 5, 15, 30, 60], Meta(description="Length of a control step [min]")
    ] = 15
    seed: Annotated[int, Meta(ge=0, description="Seed of everything drawn")] = 1
    site: Annotated[list[SiteTable], Meta(min_length=1, description="Grid connections")]
    limit: Annotated[list[LimitTable], Meta(description="Panels, cables, feeders")] = msgspec.field(
        default_factory=list
    )
    change: Annotated[list[LimitChange], Meta(description="Limits that change in the run")] = (
        msgspec.field(default_factory=list)
    )
    charger: Annotated[list[ChargerTable], Meta(min_length=1, description="Charger groups")]
    vehicle: Annotated[list[VehicleTable], Meta(min_length=1, description="Vehicle groups")] = (
        msgspec.field(default_factory=lambda: [VehicleTable()])
    )
    sessions: Annotated[SessionsTable, Meta(description="Where sessions come from")]
    tariff: Annotated[list[Tariff], Meta(min_length=1, description="Tariffs")]
    carbon: Annotated[Carbon | None, Meta(description="Marginal emission")] = None
    strategy: Annotated[StrategyTable, Meta(description="What is compared")] = msgspec.field(
        default_factory=StrategyTable
    )
    objective: Annotated[
        ObjectiveTable, Meta(description="What a plan minimises beside energy, demand, wear")
    ] = msgspec.field(default_factory=ObjectiveTable)
    contract: Annotated[Contract | None, Meta(description="What the driver gets")] = None


def read_scenario(path: Path) -> tuple[Scenario, TomlPlaces]:
    """Read a scenario file and check what needs no other file.

    Raises
    ------
    InputError
        With every finding.
    """
    scenario, place, findings = examine_scenario(read_text(path), str(path))
    if findings:
        raise InputError(findings)
    return scenario, place


def examine_scenario(text: str, name: str) -> tuple[Scenario, TomlPlaces, list[Finding]]:
    """Read a scenario's text as far as it goes, with what is wrong with its keys and values.

    Parameters
    ----------
    text
        The whole file.
    name
        Of the file, for the findings.

    Raises
    ------
    InputError
        With every finding, if they forbid looking any further.
    """
    place = TomlPlaces(text, name)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        mend = "Correct the line named; TOML is described at toml.io"
        raise InputError([Finding(name, f"is not TOML: {error}", mend)]) from error
    odd = unusable_numbers(data, place)
    scenario, more = read_record(Scenario, data, place)
    findings = [*odd, *(f for f in more if f.where not in {g.where for g in odd})]
    if scenario is None:
        raise InputError(findings)
    contradictions = check_scenario(scenario, place)
    if contradictions:
        raise InputError([*findings, *contradictions])
    return scenario, place, findings


def read_text(path: Path) -> str:
    """Return a scenario file's text, without the byte order mark that some editors write.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text: {error.reason} at byte {error.start}"
        raise InputError([Finding(str(path), what, "Save the file as UTF-8")]) from error
    except OSError as error:
        mend = "Name an existing scenario; `gridtide new campus` writes one"
        raise InputError([Finding(str(path), f"cannot be read: {error}", mend)]) from error


def check_scenario(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    """Return what the tables of a scenario contradict among each other."""
    return [
        *_check_tree(scenario, place),
        *_check_meters(scenario, place),
        *_check_sites(scenario, place),
        *_check_vehicles(scenario, place),
        *_check_sources(scenario, place),
        *_check_time(scenario, place),
        *_check_chargers(scenario, place),
        *_check_strategies(scenario, place),
    ]


def _check_tree(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    findings = []
    named = [("site", t.name) for t in scenario.site] + [("limit", t.name) for t in scenario.limit]
    above = _ways_up(scenario)
    seen: set[str] = set()
    for position, (kind, name) in enumerate(named):
        i = position if kind == "site" else position - len(scenario.site)
        where = place(f"{kind}[{i}].name")
        if name in seen:
            findings.append(Finding(where, f"the name {name} is used twice", "Rename one"))
        seen.add(name)
        findings += _check_way_up(name, above, place(f"{kind}[{i}].below"))
    for i, charger in enumerate(scenario.charger):
        if charger.below not in above:
            findings.append(_unknown(place(f"charger[{i}].below"), charger.below, above))
        elif _meter_above(charger.below, above, {t.name for t in scenario.site}) is None:
            mend = "Put the charger below a site, or its limit below one"
            findings.append(Finding(place(f"charger[{i}].below"), "no meter is above", mend))
    for i, change in enumerate(scenario.change):
        if change.limit not in above:
            findings.append(_unknown(place(f"change[{i}].limit"), change.limit, above))
        if change.import_kw is None and change.export_kw is None:
            mend = "Write import_kw, export_kw or both"
            findings.append(Finding(place(f"change[{i}]"), "nothing is changed", mend))
    return findings


def _ways_up(scenario: Scenario) -> dict[str, str | None]:
    """Return what stands right above each limit and site."""
    return {table.name: table.below for table in (*scenario.site, *scenario.limit)}


def _check_way_up(name: str, above: dict[str, str | None], where: str) -> list[Finding]:
    passed = {name}
    node = above[name]
    while node is not None:
        if node not in above:
            return [_unknown(where, node, above)]
        if node in passed:
            return [Finding(where, f"{name} is below itself", "Let one end at the top")]
        passed.add(node)
        node = above[node]
    return []


def _check_meters(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    """Check that no energy passes two meters: both would bill it."""
    above, sites = _ways_up(scenario), {site.name for site in scenario.site}
    findings = []
    for i, site in enumerate(scenario.site):
        outer = _meter_above(site.below, above, sites)
        if outer is None or _check_way_up(site.name, above, ""):
            continue
        what = (
            f"a site cannot stand below another site: {site.name} is below {outer}, "
            "whose meter would bill its energy again"
        )
        mend = f"Make {site.name} a [[limit]], or put both sites below a [[limit]]"
        findings.append(Finding(place(f"site[{i}].below"), what, mend))
    return findings


def _meter_above(node: str | None, above: dict[str, str | None], sites: set[str]) -> str | None:
    """Return the first site from a node on upwards; None if there is none."""
    passed: set[str] = set()
    while node is not None and node not in passed:
        if node in sites:
            return node
        passed.add(node)
        node = above.get(node)
    return None


def _unknown(where: str, name: str, above: dict[str, str | None]) -> Finding:
    return Finding(where, f"there is no limit or site {name}", f"Known: {', '.join(above)}")


def _check_sites(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    findings = []
    tariffs = {t.name for t in scenario.tariff}
    currencies = sorted({t.currency for t in scenario.tariff})
    if len(currencies) > 1:
        what = f"the tariffs use {' and '.join(currencies)}"
        findings.append(Finding(place("tariff"), what, "One run has one currency"))
    meter_minutes = max(15, scenario.step_minutes)
    for i, tariff in enumerate(scenario.tariff):
        demand = tariff.demand_charge
        if demand is not None and demand.interval_minutes % meter_minutes:
            what = f"a mean over {demand.interval_minutes} min needs finer meter readings"
            mend = f"Meters are read every {meter_minutes} min: take a multiple of it"
            where = place(f"tariff[{i}].demand_charge.interval_minutes")
            findings.append(Finding(where, what, mend))
    for i, site in enumerate(scenario.site):
        if site.tariff not in tariffs:
            mend = f"Known: {', '.join(sorted(tariffs))}"
            what = f"there is no tariff {site.tariff}"
            findings.append(Finding(place(f"site[{i}].tariff"), what, mend))
    return findings


def _check_vehicles(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    findings = []
    for i, v in enumerate(scenario.vehicle):
        where = place(f"vehicle[{i}].soc_min")
        if v.soc_min >= v.soc_max:
            what = f"soc_min {v.soc_min} is not below soc_max {v.soc_max}"
            findings.append(Finding(where, what, "Leave a window between them"))
        if not v.soc_min <= v.soc_target <= v.soc_max:
            what = f"soc_target {v.soc_target} is outside [{v.soc_min}, {v.soc_max}]"
            findings.append(Finding(place(f"vehicle[{i}].soc_target"), what, "Set it inside"))
    counted = [v for v in scenario.vehicle if v.count is not None]
    if scenario.sessions.source == "sample" and counted:
        if len(counted) < len(scenario.vehicle):
            mend = "Add count = the number of vehicles to every group, or to none"
            findings.append(Finding(place("vehicle"), "a vehicle group has no count", mend))
    elif len(scenario.vehicle) > 1:
        mend = "Keep one [[vehicle]] table; it holds the traits of all of them"
        findings.append(Finding(place("vehicle"), "the file brings its own vehicles", mend))
    return findings


def _check_time(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    findings: list[Finding] = []
    try:
        read_zone(scenario.timezone, place("timezone"))
    except InputError as error:
        findings += error.findings
    try:
        known = FIRST_YEAR <= date.fromisoformat(scenario.start).year <= LAST_YEAR
    except ValueError:
        known = False
    if not known:
        mend = f"Write year, month and day from {FIRST_YEAR} to {LAST_YEAR}, such as 2026-06-02"
        findings.append(Finding(place("start"), f"there is no day {scenario.start}", mend))
    return findings


def _check_chargers(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    """Check that every charger can run at its own minimum current and stores what it takes."""
    findings = []
    for i, charger in enumerate(scenario.charger):
        least = charger.min_current_a * charger.phases * charger.voltage_v / 1000.0
        for key in ("max_charge_kw", "max_discharge_kw"):
            power = getattr(charger, key)
            if 0 < power < least:
                what = f"{power:g} kW is below the minimum current's {least:.3g} kW"
                mend = "Raise it, or lower min_current_a, or use one phase"
                findings.append(Finding(place(f"charger[{i}].{key}"), what, mend))
        a, b, c = charger.charge_loss
        power = charger.max_charge_kw
        if power > 0 and a + b * power + c * power**2 >= power:
            what = f"the loss takes all of {power:g} kW"
            mend = "Lower it, or raise max_charge_kw"
            findings.append(Finding(place(f"charger[{i}].charge_loss"), what, mend))
    return findings


def _check_strategies(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    names, where = scenario.strategy.run, place("strategy.run")
    mend = f"Use {', '.join(STRATEGIES)}, or module:Class of your own"
    findings = [
        Finding(where, f"there is no strategy {name}", mend)
        for name in names
        if name not in STRATEGIES and ":" not in name
    ]
    if len(set(names)) < len(names):
        findings.append(Finding(where, "a strategy is named twice", "Name each once"))
    return findings


def _check_sources(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    findings = []
    sessions = scenario.sessions
    if sessions.source != "sample" and sessions.file is None:
        findings.append(Finding(place("sessions"), "file is missing", 'Add file = "…"'))
    return findings


def scenario_schema() -> dict[str, object]:
    """JSON Schema of the scenario file."""
    return msgspec.json.schema(Scenario)
