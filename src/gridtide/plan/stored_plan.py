"""A plan as it is kept in a file, and how it is read back.

A file holds one row per pair of a stay and a step in which it is plugged in, stay by stay, step
by step; a head with what the plan claims and of which problem it is; the prices that prove its
bound; and the vehicles' shares of the reserve that it offers. Parquet keeps the head as JSON in
the file's metadata under ``gridtide.plan`` and prices and shares as Arrow IPC streams in the column
``certificate`` of the first row, JSON keeps all of it side by side. Nothing here
knows how plans are made.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta

from gridtide.core import Finding, InputError
from gridtide.plan.problem import Floats, Ints, Problem
from gridtide.plan.stored_offers import SHARE_COLUMNS, Shares, StoredOffer, no_shares

VERSION = 1
HEAD_KEY = "gridtide.plan"
SUFFIXES = (".parquet", ".json")
REWRITE = "Plan again with gridtide plan PROBLEM --out PLAN"


class StoredSlack(msgspec.Struct, frozen=True, kw_only=True):
    """A slack as it is kept; see :class:`gridtide.plan.Slack`."""

    name: str
    entity: str
    from_step: int
    to_step: int
    amount: float
    unit: str
    binding: str
    suggestion: str


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan says of itself; see :class:`gridtide.plan.Plan`."""

    status: str
    objective: float
    lower_bound: float
    gap: float
    uncontrolled_cost: Annotated[float, Meta(description="The gap is measured by it, if more")] = 0
    hard_violation_kw: float
    wear_model: str
    notes: list[str]
    bound_by: str
    standby_chord: bool
    slacks: list[StoredSlack]
    shortfall: Annotated[
        list[tuple[int, float]], Meta(description="Stay and missing energy [kWh], where there is")
    ]
    offers: Annotated[
        list[StoredOffer], Meta(description="One for each block of reserve, in their order")
    ] = []


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is, beside its rows."""

    version: int
    vehicles: Annotated[str, Meta(description="Digest of the vehicles' names")]
    problem: Annotated[str, Meta(description="Digest of the problem's arrays")]
    limits: Annotated[int, Meta(description="Number of limits m", ge=0)]
    steps: Annotated[int, Meta(description="Number of steps T", ge=1)]
    precision: Literal["float32", "float64"]
    claims: Claims
    shortfall_price_per_kwh: Annotated[
        float | None, Meta(description="Of the certificate; null where there is none")
    ]
    relief_price_per_kwh: Annotated[
        float, Meta(description="Of the certificate, on base load left beyond limits", ge=0)
    ] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Rows of a plan, equally long.

    Parameters
    ----------
    stay, step
        Which stay is plugged in and when.
    power_kw
        At the plug, positive is charging.
    stored_value
        Worth of energy in the battery [currency/kWh], part of the certificate; None without.
    """

    stay: Ints
    step: Ints
    power_kw: Floats
    stored_value: Floats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The certificate but for its stored values, which stand beside the powers.

    Parameters
    ----------
    limit_price, peak_price
        Shape (m, T) [currency/kWh]; see :class:`gridtide.plan.Certificate`.
    phase_price
        Shape (m, 3, T), None without phase limits.
    stored_price
        Shape (m, T) [currency/kWh/h], None where no limit bounds what is held together.
    arrival_value
        Shape (n,), None where no stay continues another.
    """

    limit_price: Floats
    peak_price: Floats
    phase_price: Floats | None = None
    stored_price: Floats | None = None
    arrival_value: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan read back.

    Parameters
    ----------
    source
        Name of the file.
    head
        What it is and claims.
    prices
        Of the certificate; None where it has none.
    linear_wear_per_kwh
        Price of wear that it was planned with instead of the problem's, shape (n,), or None.
    batches
        Gives the rows, some at a time, from the beginning.
    shares
        Gives the shares of what is offered as reserve likewise.
    """

    source: str
    head: Head
    prices: Prices | None
    linear_wear_per_kwh: Floats | None
    batches: Callable[[], Iterator[Pairs]]
    shares: Callable[[], Iterator[Shares]] = no_shares


def vehicles_digest(problem: Problem) -> str:
    """Return the SHA-256 of the vehicles' names."""
    return hashlib.sha256("\0".join(problem.ids).encode()).hexdigest()


def problem_digest(problem: Problem) -> str:
    """Return the SHA-256 of all fields that differ from their default, names and shapes too.

    Prices as stated, before objectives were weighed, decide nothing and are left out.
    """
    sha = hashlib.sha256()
    for field in dataclasses.fields(problem):
        value = getattr(problem, field.name)
        if value is None or field.name in ("ids", "stated"):
            continue
        if isinstance(value, np.ndarray):
            sha.update(f"{field.name} {value.dtype.str} {value.shape}".encode())
            sha.update(np.ascontiguousarray(value).data)
        elif value != field.default:
            sha.update(f"{field.name} {value!r}".encode())
    return sha.hexdigest()


def read_plan(path: Path) -> StoredPlan:
    """Read a plan from a Parquet or JSON file; its rows are read as they are asked for.

    Raises
    ------
    InputError
        With findings where the file is no plan that this version can read; from ``batches``
        too, where rows turn out to be damaged.
    """
    check_suffix(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise InputError([Finding(str(path), what, "Name a file written by gridtide plan --out")])
    if path.suffix == ".json":
        return _read_json(path)
    from gridtide.plan._parquet_plan import read_parquet_plan

    return read_parquet_plan(path)


def check_suffix(path: Path) -> None:
    """Raise a finding where a name does not say in which form a plan is kept."""
    if path.suffix not in SUFFIXES:
        mend = "Name a file that ends in .parquet or .json"
        raise InputError([Finding(str(path), f"{path.suffix or 'no'} ending is no plan", mend)])


def decode_head(data: bytes, source: str) -> Head:
    """Read the head of a file.

    Raises
    ------
    InputError
        Where it is none, or of another version.
    """
    head: Head = _decoded(data, Head, source)
    _check_version(head, source)
    return head


def no_plan(source: str, why: object) -> InputError:
    """Return the finding that a file is no whole plan."""
    return InputError([Finding(source, f"is no whole plan: {why}", REWRITE)])


class _JsonRows(msgspec.Struct, frozen=True, kw_only=True):
    stay: list[int]
    step: list[int]
    power_kw: list[float]
    stored_value: list[float] | None


class _JsonPrices(msgspec.Struct, frozen=True, kw_only=True):
    limit_price: list[list[float]]
    peak_price: list[list[float]]
    phase_price: list[list[list[float]]] | None = None
    stored_price: list[list[float]] | None = None
    arrival_value: list[float] | None = None


class _JsonShares(msgspec.Struct, frozen=True, kw_only=True):
    share_block: list[int]
    share_stay: list[int]
    share_step: list[int]
    share_kw: list[float]


class _JsonPlan(msgspec.Struct, frozen=True, kw_only=True):
    head: Head
    rows: _JsonRows
    prices: _JsonPrices | None
    linear_wear_per_kwh: list[float] | None
    shares: _JsonShares | None = None


def _read_json(path: Path) -> StoredPlan:
    source = str(path)
    document = _decoded(path.read_bytes(), _JsonPlan, source)
    _check_version(document.head, source)
    rows = document.rows
    columns: list[list[Any]] = [rows.stay, rows.step, rows.power_kw]
    columns += [] if rows.stored_value is None else [rows.stored_value]
    if len({len(column) for column in columns}) > 1:
        raise no_plan(source, "its columns are not equally long")
    pairs = Pairs(
        stay=np.array(rows.stay, dtype=np.int64),
        step=np.array(rows.step, dtype=np.int64),
        power_kw=np.array(rows.power_kw, dtype=float),
        stored_value=None if rows.stored_value is None else np.array(rows.stored_value),
    )
    prices, wear = document.prices, document.linear_wear_per_kwh
    return StoredPlan(
        source=source,
        head=document.head,
        prices=None if prices is None else _json_prices(prices, source),
        linear_wear_per_kwh=None if wear is None else np.array(wear),
        batches=lambda: iter((pairs,)),
        shares=no_shares if document.shares is None else _json_shares(document.shares, source),
    )


def _json_shares(shares: _JsonShares, source: str) -> Callable[[], Iterator[Shares]]:
    columns = [getattr(shares, name) for name in SHARE_COLUMNS]
    if len({len(column) for column in columns}) > 1:
        raise no_plan(source, "its shares are not equally long")
    block, stay, step = (np.array(column, dtype=np.int64) for column in columns[:3])
    read = Shares(block=block, stay=stay, step=step, kw=np.array(columns[3], dtype=float))
    return lambda: iter((read,))


def _json_prices(prices: _JsonPrices, source: str) -> Prices:
    arrays: dict[str, Any] = {}
    for field in msgspec.structs.fields(_JsonPrices):
        value = getattr(prices, field.name)
        try:
            arrays[field.name] = None if value is None else np.array(value, dtype=float)
        except ValueError as error:
            raise no_plan(source, f"{field.name} is not rectangular") from error
    return Prices(**arrays)


def _decoded(data: bytes, kind: Any, source: str) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise no_plan(source, error) from error


def _check_version(head: Head, source: str) -> None:
    if head.version != VERSION:
        what = f"version {head.version} of plan files is not known, only {VERSION}"
        raise InputError([Finding(source, what, REWRITE)])
