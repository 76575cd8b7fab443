"""What was saved and why, in sentences computed from the figures of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gridtide.study._report_words import (
    chain,
    cost_steps,
    count,
    joined,
    long_name,
    money,
    percent,
    quantity,
    short_name,
)
from gridtide.study.charging_cost import building_alone, charging_costs
from gridtide.study.result import Result, StrategyResult

_ON_TOP = {
    "v2g": "discharging (V2G)",
    "v1g+services": "selling grid services",
    "v2g+services": "selling grid services",
}
# Differences below this are told as none [currency].
_NOTHING = 0.005


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentences that stand before everything else.

    Parameters
    ----------
    first
        What was saved.
    then
        Why, and what it did to the peak and to drivers.
    warnings
        What a reader must know before believing the rest.
    """

    first: str
    then: tuple[str, ...]
    warnings: tuple[str, ...]


def headline(result: Result) -> Headline:
    """Say what a run found."""
    warnings = (*_partial_warning(result), *_limit_warning(result))
    steps = chain(result)
    if not steps:
        return Headline("The run was stopped before any strategy was complete.", (), warnings)
    if all(s.columns["sessions"]["session"].size == 0 for s in steps):
        first = "No vehicle was plugged in during this run, so there is nothing to compare."
        return Headline(first, _peak(steps, result), warnings)
    then = (
        *_why(steps, result),
        *_peak(steps, result),
        *_people(steps),
        *_whole_site(steps, result),
        *_stored(steps),
    )
    return Headline(_savings(steps, result), then, warnings)


def _savings(steps: Sequence[StrategyResult], result: Result) -> str:
    currency = result.case.currency
    costs = charging_costs(result, steps[0])
    first = steps[0].name
    if len(steps) == 1:
        return f"{long_name(first)} costs {money(costs[first], currency)}."
    parts = [_against(first, steps[1].name, costs, currency)]
    for before, after in pairwise(steps[1:]):
        change = costs[after.name] - costs[before.name]
        name = _ON_TOP.get(after.name, short_name(after.name))
        if abs(change) < _NOTHING:
            parts.append(f"{name} changes nothing on top")
        elif change < 0:
            parts.append(f"{name} saves {money(-change, currency)} more")
        else:
            parts.append(f"{name} costs {money(change, currency)} more than it earns")
    return "; ".join(parts) + "."


def _against(first: str, other: str, costs: dict[str, float], currency: str) -> str:
    before, after = costs[first], costs[other]
    name, against = long_name(other), long_name(first)
    against = against[:1].lower() + against[1:]
    change = after - before
    if abs(change) < _NOTHING:
        return f"{name} costs as much as {against}, {money(before, currency)}"
    if before < _NOTHING:
        word = "better" if change < 0 else "worse"
        return (
            f"{name} is {money(abs(change), currency)} {word} than {against} "
            f"({money(after, currency)} in place of {money(before, currency)})"
        )
    size, share = money(abs(change), currency), percent(abs(change) / before)
    if change < 0:
        return (
            f"{name} saves {size} of the {money(before, currency)} ({share}) that {against} costs"
        )
    return f"{name} costs {size} ({share}) more than {against}, {money(before, currency)}"


def _whole_site(steps: Sequence[StrategyResult], result: Result) -> tuple[str, ...]:
    """Tell what the building pays, where there is more than charging."""
    alone = building_alone(result.case, steps[0])
    if abs(alone) < _NOTHING:
        return ()
    where = "the site" if len(result.case.meters) == 1 else "the sites"
    return (
        f"Without vehicles {where} would pay {money(alone, result.case.currency)}; the cost of "
        "charging is what comes on top.",
    )


def _why(steps: Sequence[StrategyResult], result: Result) -> tuple[str, ...]:
    """Name what makes up the difference between the first and the last, largest first."""
    if len(steps) < 2:
        return ()
    currency = result.case.currency
    parts = cost_steps(steps[0].summary, steps[-1].summary)
    parts = sorted((p for p in parts if abs(p.amount) >= _NOTHING), key=lambda p: -abs(p.amount))
    if not parts:
        return ()
    told = [
        f"{part.label[:1].lower()}{part.label[1:]} "
        f"{'saves' if part.amount < 0 else 'costs'} {money(abs(part.amount), currency)}"
        for part in parts
    ]
    return (
        f"Why, from {short_name(steps[0].name)} to {short_name(steps[-1].name)}: {joined(told)}.",
    )


def _peak(steps: Sequence[StrategyResult], result: Result) -> tuple[str, ...]:
    where = "the site" if len(result.case.meters) == 1 else "the largest site"
    before, after = steps[0].summary["peak_kw"], steps[-1].summary["peak_kw"]
    old, new = quantity(before, "kW"), quantity(after, "kW")
    if len(steps) == 1 or old == new:
        return (f"The peak of {where} is {new}.",)
    word = "falls" if after < before else "rises"
    return (f"The peak of {where} {word} from {old} to {new}.",)


def _people(steps: Sequence[StrategyResult]) -> tuple[str, ...]:
    """Tell whether drivers got what they asked for, and if fewer did than before, say so."""
    first, last = steps[0].summary, steps[-1].summary
    sentences = [met_sentence(last)]
    if first["departures_met"] > last["departures_met"] and len(steps) > 1:
        sentences.append(
            f"{long_name(steps[0].name)} met {first['departures_met']:,} of "
            f"{first['departures']:,}."
        )
    if last["departures_early"]:
        n = last["departures_early"]
        who = "1 vehicle" if n == 1 else f"{n:,} vehicles"
        sentences.append(
            f"{who} left before the stated time and {'is' if n == 1 else 'are'} counted apart; "
            f"{_of_them(n, last['departures_early_met'])}."
        )
    return tuple(sentences)


def _of_them(n: int, met: int) -> str:
    if met == n:
        return "it had what was asked" if n == 1 else "all of them had what was asked"
    return f"{met:,} of them had what was asked"


def met_sentence(summary: dict[str, Any]) -> str:
    """Say how many departures were met."""
    due, met = int(summary["departures"]), int(summary["departures_met"])
    if due == 0:
        return "No vehicle left at its stated time during the run, so no departure was due."
    if met == due:
        return "The one departure was met." if due == 1 else f"All {due:,} departures were met."
    missing = quantity(summary["shortfall_kwh"], "kWh")
    return f"{met:,} of {count(due, 'departure')} were met; {missing} are missing in all."


def _stored(steps: Sequence[StrategyResult]) -> tuple[str, ...]:
    """Tell of energy left in batteries where strategies differ by more than a trifle."""
    if len(steps) < 2:
        return ()
    first, last = steps[0].summary, steps[-1].summary
    change = last["stored_change_kwh"] - first["stored_change_kwh"]
    if abs(change) < max(1.0, 0.01 * first["energy_in_kwh"]):
        return ()
    word = "more" if change > 0 else "less"
    return (
        f"{short_name(steps[-1].name)} leaves {quantity(abs(change), 'kWh')} {word} in the "
        f"batteries than {short_name(steps[0].name)}; the figures above count that.",
    )


def _partial_warning(result: Result) -> tuple[str, ...]:
    if not result.partial:
        return ()
    if result.sensitivity_partial:
        return ("PARTIAL: the runs with scaled capacities were interrupted; strategies are whole.",)
    stopped = [short_name(name) for name, s in result.strategies.items() if s.partial]
    missing = [
        short_name(n) for n in result.case.scenario.strategy.run if n not in result.strategies
    ]
    text = f"PARTIAL: the run was interrupted during {joined(stopped)}"
    if missing:
        text += f"; {joined(missing)} did not run"
    return (f"{text}. Savings are told only between strategies that ran to the end.",)


def _limit_warning(result: Result) -> tuple[str, ...]:
    over = [
        f"{short_name(name)} by {quantity(s.summary['hard_violation_kw'], 'kW')}"
        for name, s in result.strategies.items()
        if s.summary["hard_violation_kw"] > 0
    ]
    return (f"Vehicles exceeded a hard limit: {joined(over)}.",) if over else ()
