"""Reader of time-of-use tariffs as transcribed in acnportal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gridtide.core import Finding, InputError
from gridtide.signals.price_files import unreadable
from gridtide.signals.tariff import PricePeriod, month_day

_ACN_DAYS = {"WEEKDAYS": "weekdays", "WEEKENDS": "weekends", "ALL": "all"}


def acn_periods(
    path: Path,
) -> tuple[list[PricePeriod], list[tuple[str, str, float]], list[str]]:
    """Read a time-of-use tariff as transcribed in acnportal.

    Where entries overlap, the one for weekdays or weekends goes before one for all days; of
    two for all days, one whose id ends in Weekday or Weekend holds on those days only; after
    that the first in the file holds.

    Returns
    -------
    periods
        In the order in which they hold.
    demand
        First day, last day and demand charge of each entry [currency/kW]; the file does not
        say for which interval.
    notes
        What was narrowed.

    Raises
    ------
    InputError
        With one finding per entry that cannot be used.
    """
    document = _read_json(path)
    entries, findings, notes = [], [], []
    for i, entry in enumerate(document.get("schedule", [])):
        where = f"{path.name} schedule[{i}]"
        findings += _check_acn(entry, where)
        entries.append(entry)
    if not entries:
        findings.append(Finding(path.name, "there is no schedule", "Add its entries"))
    if findings:
        raise InputError(findings)
    ranked = []
    for entry in entries:
        days, note = _acn_days(entry, entries)
        notes += [f"{path.name}: {note}"] if note else []
        ranked.append((days, entry))
    ranked.sort(key=lambda pair: pair[0] == "all")
    periods = [period for days, entry in ranked for period in _acn_entry(entry, days)]
    demand = [
        (e["effective_start"], e["effective_end"], float(e.get("demand_charge", 0)))
        for e in entries
    ]
    return periods, demand, notes


def _acn_days(entry: dict[str, Any], entries: list[dict[str, Any]]) -> tuple[str, str]:
    days = _ACN_DAYS[entry["dow_mask"]]
    twins = [
        e
        for e in entries
        if e is not entry
        and e["dow_mask"] == entry["dow_mask"] == "ALL"
        and month_day(e["effective_start"]) == month_day(entry["effective_start"])
    ]
    meant = next((d for d in ("weekday", "weekend") if entry["id"].lower().endswith(d)), None)
    if not twins or meant is None:
        return days, ""
    return f"{meant}s", f"entry {entry['id']} says ALL and is taken for {meant}s, as its id says"


def _acn_entry(entry: dict[str, Any], days: Any) -> list[PricePeriod]:
    ends = [*entry["times"][1:], 24]
    return [
        PricePeriod(
            price_per_kwh=float(price),
            days=days,
            from_time=_clock(begin),
            to_time=_clock(end),
            from_date=entry["effective_start"],
            to_date=entry["effective_end"],
        )
        for begin, end, price in zip(entry["times"], ends, entry["tariffs"], strict=True)
    ]


def _clock(hour: float) -> str:
    minutes = round(hour * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _check_acn(entry: Any, where: str) -> list[Finding]:
    keys = ("id", "effective_start", "effective_end", "dow_mask", "times", "tariffs")
    missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
    if missing:
        return [Finding(where, f"{', '.join(missing)} missing", "Add what is missing")]
    findings = []
    if entry["dow_mask"] not in _ACN_DAYS:
        mend = f"Write one of {', '.join(_ACN_DAYS)}"
        findings.append(Finding(where, f"unknown dow_mask {entry['dow_mask']!r}", mend))
    findings += [
        Finding(where, f"{key} {entry[key]!r} is no date", "Write MM-DD")
        for key in ("effective_start", "effective_end")
        if month_day(str(entry[key])) is None
    ]
    times = entry["times"]
    if len(times) != len(entry["tariffs"]) or times != sorted(set(times)) or times[:1] != [0]:
        mend = "Write times that begin with 0 and increase, and one tariff for each"
        findings.append(Finding(where, "times and tariffs do not fit", mend))
    return findings


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError([unreadable(path, error)]) from None
    except ValueError as error:
        raise InputError([Finding(path.name, f"no JSON: {error}", "Correct the file")]) from None
    if not isinstance(document, dict):
        raise InputError([Finding(path.name, "the document is no object", "Correct the file")])
    return document
