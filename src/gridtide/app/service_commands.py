"""`gridtide service`: the catalogue of products, their scores and settlements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridtide.app.command import Group, json_option, print_json

if TYPE_CHECKING:
    from gridtide.services import Line, Product

FILE = click.Path(path_type=Path)
LARGEST_KW = 1e9
SCHEDULES = {
    1: "scheduling and dispatch",
    2: "reactive supply and voltage control",
    3: "regulation and frequency response",
    4: "energy imbalance",
    5: "spinning reserve",
    6: "supplemental reserve",
    0: "behind the meter",
}


@click.group(cls=Group)
def service() -> None:
    """Look grid services up, score them and settle them, each by its market's own rules."""


@service.command("list")
@json_option
def list_products(as_json: bool) -> None:
    """List all products, by the schedules of FERC Order 888."""
    from gridtide.services import catalogue

    products = list(catalogue().values())
    if as_json:
        print_json([_listed(product) for product in products])
        return
    for number, told in SCHEDULES.items():
        click.echo(told.capitalize() + (f" (schedule {number})" if number else ""))
        for product in products:
            if product.schedule == number:
                mark = "" if product.checked else "  (in part unverified)"
                click.echo(f"  {product.name:24} {product.title}, {product.region}{mark}")


@service.command()
@click.argument("product")
@json_option
def rules(product: str, as_json: bool) -> None:
    """Tell a product's rules, with their sources and what of them could not be checked."""
    from gridtide.services import inputs_of, product_named

    found = product_named(product)
    told = {**_fields(found), "checked": found.checked, "settle_inputs": inputs_of(found)}
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        if value not in (None, "", {}, []):
            mark = "  (unverified)" if name in found.unverified else ""
            click.echo(f"{name:>20}  {_said(value)}{mark}")


@service.command()
@click.argument("product")
@click.option(
    "--vehicles", type=click.IntRange(1, 20_000), default=100, help="How many; default 100."
)
@click.option(
    "--signal", type=FILE, help="CSV: time and signal, hz or share; default: generated, synthetic."
)
@click.option("--price", type=click.FloatRange(min=0), default=0.03, help="Of capacity [EUR/kW/h].")
@click.option("--pooled", is_flag=True, help="A part of a larger offer: no smallest one.")
@click.option(
    "--place",
    type=click.Choice(["workplace", "home", "depot"]),
    default="workplace",
    help="Where the vehicles are: by day, or by night.",
)
@click.option(
    "--gate-minutes",
    type=click.FloatRange(min=0),
    help="How long before a block its offer is final; default: as the product has it.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0.5, 1.0),
    help="Probability with which what is sold must be there; default: as the product has it.",
)
@click.option("--v1g", is_flag=True, help="Vehicles do not give back.")
@click.option(
    "--firm-share",
    type=click.FloatRange(0.5, 2.0),
    default=1.0,
    help="What plans must prove, in parts of an offer.",
)
@click.option("--seed", type=int, default=1, help="Of the fleet and a generated signal.")
@click.option("--out", type=FILE, help="Folder for scenario, tables and report; default: none.")
@json_option
def run(
    product: str,
    vehicles: int,
    signal: Path | None,
    price: float,
    pooled: bool,
    place: str,
    gate_minutes: float | None,
    confidence: float | None,
    v1g: bool,
    firm_share: float,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> int:
    """Let a synthetic car park sell a product for a day, and tell what came of it.

    Times of a signal are instants, or seconds: those count from midnight, or from 09:00 where the
    signal lasts 8 h at most. The scenario that is run stands in the folder of --out.
    """
    from rich.console import Console

    from gridtide.app.progress import watcher
    from gridtide.services import product_named
    from gridtide.study import prepare_folder, write_result
    from gridtide.study import run as run_case
    from gridtide.study.service_day import (
        PLACES,
        service_case,
        service_document,
        service_scenario,
    )

    text = service_scenario(
        product_named(product),
        vehicles=vehicles,
        signal=signal,
        price_per_kw_h=price,
        pooled=pooled,
        seed=seed,
        bidirectional=not v1g,
        kind=PLACES[place],
        gate_minutes=gate_minutes,
        confidence=confidence,
        firm_share=firm_share,
    )
    case = service_case(text)
    if out is not None:
        prepare_folder(out)
    with watcher(Console(stderr=True), quiet=as_json) as watch:
        result = run_case(case, watch)
    if out is not None:
        write_result(result, out)
    told = service_document(result)
    if as_json:
        print_json(told)
    else:
        for name, value in told.items():
            if value not in (None, "", {}, []):
                click.echo(f"{name:>16}  {_said(value)}")
    return 130 if result.partial else 0


@service.command()
@click.argument("product")
@click.option("--requested", type=FILE, required=True, help="CSV: time, kw asked for.")
@click.option("--delivered", type=FILE, required=True, help="CSV: time, kw delivered.")
@click.option(
    "--offered-kw",
    type=click.FloatRange(min=0, min_open=True),
    help="What was sold, for products scored by an envelope; default: the largest request.",
)
@json_option
def score(
    product: str, requested: Path, delivered: Path, offered_kw: float | None, as_json: bool
) -> None:
    """Score a delivery as the product's market does.

    Times are instants with their offset, or seconds; powers in kW, + is the response that was
    sold (less import for products upwards). For reserve: one event, requested 0 outside it.
    """
    from gridtide.services import product_named, score
    from gridtide.signals import read_samples

    found = product_named(product)
    asked, given = (
        read_samples(path, "kw", lowest=-LARGEST_KW, highest=LARGEST_KW)
        for path in (requested, delivered)
    )
    told = score(found, asked, given, offered_kw=offered_kw) | {"unverified": found.unverified}
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        click.echo(f"{name:>14}  {_said(value)}")


@service.command()
@click.argument("product")
@click.argument("given", nargs=-1, metavar="[NAME=VALUE]...")
@json_option
def settle(product: str, given: tuple[str, ...], as_json: bool) -> None:
    """Settle a product: the lines that its market pays, exact to a nano-currency.

    What a product asks for stands under settle_inputs in `gridtide service rules PRODUCT`; lists
    are written [1,2,3]. Amounts are positive where the market pays.
    """
    from gridtide.services import product_named, settle, total_nano

    found = product_named(product)
    lines = settle(found, dict(_assigned(text) for text in given))
    total = total_nano(lines)
    if as_json:
        told = {"product": found.name, "edition": found.edition, "unverified": found.unverified}
        print_json({**told, "lines": [_row(line) for line in lines], "total": _money(total)})
        return
    for line in lines:
        click.echo(
            f"{line.kind:>20}  {line.quantity:f} {line.unit} at {line.unit_price:f}"
            f" × {line.factor:f} = {_money(line.amount_nano)} {line.note}".rstrip()
        )
    click.echo(f"{'total':>20}  {_money(total)}")


def _listed(product: Product) -> dict[str, Any]:
    names = ("name", "title", "schedule", "region", "edition", "direction", "unverified")
    return {name: getattr(product, name) for name in names} | {"checked": product.checked}


def _fields(product: Product) -> dict[str, Any]:
    return {name: getattr(product, name) for name in product.__struct_fields__}


def _assigned(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE; the value as JSON where it is, else as it stands."""
    from gridtide.core import Finding, InputError

    name, sign, value = text.partition("=")
    if not sign or not name:
        raise InputError([Finding(text, "is no NAME=VALUE", "Write for example mw=1.5")])
    try:
        read = json.loads(value)
    except json.JSONDecodeError:
        return name, value
    return name, [_number(v) for v in read] if isinstance(read, list) else _number(read)


def _number(value: Any) -> Any:
    """Make whole numbers floats: what is settled is measured, not counted."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if whole else value


def _row(line: Line) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "quantity": float(line.quantity),
        "unit": line.unit,
        "unit_price": float(line.unit_price),
        "factor": float(line.factor),
        "amount": _money(line.amount_nano),
        "note": line.note,
    }


def _money(nano: int) -> str:
    """Write whole nano-currency as a decimal number, without rounding."""
    sign, whole = "-" if nano < 0 else "", abs(nano)
    return f"{sign}{whole // 10**9}.{whole % 10**9:09d}"


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(v)}" for key, v in value.items())
    if isinstance(value, list):
        return "; ".join(_said(v) for v in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
