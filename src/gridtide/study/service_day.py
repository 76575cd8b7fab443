"""One product sold by a car park for a day: `gridtide service run`.

The fleet is synthetic: vehicles of a workplace, one charger each, nothing else behind the meter, a
flat tariff. It is an ordinary scenario with a ``[services]`` table, which can be kept and changed.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gridtide.core import Finding, InputError
from gridtide.services import Product, quantity
from gridtide.services.respond import RANGE
from gridtide.signals import read_samples
from gridtide.study.build import compose
from gridtide.study.case import Case
from gridtide.study.operate import SERVING
from gridtide.study.result import Result
from gridtide.study.scenario_file import examine_scenario
from gridtide.study.serve import in_seconds

FIRST_DAY = "2026-06-02"
"""A Tuesday, where a signal tells no day of its own."""
DAY_S = 86_400
MOST_DAYS = 31
LEAST_A = {False: 6, True: 1}
"""AC charging begins at 6 A (IEC 61851-1); a DC charger for both ways goes lower (assumed)."""
PLACES = {"workplace": "workplace", "home": "residential", "depot": "depot"}
SHORT_S, SHORT_BEGINS = 8 * 3600, "09:00"
"""A signal in seconds that lasts no longer than the first begins when vehicles are there."""

_TEXT = """\
# {title}: a day of a car park. The fleet is synthetic.
version = 1
name = "{title}"
start = "{start}"
days = {days}
timezone = "UTC"
step_minutes = 15
seed = {seed}

[[site]]
name = "car park"
archetype = "campus"
tariff = "flat"

[[charger]]
name = "charger"
count = {vehicles}
below = "car park"
max_charge_kw = 11
max_discharge_kw = {discharge_kw}
phases = 3
min_current_a = {min_current_a}

[[vehicle]]
name = "car"
count = {vehicles}
capacity_kwh = 62
soc_floor = 0.3
soc_target = 0.8
wear_price_per_kwh = 0.04

[sessions]
source = "sample"
kind = "{kind}"
ready_by = "07:00"
sensitivity = []

[[tariff]]
name = "flat"
currency = "EUR"
import_price_per_kwh = 0.25
export_price_per_kwh = 0.25

[strategy]
run = ["{strategy}"]
replan_minutes = 15

[services.{product}]
price_per_kw_h = {price}
signal = {signal}
signal_begins = "{begins}"
pooled = {pooled}
firm_share = {firm_share}
{more}"""


def service_scenario(
    product: Product,
    *,
    vehicles: int,
    signal: Path | None,
    price_per_kw_h: float,
    pooled: bool,
    seed: int,
    bidirectional: bool = True,
    firm_share: float = 1.0,
    kind: str = "workplace",
    gate_minutes: float | None = None,
    confidence: float | None = None,
) -> str:
    """Return the scenario of a day in which a car park sells one product, as TOML.

    Parameters
    ----------
    product
        What is sold.
    vehicles
        How many, with a charger each.
    signal
        What activates it; None: generated, synthetic.
    price_per_kw_h
        Of capacity [currency/kW/h].
    pooled
        The car park is a part of a larger offer.
    seed
        Of the fleet and of a generated signal.
    bidirectional
        Whether vehicles give back.
    firm_share
        What plans must prove, in parts of an offer.
    kind
        Of sessions that are sampled: workplace or residential.
    gate_minutes
        How long before a block its offer is final [min]; None: as the product has it.
    confidence
        Probability with which what is sold must be there; None: as the product has it.

    Raises
    ------
    InputError
        If nothing that changes from second to second activates the product, the signal cannot be
        read, or lasts too long.
    """
    start, days, begins = FIRST_DAY, 1, "00:00"
    told = quantity(product)
    if signal is not None:
        start, days, begins = _span(signal, told)
    return _TEXT.format(
        title=f"{vehicles} vehicles sell {product.name}",
        start=start,
        days=days,
        begins=begins,
        seed=seed,
        vehicles=vehicles,
        discharge_kw=11 if bidirectional else 0,
        min_current_a=LEAST_A[bidirectional],
        strategy="v2g" if bidirectional else "v1g",
        product=product.name,
        price=price_per_kw_h,
        signal='"generated"' if signal is None else f'"{signal.resolve().as_posix()}"',
        pooled=str(pooled).lower(),
        firm_share=firm_share,
        kind=kind,
        more="".join(
            f"{name} = {value:g}\n"
            for name, value in (("gate_minutes", gate_minutes), ("confidence", confidence))
            if value is not None
        ),
    )


def _span(signal: Path, kind: str) -> tuple[str, int, str]:
    """First day of a signal, how many days it touches, and when it begins if it counts seconds."""
    lowest, highest = RANGE[kind]
    samples = read_samples(signal, kind, lowest=lowest, highest=highest)
    first, last = float(samples.time_s[0]), float(samples.time_s[-1])
    begins = "00:00"
    if in_seconds(samples):
        start, days = FIRST_DAY, math.floor(last / DAY_S) + 1
        begins = SHORT_BEGINS if last <= SHORT_S else begins
    else:
        day = math.floor(first / DAY_S)
        start = datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat()
        days = math.floor(last / DAY_S) - day + 1
    if days > MOST_DAYS:
        what = f"lasts {days} days"
        raise InputError([Finding(str(signal), what, f"Give at most {MOST_DAYS} days")])
    return start, days, begins


def service_case(text: str) -> Case:
    """Compose the case of such a scenario."""
    scenario, place, findings = examine_scenario(text, "service run")
    if findings:
        raise InputError(findings)
    return compose(scenario, place, text, Path())


def service_document(result: Result) -> dict[str, Any]:
    """Return what `gridtide service run --json` prints."""
    serving = next(s for name, s in result.strategies.items() if name.endswith(SERVING))
    summary, told = serving.summary, serving.services[0]
    figures = told.figures
    return {
        "product": figures["product"],
        "edition": figures["edition"],
        "unverified": figures["unverified"],
        "note": f"the fleet is synthetic; {figures['note']}",
        "vehicles": len(result.case.world.vehicles),
        "offered": {
            "kw_h": figures["offered_kw_h"],
            "largest_kw": figures["largest_offer_kw"],
            "blocks": figures["blocks_sold"],
            "why_nothing": figures["why_nothing"],
        },
        "delivered": {
            "requested_kwh": figures["requested_kwh"],
            "delivered_kwh": figures["delivered_kwh"],
            "shortfall_kwh": figures["shortfall_kwh"],
        },
        "score": figures["score"],
        "score_parts": figures["score_parts"],
        "revenue": figures["revenue"],
        "energy": {
            "in_kwh": summary["energy_in_kwh"],
            "out_kwh": summary["energy_out_kwh"],
            "loss_kwh": summary["loss_kwh"],
        },
        "wear_cost": summary["wear_cost"],
        "displaced": summary.get("displaced", {}),
        "departures": summary["departures"],
        "departures_met": summary["departures_met"],
        "cpu_per_tick_ms": summary["cpu_per_tick_ms"],
        "partial": result.partial,
    }
