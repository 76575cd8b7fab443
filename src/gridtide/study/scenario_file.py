"""Reads a scenario file, with what its tables contradict among each other."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

from gridtide.battery import CHEMISTRIES, cell_model, check_envelope, check_thermal
from gridtide.core import Finding, InputError, read_record, unusable_numbers
from gridtide.fleet import LimitTable, members_of
from gridtide.signals import read_zone
from gridtide.study.scenario import Scenario
from gridtide.study.toml_places import TomlPlaces

# Strategies that have a name; others are given as module:Class.
STRATEGIES = ("uncontrolled", "v1g", "v2g", "edf", "llf")


# Earlier and later days have no time-zone rules to rely on.
FIRST_YEAR, LAST_YEAR = 1970, 2100


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
        *_check_packs(scenario, place),
        *_check_sources(scenario, place),
        *_check_time(scenario, place),
        *_check_chargers(scenario, place),
        *_check_strategies(scenario, place),
    ]


def _check_tree(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    findings = []
    named = [("site", t.name) for t in scenario.site] + [("limit", t.name) for t in scenario.limit]
    above = _ways_up(scenario)
    known = [name for _, name in named]
    seen: set[str] = set()
    for position, (kind, name) in enumerate(named):
        i = position if kind == "site" else position - len(scenario.site)
        where = place(f"{kind}[{i}].name")
        if name in seen:
            findings.append(Finding(where, f"the name {name} is used twice", "Rename one"))
        seen.add(name)
        findings += _check_way_up(name, above, known, place(f"{kind}[{i}].below"))
    findings += _check_members(scenario, place)
    for i, charger in enumerate(scenario.charger):
        if charger.below not in above:
            findings.append(_unknown(place(f"charger[{i}].below"), charger.below, known))
        elif _meter_above(charger.below, above, {t.name for t in scenario.site}) is None:
            mend = "Put the charger below a site, or its limit below one"
            findings.append(Finding(place(f"charger[{i}].below"), "no meter is above", mend))
    for i, change in enumerate(scenario.change):
        if change.limit not in above:
            findings.append(_unknown(place(f"change[{i}].limit"), change.limit, known))
        if change.import_kw is None and change.export_kw is None:
            mend = "Write import_kw, export_kw or both"
            findings.append(Finding(place(f"change[{i}]"), "nothing is changed", mend))
    return findings


def _ways_up(scenario: Scenario) -> dict[str, str | None]:
    """Return what stands right above each limit, group of limits and its members, and site."""
    tables = (*scenario.site, *scenario.limit)
    members = {name: table.below for table in tables for name in _members(table)}
    return members | {table.name: table.below for table in tables}


def _members(table: LimitTable) -> tuple[str, ...]:
    return members_of([table])[table.name]


def _check_members(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    """Check that no member of a group has the name of another limit."""
    tables = [*scenario.site, *scenario.limit]
    owner = {table.name: table.name for table in tables}
    findings = []
    for i, table in enumerate(scenario.limit):
        for name in _members(table):
            if owner.setdefault(name, table.name) != table.name:
                what = f"a member of {table.name} has the name of the limit {name}"
                findings.append(Finding(place(f"limit[{i}].name"), what, "Rename one"))
    return findings


def _check_way_up(
    name: str, above: dict[str, str | None], known: list[str], where: str
) -> list[Finding]:
    passed = {name}
    node = above[name]
    while node is not None:
        if node not in above:
            return [_unknown(where, node, known)]
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
        if outer is None or _check_way_up(site.name, above, [], ""):
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


def _unknown(where: str, name: str, known: list[str]) -> Finding:
    return Finding(where, f"there is no limit or site {name}", f"Known: {', '.join(known)}")


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
        top = 1.0 if scenario.envelope is None else scenario.envelope.hard_soc_max
        if v.soc_target > top:
            what = f"soc_target {v.soc_target} is above the envelope's hard_soc_max {top}"
            mend = "Nobody could be charged to it: lower the target or raise hard_soc_max"
            findings.append(Finding(place(f"vehicle[{i}].soc_target"), what, mend))
        if v.cell_model is not None:
            try:
                cell_model(v.cell_model)
            except InputError as error:
                found, at = error.findings[0], place(f"vehicle[{i}].cell_model")
                findings.append(Finding(at, f"{found.where}: {found.what}", found.mend))
    counted = [v for v in scenario.vehicle if v.count is not None]
    if scenario.sessions.source == "sample" and counted:
        if len(counted) < len(scenario.vehicle):
            mend = "Add count = the number of vehicles to every group, or to none"
            findings.append(Finding(place("vehicle"), "a vehicle group has no count", mend))
    elif len(scenario.vehicle) > 1:
        mend = "Keep one [[vehicle]] table; it holds the traits of all of them"
        findings.append(Finding(place("vehicle"), "the file brings its own vehicles", mend))
    return findings


def _check_packs(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    """Check temperature and envelope, and that neither wants for weather."""
    findings = []
    thermal, envelope = scenario.thermal, scenario.envelope
    needs = "needs an ambient temperature"
    if thermal is not None:
        findings += check_thermal(thermal, place("thermal.heat_below_c"))
        if scenario.weather is None:
            mend = 'Add [weather] with kind = "season", or remove [thermal]'
            findings.append(Finding(place("thermal"), f"the temperature of packs {needs}", mend))
    if envelope is not None:
        findings += check_envelope(envelope, place, "envelope")
        if envelope.by_temperature and scenario.weather is None:
            mend = 'Add [weather] with kind = "season", or write by_temperature = false'
            what = f"the envelope {needs}: without one no vehicle ever discharges"
            findings.append(Finding(place("envelope"), what, mend))
        if envelope.by_voltage:
            findings += _check_chemistries(scenario, place)
    return findings


def _check_chemistries(scenario: Scenario, place: TomlPlaces) -> list[Finding]:
    mend = f"Write one of {', '.join(CHEMISTRIES)}, or by_voltage = false in [envelope]"
    return [
        Finding(place(f"vehicle[{i}].chemistry"), f"{v.chemistry} has no known voltages", mend)
        for i, v in enumerate(scenario.vehicle)
        if v.chemistry.lower() not in CHEMISTRIES
    ]


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
    served = [*scenario.services, *(["services"] if scenario.services else [])]
    serving = [f"{plain}+{product}" for plain in ("v1g", "v2g") for product in served]
    known = [*STRATEGIES, *serving]
    mend = f"Use {', '.join(known)}, or module:Class of your own"
    findings = [
        Finding(where, f"there is no strategy {name}", mend)
        for name in names
        if name not in known and ":" not in name
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
