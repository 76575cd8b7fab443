"""Grid services in a run: sold from its plans, activated tick by tick, and what was delivered.

A :class:`Desk` holds every product of a case. The planner asks it for blocks of reserve, the loop
for what is activated now, and the plant tells it what flowed. What came of it is told by
:mod:`gridtide.study.serve_told`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from gridtide.control import (
    Asked,
    Expectation,
    PlanRecord,
    Seller,
    Served,
    Service,
    Serving,
    Strategy,
    Terms,
)
from gridtide.core import Finding, InputError, stream
from gridtide.grid import permit
from gridtide.plan import Reserve
from gridtide.services import (
    Product,
    ServiceTable,
    generated,
    product_named,
    quantity,
    response,
)
from gridtide.services.respond import RANGE, steepest_share_per_hz
from gridtide.signals import Samples, read_samples
from gridtide.sim import Stations, World
from gridtide.study.build import Find, file_finder, past_habits
from gridtide.study.case import Case
from gridtide.study.plan_tape import PlanTape

Floats = npt.NDArray[np.float64]
Asking = tuple[float, float, tuple[Asked, ...]]
"""Instant [s], declared power [kW], and what each product asks for."""
Bools = npt.NDArray[np.bool_]

RELATIVE_BELOW_S = 400.0 * 86_400.0
"""Times in a file that end below count from the begin of something, not from 1970 [s]."""
LINGERS_S = 7200.0
"""Who is past the stated departure is counted on to stay for so long more."""
FASTEST_TICK_S, SLOWEST_TICK_S = 1.0, 60.0
"""A fleet is told setpoints no sooner, and looks at its services no later [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All products of a run, and what happened to them.

    Parameters
    ----------
    books
        One for each product, the one whose gate closes first leading.
    tick_s
        Time between decisions [s].
    stations
        How late and how fast stations answer.
    serve
        Chargers that may be moved; None: all.
    expects
        What past days say of vehicles that are yet to come; None: they do not count.
    """

    books: tuple[Book, ...]
    tick_s: float
    stations: Stations
    serve: Bools | None = None
    expects: Expectation | None = None
    ticks: Ticks = field(default_factory=lambda: Ticks())

    def reserves(self, edges_s: Floats) -> tuple[Reserve, ...]:
        """Blocks that a plan on these steps is asked for."""
        return tuple(r for book in self.books for r in book.seller.reserves(edges_s))

    def heed(self, record: PlanRecord) -> None:
        """Sell the blocks whose gate closes with this plan."""
        for book in self.books:
            book.seller.heed(record)

    def wrap(self, strategy: Strategy, *, bidirectional: bool) -> Serving:
        """Let a strategy that follows plans serve."""
        services = [book.service for book in self.books]
        return Serving(
            strategy,
            services,
            watch=self.ticks.served,
            bidirectional=bidirectional,
            serve=self.serve,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One product in operation.

    Parameters
    ----------
    product, table
        Its rule, and what the scenario says of it.
    seller
        Knows what was sold.
    samples
        What activates it; None: nothing ever does.
    service
        What the loop asks.
    note
        What the report must say, such as that the signal is synthetic.
    """

    product: Product
    table: ServiceTable
    seller: Seller
    samples: Samples | None
    service: Service
    note: str = ""


@dataclass(slots=True)
class Ticks:
    """What was asked for and what flowed, tick by tick."""

    rows: list[Asking] = field(default_factory=list)
    ends_s: list[float] = field(default_factory=list)
    net_kw: list[float] = field(default_factory=list)
    watching: bool = False

    def served(self, served: Served) -> None:
        """Note what one tick asks for."""
        # How it was shared out is let go of: a day of ticks of a large fleet would fill the memory.
        self.rows.append((served.time_s, served.baseline_kw, served.asked))
        self.watching = True

    def flowed(self, end_s: float, net_kw: float) -> None:
        """Note what flowed in it: the mean power until ``end_s`` [kW]."""
        if self.watching:
            self.ends_s.append(end_s)
            self.net_kw.append(net_kw)
            self.watching = False


def heeded(desk: Desk, plans: PlanTape | None) -> Callable[[PlanRecord], None]:
    """Let both the desk and the tape take every plan."""

    def take(record: PlanRecord) -> None:
        desk.heed(record)
        if plans is not None:
            plans(record)

    return take


def open_desk(case: Case, services: Mapping[str, ServiceTable]) -> Desk:
    """Make everything ready that selling and serving some products of a case takes.

    Raises
    ------
    InputError
        With every finding: unknown products, such as cannot be activated, unreadable signals.
    """
    world, scenario = case.world, case.scenario
    find = file_finder(case.folder)
    findings: list[Finding] = []
    books: list[Book] = []
    for name, table in services.items():
        try:
            _check_site(table, world)
            books.append(keep_book(product_named(name), table, world, scenario.seed, find))
        except InputError as error:
            at = case.place(f"services.{name}")
            findings += [Finding(f"{at} {f.where}", f.what, f.mend) for f in error.findings]
    if findings:
        raise InputError(findings)
    expects, serve = _expectation(case, books), _who_serves(books, world)
    if expects is None and all(book.seller.terms.confidence < 1.0 for book in books):
        told = "no past days are known: only vehicles that are there count"
        books = [replace(book, note=f"{book.note}; {told}") for book in books]
    return desk_of_books(books, len(world.chargers), expects, serve)


def _check_site(table: ServiceTable, world: World) -> None:
    names = [world.limits.names[node] for node in np.flatnonzero(world.limits.parent < 0)]
    if table.site is not None and table.site not in names:
        mend = f"Write one of {', '.join(names)}"
        raise InputError([Finding("site", f"there is no site {table.site}", mend)])


def _who_serves(books: list[Book], world: World) -> Bools | None:
    """Chargers at the sites of all products; None where a product is served by all."""
    sites = [book.table.site for book in books if book.table.site is not None]
    if len(sites) < len(books):
        return None
    top = np.array(world.limits.names, dtype=object)[world.limits.site[world.chargers.limit]]
    return np.asarray(np.isin(top.astype(str), sites))


def _expectation(case: Case, books: list[Book]) -> Expectation | None:
    """Learn from the days before the run, where all products let what is not certain be sold."""
    confidence = max(book.seller.terms.confidence for book in books)
    if confidence >= 1.0:
        return None
    habits = past_habits(case)
    if habits is None:
        return None
    return Expectation(habits=habits, midnight_s=case.world.grid.start_s, confidence=confidence)


def desk_of_books(
    books: list[Book],
    chargers: int,
    expects: Expectation | None = None,
    serve: Bools | None = None,
) -> Desk:
    """Return the desk of some products; those whose gate closes first lead."""
    books = sorted(books, key=lambda book: -book.seller.terms.gate_s)
    tick_s = min(_step_s(book.product) for book in books)
    late = max(book.table.latency_s for book in books)
    slow = min(book.table.pace_kw_per_s for book in books)
    stations = Stations(np.full(chargers, late), np.full(chargers, slow), tick_s)
    return Desk(books=tuple(books), tick_s=tick_s, stations=stations, serve=serve, expects=expects)


def _step_s(product: Product) -> float:
    """Time between samples that a fleet looks at [s]."""
    usual = product.sampling_s or SLOWEST_TICK_S
    return min(max(usual, FASTEST_TICK_S), SLOWEST_TICK_S)


def keep_book(product: Product, table: ServiceTable, world: World, seed: int, find: Find) -> Book:
    """Open the book of one product; raise an InputError where its signal cannot be read."""
    start, end = float(world.grid.start_s), float(world.grid.end_s)
    samples, note = _samples(product, table, start, end, seed, find)
    seller = Seller(terms_of(product, table), start, end)
    service = Service(sales=seller, response=partial(_response, product, samples))
    return Book(
        product=product, table=table, seller=seller, samples=samples, service=service, note=note
    )


def _samples(
    product: Product,
    table: ServiceTable,
    start_s: float,
    end_s: float,
    seed: int,
    find: Find,
) -> tuple[Samples | None, str]:
    """Read or draw what activates a product."""
    if table.signal == "none":
        return None, "never activated"
    step = _step_s(product)
    if table.signal == "generated":
        n = round((end_s - start_s) / step)
        value = generated(product, n, step, stream(seed, f"signal of {product.name}"))
        times = start_s + step * np.arange(n, dtype=np.float64)
        return Samples(source="synthetic", time_s=times, value=value), "the signal is synthetic"
    kind = quantity(product)
    lowest, highest = RANGE[kind]
    read = read_samples(find(table.signal), kind, lowest=lowest, highest=highest)
    if in_seconds(read):
        hour, minute = map(int, table.signal_begins.split(":"))
        begin = start_s + 3600 * hour + 60 * minute
        read = Samples(source=read.source, time_s=begin + read.time_s, value=read.value)
    if not read.time_s.size or read.time_s[-1] < start_s or read.time_s[0] >= end_s:
        what = "has no sample within the run"
        mend = "Write instants within the run, or seconds since it began"
        raise InputError([Finding(read.source, what, mend)])
    return read, f"signal from {table.signal}"


def in_seconds(samples: Samples) -> bool:
    """Whether times count from some begin, not from 1970."""
    return bool(samples.time_s.size and samples.time_s[-1] < RELATIVE_BELOW_S)


def _response(product: Product, samples: Samples | None, time_s: float) -> float:
    if samples is None:
        return 0.0
    return response(product, samples.at(time_s, product.hold_s))


def steepest_kw(product: Product, table: ServiceTable) -> float:
    """Return the largest offer whose droop is stable for the delay it is answered with [kW].

    The delay is that of the stations and half a time between looks at the frequency.
    """
    slope = steepest_share_per_hz(product)
    if table.area_mw is None or slope is None:
        return math.inf
    allowed = permit(table.latency_s + _step_s(product) / 2.0).permitted_gain
    return 1000.0 * table.area_mw * allowed / slope


def terms_of(product: Product, table: ServiceTable) -> Terms:
    """Return what operating a product needs to know of its rule."""
    gate = table.gate_minutes
    return Terms(
        block_s=round(60 * product.block_minutes),
        gate_s=round(60 * (product.gate_minutes if gate is None else gate)),
        duration_h=product.sustain_minutes / 60.0,
        price_per_kw_h=table.price_per_kw_h + table.performance_price_per_kw_h,
        step_kw=0.0 if table.pooled else product.bid_step_kw,
        least_kw=0.0 if table.pooled else product.min_bid_kw,
        most_kw=min(steepest_kw(product, table), table.most_kw or math.inf),
        confidence=product.confidence if table.confidence is None else table.confidence,
        opposite_share=product.opposite_share,
        firm_share=table.firm_share,
        up=product.direction in ("up", "symmetric"),
        down=product.direction in ("down", "symmetric"),
        name=product.name,
        limit=table.site or "",
    )
