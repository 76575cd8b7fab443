"""Products as data: what a market asks of who offers, how it asks for it, scores and pays it.

The catalogue is a folder of TOML files, one for each family. A market's variant is an entry, not a
class, and an old edition stays beside the new one. What could not be checked against the text of a
rule is named in ``unverified``, and said wherever the product is.
"""

from __future__ import annotations

import difflib
import tomllib
from functools import cache, partial
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from gridtide.core import Finding, InputError, read_record

Direction = Literal["up", "down", "symmetric", "reactive", "schedule"]
Activation = Literal[
    "signal", "droop", "one_sided", "knee", "switched", "dispatch", "voltage", "schedule"
]
Scorer = Literal[
    "pjm_classic", "precision", "tracking", "spin_event", "envelope", "steps", "box", "baseline",
    "none",
]  # fmt: skip
Settler = Literal[
    "pjm_regulation", "capacity_score", "capacity", "spin", "envelope", "tiers", "single_price",
    "dual_price", "reactive", "demand_response", "demand_charge", "none",
]  # fmt: skip


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One product of one market in one edition."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9-]+$", description="Name on the command line")]
    title: Annotated[str, Meta(description="What the market calls it")]
    schedule: Annotated[
        Literal[0, 1, 2, 3, 4, 5, 6],
        Meta(description="Schedule of FERC Order 888; 0 behind the meter"),
    ]
    region: Annotated[str, Meta(description="Market")]
    edition: Annotated[str, Meta(description="Edition of the rule, with its date")]
    direction: Annotated[Direction, Meta(description="up is less import or more export")]
    needs_discharge: Annotated[
        bool, Meta(description="False where charging that is put off or brought forward can serve")
    ] = False
    min_bid_kw: Annotated[float, Meta(ge=0, description="Smallest offer [kW]")] = 0.0
    bid_step_kw: Annotated[float, Meta(ge=0, description="Offers are multiples of it [kW]")] = 0.0
    block_minutes: Annotated[
        float, Meta(gt=0, description="Time for which one offer holds [min]")
    ] = 60.0
    gate_minutes: Annotated[
        float, Meta(ge=0, description="How long before the block offers are final [min]")
    ] = 0.0
    activation: Annotated[Activation, Meta(description="What asks for it")] = "dispatch"
    activation_values: Annotated[
        dict[str, float], Meta(description="Parameters of the activation, units in their names")
    ] = msgspec.field(default_factory=dict)
    start_s: Annotated[float | None, Meta(description="By when the response must begin [s]")] = None
    half_s: Annotated[float | None, Meta(description="By when half of it must be there [s]")] = None
    full_s: Annotated[float | None, Meta(description="By when all of it must be there [s]")] = None
    sustain_minutes: Annotated[
        float, Meta(ge=0, description="How long full power must be sustained [min]")
    ] = 0.0
    opposite_share: Annotated[
        float, Meta(ge=0, description="Power to hold free the other way, in parts of the offer")
    ] = 0.0
    confidence: Annotated[
        float, Meta(ge=0.5, le=1, description="Probability with which it must be there")
    ] = 1.0
    sampling_s: Annotated[float | None, Meta(description="Time between samples [s]")] = None
    accuracy: Annotated[float | None, Meta(description="Largest error of the meter, in parts")] = (
        None
    )
    hold_s: Annotated[
        float, Meta(ge=0, description="How long the last sample holds, then back to the plan [s]")
    ] = 10.0
    baseline: Annotated[str, Meta(description="What the response is measured from")] = "declared"
    scorer: Annotated[Scorer, Meta(description="How delivery is scored")] = "none"
    score_values: Annotated[dict[str, Any], Meta(description="Parameters of the score")] = (
        msgspec.field(default_factory=dict)
    )
    settler: Annotated[Settler, Meta(description="How it is paid")] = "none"
    settle_values: Annotated[dict[str, float], Meta(description="Parameters of the pay")] = (
        msgspec.field(default_factory=dict)
    )
    qualification: Annotated[str, Meta(description="What must be shown before")] = ""
    notes: Annotated[str, Meta(description="What a user must know")] = ""
    sources: Annotated[list[str], Meta(min_length=1, description="Where it was read")]
    unverified: Annotated[list[str], Meta(description="Fields whose text could not be checked")] = (
        msgspec.field(default_factory=list)
    )

    @property
    def checked(self) -> bool:
        """Whether every field was checked against the rule's text."""
        return not self.unverified


@cache
def catalogue() -> dict[str, Product]:
    """Read all products, by name, in the order of their schedules.

    Raises
    ------
    InputError
        If an entry of the catalogue is not a product.
    """
    found: list[Product] = []
    findings: list[Finding] = []
    for file in sorted(_files(), key=lambda f: f.name):
        for k, entry in enumerate(tomllib.loads(file.read_text())["product"]):
            where = f"{file.name} product[{k}]"
            product, more = read_record(Product, entry, partial(_place, where))
            findings += more
            found += [] if product is None else [product]
    findings += _doubts(found)
    if findings:
        raise InputError(findings)
    order = sorted(found, key=lambda p: (p.schedule == 0, p.schedule))
    return {product.name: product for product in order}


def product_named(name: str) -> Product:
    """Return a product of the catalogue.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    known = catalogue()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, 1)
    mend = f"Did you mean {close[0]}?" if close else "`gridtide service list` names them"
    raise InputError([Finding(name, "is no product of the catalogue", mend)])


def _place(entry: str, path: str) -> str:
    return f"{entry} {path}".strip()


def _files() -> list[Any]:
    folder = resources.files("gridtide.services") / "catalogue"
    return [file for file in folder.iterdir() if file.name.endswith(".toml")]


def _doubts(products: list[Product]) -> list[Finding]:
    """Find names told twice, and unverified fields that do not exist."""
    names = [product.name for product in products]
    twice = sorted({name for name in names if names.count(name) > 1})
    findings = [Finding(name, "is in the catalogue twice", "Rename one") for name in twice]
    fields = set(Product.__struct_fields__)
    return findings + [
        Finding(product.name, f"has no field {name}", "Correct it")
        for product in products
        for name in product.unverified
        if name.split(".")[0] not in fields
    ]
