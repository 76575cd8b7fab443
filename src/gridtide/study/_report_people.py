"""Drivers in the report: who left short, by how much and why; what held when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.core import SENTENCES, Reason
from gridtide.study._report_html import bullets, paragraph, table
from gridtide.study._report_series import decision_hours, reason_shares
from gridtide.study._report_words import clock, joined, number, percent, quantity, short_name
from gridtide.study.case import Case
from gridtide.study.result import MET_WITHIN_KWH, Result, StrategyResult

# The worst are shown; the tables beside the report hold everyone.
MOST_SHOWN = 10
MOST_EARLY = 5
MOST_LIMITS = 5
# A limit that held for this share of the stay is named as the reason.
_HELD_BACK = 0.1
# A reason that held for less than this is left out of the table of reasons.
_TRIFLE = 0.0005


@dataclass(frozen=True, slots=True)
class Short:
    """A departure with less energy than was asked or could have been had."""

    session: str
    vehicle: str
    charger: str
    departure_s: float
    asked_kwh: float
    had_kwh: float
    missing_kwh: float
    reason: str


def worst_departures(
    case: Case, strategy: StrategyResult, *, early: bool, most: int = MOST_SHOWN
) -> list[Short]:
    """Return who left shortest of what was asked, the worst first.

    Parameters
    ----------
    case, strategy
        A run.
    early
        Those who left before the time they stated, or all others.
    most
        How many at most.
    """
    table = strategy.columns["sessions"]
    if table["session"].size == 0:
        return []
    missing = table["shortfall_kwh"]
    short = table["departed"] & (table["left_early"] == early) & (missing > MET_WITHIN_KWH)
    rows = np.flatnonzero(short)
    rows = rows[np.lexsort((table["session"][rows], -missing[rows]))][:most]
    held = _held(case, strategy) if rows.size else None
    return [
        Short(
            session=str(table["session_id"][row]),
            vehicle=str(table["vehicle_id"][row]),
            charger=str(table["charger_id"][row]),
            departure_s=float(table["departure_s"][row]),
            asked_kwh=float(min(table["target_kwh"][row], table["reach_kwh"][row])),
            had_kwh=float(table["departure_kwh"][row]),
            missing_kwh=float(missing[row]),
            reason=_why_short(case, strategy, int(row), held),
        )
        for row in rows
    ]


_Held = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]


def _held(case: Case, strategy: StrategyResult) -> _Held | None:
    """Hours that decisions held and their order; None where none was recorded."""
    if strategy.columns["decisions"]["time_s"].size == 0:
        return None
    return decision_hours(case, strategy)


def _why_short(case: Case, strategy: StrategyResult, row: int, held: _Held | None) -> str:
    table = strategy.columns["sessions"]
    departure, stated = float(table["departure_s"][row]), float(table["stated_departure_s"][row])
    if table["left_early"][row]:
        return f"left {_duration(stated - departure)} before the stated time"
    hours, limits = _hours_by_reason(strategy, held, int(table["session"][row]))
    whole = sum(hours.values())
    if whole <= 0:
        return "no decision was recorded"
    limited = hours.get(Reason.SITE_LIMIT, 0.0)
    if limited > _HELD_BACK * whole:
        name = max(limits, key=lambda node: limits[node])
        limit = case.world.limits.names[name] if name >= 0 else "the site"
        return f"held back by the limit {limit} for {_duration(3600 * limited)}"
    if np.isnan(stated):
        return SENTENCES[Reason.DEPARTURE_UNKNOWN]
    longest = max(hours, key=lambda reason: hours[reason])
    return f"mostly: {SENTENCES[longest]}"


def _hours_by_reason(
    strategy: StrategyResult, held: _Held | None, session: int
) -> tuple[dict[Reason, float], dict[int, float]]:
    """Hours of a session under each reason, and under each limit that held it back."""
    table = strategy.columns["decisions"]
    if held is None:
        return {}, {}
    hours, order = held
    mine = np.flatnonzero(table["session"][order] == session)
    reasons: dict[Reason, float] = {}
    limits: dict[int, float] = {}
    for k in mine.tolist():
        reason = Reason(int(table["reason"][order[k]]))
        reasons[reason] = reasons.get(reason, 0.0) + float(hours[k])
        if reason == Reason.SITE_LIMIT:
            node = int(table["limit"][order[k]])
            limits[node] = limits.get(node, 0.0) + float(hours[k])
    return reasons, limits


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes}\u00a0min"
    return quantity(seconds / 3600, "h")


def shortfall_tables(result: Result) -> str:
    """Tables of those who left short, for every strategy, early leavers apart."""
    parts = []
    for name, strategy in result.strategies.items():
        for early in (False, True):
            most = MOST_EARLY if early else MOST_SHOWN
            rows = worst_departures(result.case, strategy, early=early, most=most)
            if rows:
                parts.append(_shortfall_table(result.case, name, strategy, rows, early=early))
    if parts:
        return "".join(parts)
    if any(s.summary["departures"] for s in result.strategies.values()):
        return paragraph("Nobody left short under any strategy.", "empty")
    return paragraph("Nobody left during the run, so nobody could be short.", "empty")


def _shortfall_table(
    case: Case, name: str, strategy: StrategyResult, rows: list[Short], *, early: bool
) -> str:
    columns = strategy.columns["sessions"]
    short = columns["shortfall_kwh"] > MET_WITHIN_KWH
    all_of_them = int((columns["departed"] & (columns["left_early"] == early) & short).sum())
    who = "left before the stated time with less than asked" if early else "left short"
    more = f", the worst {len(rows)} of them" if len(rows) < all_of_them else ""
    head = ("Vehicle", "Charger", "Left", "Asked [kWh]", "Had [kWh]", "Missing [kWh]", "Why")
    cells = [
        (
            s.vehicle, s.charger, clock(s.departure_s, case.zone), number(s.asked_kwh),
            number(s.had_kwh), number(s.missing_kwh), s.reason,
        )
        for s in rows
    ]  # fmt: skip
    title = f"{short_name(name)}: {all_of_them:,} {who}{more}."
    return paragraph(title) + table(head, cells, text_columns=(1, 2, 6))


def reasons_table(result: Result) -> str:
    """Share of the plugged-in time for which each reason held, in sentences."""
    shares = {name: reason_shares(result.case, s) for name, s in result.strategies.items()}
    if not any(shares.values()):
        return paragraph("Decisions were not recorded in this run.", "empty")
    told = {name: held for name, held in shares.items() if held}
    reasons = sorted(
        {reason for held in told.values() for reason in held},
        key=lambda reason: -max(held.get(reason, 0.0) for held in told.values()),
    )
    rows = []
    for reason in reasons:
        parts = [held.get(reason, 0.0) for held in told.values()]
        if max(parts) >= _TRIFLE:
            words = SENTENCES[reason]
            cells = [percent(part) if part >= _TRIFLE else "–" for part in parts]
            rows.append((words[:1].upper() + words[1:], *cells))
    head = ("Why each plug did what it did, share of the plugged-in time",
            *(short_name(name) for name in told))  # fmt: skip
    return table(head, rows) + bullets(_limits_that_held(result))


def _limits_that_held(result: Result) -> list[str]:
    """Name the limits that held vehicles back, and for how long, for every strategy."""
    told = []
    for name, strategy in result.strategies.items():
        held = _limit_hours(result.case, strategy)
        names = result.case.world.limits.names
        longest = sorted(held.items(), key=lambda pair: -pair[1])
        longest = [(node, hours) for node, hours in longest if hours >= 0.05]
        parts = [
            f"{names[node] if node >= 0 else 'a limit'} for {quantity(hours, 'vehicle-hours')}"
            for node, hours in longest[:MOST_LIMITS]
        ]
        others = [hours for _, hours in longest[MOST_LIMITS:]]
        if others:
            more = f"{len(others):,} other limits" if len(others) > 1 else "one other limit"
            parts.append(f"{more} for {quantity(sum(others), 'vehicle-hours')}")
        if parts:
            told.append(f"{short_name(name)}: vehicles were held back by {joined(parts)}.")
    return told


def _limit_hours(case: Case, strategy: StrategyResult) -> dict[int, float]:
    table = strategy.columns["decisions"]
    if table["time_s"].size == 0:
        return {}
    hours, order = decision_hours(case, strategy)
    held = np.flatnonzero(table["reason"][order] == Reason.SITE_LIMIT)
    nodes = table["limit"][order][held].astype(np.int64)
    # Decisions of a limit that is not known have -1.
    held_h = np.bincount(nodes + 1, weights=hours[held])
    return {int(node): float(held_h[node + 1]) for node in np.unique(nodes)}
