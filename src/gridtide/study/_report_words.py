"""Numbers and sentences as the report and the terminal write them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gridtide.study.result import Result, StrategyResult

BASELINE = "uncontrolled"
SPACE = "\u00a0"
MINUS = "\u2212"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_SHORT = {
    "uncontrolled": "Uncontrolled",
    "v1g": "V1G",
    "v2g": "V2G",
    "v1g+services": "V1G + services",
    "v2g+services": "V2G + services",
    "edf": "Earliest deadline first",
    "llf": "Least laxity first",
}
_LONG = {
    "uncontrolled": "Uncontrolled charging",
    "v1g": "Controlled charging (V1G)",
    "v2g": "Charging and discharging (V2G)",
    "v1g+services": "Controlled charging (V1G) with services",
    "v2g+services": "Charging and discharging (V2G) with services",
    "edf": "Charging the earliest deadline first",
    "llf": "Charging the least laxity first",
}


def number(value: float) -> str:
    """Write a number with three significant digits; whole numbers from 100 on."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size == 0 or size < 0.0005:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(size)))
    text = f"{size:,.{min(digits, 3)}f}"
    if "." in text:
        # 9.999 has become 10.000: one digit less is enough then.
        whole = text.split(".")[0]
        digits = max(0, 3 - len(whole)) if whole != "0" else min(digits, 3)
        text = f"{size:,.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and float(text.replace(",", "")) else text


def quantity(value: float, unit: str) -> str:
    """Write a number with its unit."""
    return f"{number(value)}{SPACE}{unit}"


def money(value: float, currency: str) -> str:
    """Write an amount with its currency: cents below 100, whole units above."""
    text = amount(value)
    sign = MINUS if text.startswith(MINUS) else ""
    return f"{sign}{currency}{SPACE}{text.removeprefix(MINUS)}"


def amount(value: float) -> str:
    """Write an amount where the currency stands elsewhere."""
    size = abs(value)
    text = f"{size:,.0f}" if round(size, 2) >= 100 else f"{size:,.2f}"
    return f"{MINUS}{text}" if value < 0 and float(text.replace(",", "")) else text


def percent(share: float) -> str:
    """Write a share in per cent: whole from 10 on, two digits below."""
    value = 100.0 * share
    return f"{value:.0f}{SPACE}%" if abs(value) >= 9.95 else f"{value:.1f}{SPACE}%"


def short_name(strategy: str) -> str:
    """Name of a strategy for a table's head."""
    plain, plus, product = strategy.partition("+")
    if plus and plain in _SHORT and strategy not in _SHORT:
        return f"{_SHORT[plain]} + {product}"
    return _SHORT.get(strategy, strategy)


def long_name(strategy: str) -> str:
    """Name of a strategy for the beginning of a sentence."""
    return _LONG.get(strategy, f"The strategy {strategy}")


def count(n: int, noun: str) -> str:
    """Write ``1 plan`` and ``2 plans``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def joined(parts: Sequence[str]) -> str:
    """Write ``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(text: str) -> str:
    """Let a text begin with a capital and end with a stop."""
    text = text.rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def clock(time_s: float, zone: ZoneInfo) -> str:
    """Write a local time such as ``Tue 2 Jun, 16:00``."""
    at = datetime.fromtimestamp(time_s, zone)
    return f"{day_name(at)}, {at:%H:%M}"


def day_name(at: datetime) -> str:
    """Write a date such as ``Tue 2 Jun``."""
    return f"{DAYS[at.weekday()]} {at.day} {MONTHS[at.month - 1]}"


def span_name(start_s: float, end_s: float, zone: ZoneInfo) -> str:
    """Write the days from start to end, such as ``2 to 4 Jun 2026``."""
    first = datetime.fromtimestamp(start_s, zone)
    last = datetime.fromtimestamp(max(end_s - 1, start_s), zone)
    if first.date() == last.date():
        return f"{first.day} {MONTHS[first.month - 1]} {first.year}"
    year = f" {first.year}" if first.year != last.year else ""
    month = f" {MONTHS[first.month - 1]}" if year or first.month != last.month else ""
    return f"{first.day}{month}{year} to {last.day} {MONTHS[last.month - 1]} {last.year}"


@dataclass(frozen=True, slots=True)
class CostStep:
    """One reason why the net cost of two strategies differs [currency]; negative saves."""

    key: str
    label: str
    amount: float


_WORDS = {
    # key: (it falls, it rises)
    "energy": ("Energy moved to cheaper hours", "More paid for energy"),
    "discharge": ("Energy given back when it is dear", "Energy cycled at a loss"),
    "demand": ("Lower peak", "Higher peak"),
    "fixed": ("Lower fixed charges", "Higher fixed charges"),
    "wear": ("Less battery wear", "Battery wear"),
    "services": ("Grid services earn", "Grid services earn less"),
}
_PARTS = {
    "energy": "Energy, less what is left in batteries",
    "demand": "Demand charge",
    "fixed": "Fixed charges",
    "wear": "Battery wear",
    "services": "Grid services",
}


def cost_parts(summary: dict[str, Any]) -> dict[str, float]:
    """Parts that add up to the net cost [currency]; energy counts what is left in batteries."""
    return {
        "energy": summary["energy_cost"] - summary["stored_value"],
        "demand": summary["demand_cost"],
        "fixed": summary["fixed_cost"],
        "wear": summary["wear_cost"],
        "services": -summary.get("service_revenue", 0.0),
    }


def cost_steps(before: dict[str, Any] | None, after: dict[str, Any]) -> list[CostStep]:
    """Why the net cost differs between two summaries; from nothing where there is none before.

    Energy is compared like with like: the change of the stored energy is counted in it.
    """
    new = cost_parts(after)
    if before is None:
        return [CostStep(key, _PARTS[key], amount) for key, amount in new.items()]
    old = cost_parts(before)
    discharges = after["energy_out_kwh"] > before["energy_out_kwh"]
    steps = []
    for key in new:
        amount = new[key] - old[key]
        words = _WORDS["discharge" if key == "energy" and discharges else key]
        steps.append(CostStep(key, words[int(amount > 0)], amount))
    return steps


def chain(result: Result) -> list[StrategyResult]:
    """Strategies to be compared one after the other, those that ran to the end only."""
    whole = {name: s for name, s in result.strategies.items() if not s.partial}
    first = BASELINE if BASELINE in whole else next(iter(whole), None)
    if first is None:
        return []
    serving = next((name for name in ("v2g+services", "v1g+services") if name in whole), "")
    later = [name for name in ("v1g", "v2g", serving) if name in whole and name != first]
    if not later:
        later = [name for name in whole if name != first]
    return [whole[first], *(whole[name] for name in later)]
