"""What came of each product of a run: offered, delivered, scored, paid.

Response is in the market's own direction, + is less import. Where several products were active at
once, what the fleet missed of their sum is shared by what was offered of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from gridtide.control import Sold
from gridtide.core import InputError
from gridtide.services import Line, Product, score, settle, total_nano
from gridtide.signals import Samples
from gridtide.study.record import Columns
from gridtide.study.serve import Book, Desk, steepest_kw

Floats = npt.NDArray[np.float64]

NANO = 1e9
SAME_S = 1e-6
AFTER_S = 300.0
"""The classic score looks for the response up to so long after the signal [s]."""
TRACKED = ("steps", "baseline")
"""Scorers of a test, not of operation: in operation it is told how well the target was tracked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One product of a run.

    Parameters
    ----------
    figures
        What ``gridtide run --json`` says of it.
    blocks
        One row for each block, as columns.
    lines
        What is paid.
    requested, delivered
        Response asked for and given [kW] over time [s]; empty where nothing was ever sold.
    """

    figures: dict[str, Any]
    blocks: Columns
    lines: list[Line]
    requested: Samples
    delivered: Samples


@dataclass(frozen=True, slots=True)
class _Track:
    """Response of one product at each tick, arrays of shape (ticks,)."""

    begin_s: Floats
    end_s: Floats
    offered_kw: Floats
    asked_kw: Floats
    given_kw: Floats

    def during(self, from_s: float, to_s: float) -> _Track:
        """Ticks that begin in ``[from_s, to_s)``."""
        at = slice(*np.searchsorted(self.begin_s, [from_s - 1e-6, to_s - 1e-6]))
        return _Track(*(getattr(self, name)[at] for name in self.__dataclass_fields__))

    @property
    def hours(self) -> Floats:
        """Length of each tick [h]."""
        return np.asarray((self.end_s - self.begin_s) / 3600.0)


def tell(desk: Desk) -> list[Told]:
    """Tell what came of every product of a desk, in the order of its books."""
    return [_tell(book, _track(desk, book)) for book in desk.books]


def service_columns(told: list[Told]) -> dict[str, Columns]:
    """Tables of a run: blocks of all products, and what every tick asked for and was given."""
    ticks = [
        {
            "product": np.array([one.figures["product"]] * len(one.requested), dtype=object),
            "from_s": one.requested.time_s,
            "to_s": one.delivered.time_s,
            "requested_kw": one.requested.value,
            "delivered_kw": one.delivered.value,
        }
        for one in told
    ]
    return {
        "services": _stacked([one.blocks for one in told]),
        "activation": _stacked(ticks),
    }


def _stacked(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _track(desk: Desk, book: Book) -> _Track:
    """Part of a product in what all of them asked for and what the fleet gave."""
    rows = desk.ticks.rows[: len(desk.ticks.ends_s)]
    begin, offered, asked, given = (np.zeros(len(rows)) for _ in range(4))
    for k, (time_s, baseline_kw, all_asked) in enumerate(rows):
        begin[k] = time_s
        whole = sum(one.sold.offered_kw for one in all_asked)
        missed = (baseline_kw - desk.ticks.net_kw[k]) - sum(one.kw for one in all_asked)
        for one in all_asked:
            if one.service is book.service:
                offered[k], asked[k] = one.sold.offered_kw, one.kw
                given[k] = one.kw + missed * one.sold.offered_kw / whole
    mine = offered > 0
    ends = np.array(desk.ticks.ends_s, dtype=np.float64)
    return _Track(begin[mine], ends[mine], offered[mine], asked[mine], given[mine])


def _tell(book: Book, track: _Track) -> Told:
    blocks = [block for _, block in sorted(book.seller.sold.items())]
    scored = [_score(book.product, track, block) for block in blocks]
    lines = _lines(book, track, blocks, scored)
    short = np.maximum(np.abs(track.asked_kw) - np.abs(track.given_kw), 0.0)
    hours = [(block.to_s - block.from_s) / 3600.0 for block in blocks]
    offered = np.array([block.offered_kw for block in blocks])
    values = np.array([np.nan if one is None else one["score"] for one in scored])
    known = np.isfinite(values) & (offered > 0)
    figures = {
        "product": book.product.name,
        "edition": book.product.edition,
        "unverified": book.product.unverified,
        "note": book.note + _steep(book, offered),
        "blocks_sold": int((offered > 0).sum()),
        "offered_kw_h": float(offered @ np.array(hours)) if blocks else 0.0,
        "largest_offer_kw": float(offered.max(initial=0.0)),
        "score": float(np.average(values[known], weights=offered[known])) if known.any() else None,
        "score_parts": _parts(scored),
        "requested_kwh": float(np.abs(track.asked_kw) @ track.hours),
        "delivered_kwh": float(np.abs(track.given_kw) @ track.hours),
        "shortfall_kwh": float(short @ track.hours),
        "revenue": total_nano(lines) / NANO,
        "unscored": next((one["unscored"] for one in scored if one and "unscored" in one), ""),
        "why_nothing": "" if (offered > 0).any() else _why_nothing(book),
    }
    rows: Columns = {
        "product": np.array([book.product.name] * len(blocks), dtype=object),
        "from_s": np.array([block.from_s for block in blocks]),
        "to_s": np.array([block.to_s for block in blocks]),
        "offered_kw": offered,
        "proven_kw": np.array([block.proven_kw for block in blocks]),
        "score": values,
    }
    return Told(
        figures=figures,
        blocks=rows,
        lines=lines,
        requested=_samples("requested", track.begin_s, track.asked_kw),
        delivered=_samples("delivered", track.end_s, track.given_kw),
    )


def _steep(book: Book, offered: Floats) -> str:
    """Tell where stability of the droop kept an offer small."""
    most = book.seller.terms.most_kw
    steep = steepest_kw(book.product, book.table) <= most < np.inf
    if not steep or not (offered >= most - 1e-6).any():
        return ""
    return f"; offers above {most:.1f} kW are refused: their droop would be unstable"


def _why_nothing(book: Book) -> str:
    """Say why no block was sold."""
    terms = book.seller.terms
    steepest = steepest_kw(book.product, book.table)
    if steepest < max(terms.least_kw, terms.step_kw):
        return (
            f"a droop of more than {steepest:.0f} kW would be unstable in an area of "
            f"{book.table.area_mw:g} MW with the stations' delay"
        )
    proven = max((block.proven_kw for block in book.seller.sold.values()), default=0.0)
    if proven > 0 and proven < max(terms.least_kw, terms.step_kw):
        return (
            f"the smallest offer is {max(terms.least_kw, terms.step_kw):g} kW, and the plans "
            f"proved {proven:.0f} kW at most: pool the fleet with others (pooled = true)"
        )
    return "no plan proved that the fleet could sustain any of it"


def _samples(source: str, time_s: Floats, kw: Floats) -> Samples:
    kept = np.append(np.diff(time_s) > 1e-6, True) if time_s.size else np.zeros(0, dtype=bool)
    return Samples(source=source, time_s=time_s[kept], value=kw[kept])


def _score(product: Product, track: _Track, block: Sold) -> dict[str, Any] | None:
    """Score one block; None where nothing was sold or asked for.

    What its market cannot score (a gap, a call of a minute) is not paid: it scores 0, and is told.
    """
    inside = track.during(block.from_s, block.to_s)
    if block.offered_kw <= 0 or not np.abs(inside.asked_kw).any():
        return None
    try:
        if product.scorer == "spin_event":
            return _score_event(product, track, inside)
        return _score_block(product, track, inside, block)
    except InputError as error:
        missed = block.offered_kw / 1000.0
        return {"score": 0.0, "worst_error": 1.0, "shortfall_mw": missed, "unscored": str(error)}


def _score_block(product: Product, track: _Track, inside: _Track, block: Sold) -> dict[str, Any]:
    after = track.during(block.to_s, block.to_s + AFTER_S)
    # What the fleet gives after the block belongs to the next one, sold of another size.
    more = after.given_kw * (block.offered_kw / after.offered_kw)
    ends = np.concatenate([inside.begin_s[:1], inside.end_s, after.end_s])
    given = np.concatenate([inside.given_kw[:1], inside.given_kw, more])
    step = float(np.median(inside.end_s - inside.begin_s))
    rest = np.arange(ends[-1] + step, block.to_s + AFTER_S + step, step)
    ends, given = np.append(ends, rest), np.append(given, np.zeros(rest.size))
    scorer = "tracking" if product.scorer in TRACKED else product.scorer
    return score(
        msgspec.structs.replace(product, scorer=scorer),
        _samples("requested", inside.begin_s, inside.asked_kw),
        _samples("delivered", ends, given),
        offered_kw=block.offered_kw,
    )


def _score_event(product: Product, track: _Track, inside: _Track) -> dict[str, Any] | None:
    """Score the first call that begins in a block, with a minute before it and one after.

    None where a call goes on from the block before: there it is verified as a whole.
    """
    on = track.asked_kw > 0
    goes_on = on[1:] & on[:-1] & (np.abs(track.begin_s[1:] - track.end_s[:-1]) < SAME_S)
    begins = track.begin_s[on & ~np.append(False, goes_on)]
    begins = begins[(begins >= inside.begin_s[0]) & (begins <= inside.begin_s[-1])]
    if begins.size == 0:
        return None
    begin = float(begins[0])
    call = track.during(begin, np.inf)
    over = np.flatnonzero(call.asked_kw <= 0)
    end = float(call.begin_s[over[0]]) if over.size else float(call.end_s[-1])
    around = track.during(begin - 60.0, end + 120.0)
    clock = np.arange(begin - 60.0, end + 60.0 + 1e-6, 60.0)
    asked = np.where((clock >= begin - 1e-6) & (clock < end - 1e-6), call.asked_kw[0], 0.0)
    # Where another block begins in the event, what is missed of its own offer counts.
    more = np.where(around.asked_kw > 0, call.asked_kw[0] - around.asked_kw, 0.0)
    given = np.interp(clock, around.end_s, around.given_kw + more)
    return score(product, _samples("requested", clock, asked), _samples("delivered", clock, given))


def _parts(scored: list[dict[str, Any] | None]) -> dict[str, float]:
    """Mean of each part of the scores that is a number."""
    found = [one for one in scored if one is not None and "unscored" not in one]
    names = [
        name
        for name, value in (found[0].items() if found else ())
        if isinstance(value, float) and name != "score"
    ]
    return {name: float(np.mean([one[name] for one in found])) for name in names}


def _lines(
    book: Book, track: _Track, blocks: list[Sold], scored: list[dict[str, Any] | None]
) -> list[Line]:
    """Settle every block; one that nobody called counts as kept."""
    if book.product.settler == "spin":
        return _reserve_lines(book, blocks, scored)
    lines: list[Line] = []
    for block, one in zip(blocks, scored, strict=True):
        if block.offered_kw > 0:
            lines += settle(book.product, _inputs(book, track, block, one))
    return lines


def _reserve_lines(
    book: Book, blocks: list[Sold], scored: list[dict[str, Any] | None]
) -> list[Line]:
    """Settle reserve from event to event: a shortfall forfeits what was paid since the last."""
    lines: list[Line] = []
    since: list[Sold] = []
    for k, (block, one) in enumerate(zip(blocks, scored, strict=True)):
        since += [block] if block.offered_kw > 0 else []
        if since and (one is not None or k == len(blocks) - 1):
            given = {
                "assigned_mw": [sold.offered_kw / 1000.0 for sold in since],
                "prices": [1000.0 * book.table.price_per_kw_h] * len(since),
                "hours": book.seller.terms.block_s / 3600.0,
                "shortfall_mw": 0.0 if one is None else one["shortfall_mw"],
            }
            lines += settle(book.product, given)
            since = []
    return lines


def _inputs(
    book: Book, track: _Track, block: Sold, scored: dict[str, Any] | None
) -> dict[str, Any]:
    """Gather what settling a block asks for, by the kind of pay."""
    product, table = book.product, book.table
    hours, mw = (block.to_s - block.from_s) / 3600.0, block.offered_kw / 1000.0
    price, kept = 1000.0 * table.price_per_kw_h, 1.0 if scored is None else scored["score"]
    inside = track.during(block.from_s, block.to_s)
    given = float(inside.given_kw @ inside.hours) / 1000.0
    if product.settler == "pjm_regulation":
        return {
            "mw": mw,
            "score": kept,
            "capability_price": price,
            "performance_price": 1000.0 * table.performance_price_per_kw_h,
            "hours": hours,
        }
    if product.settler in ("capacity", "capacity_score"):
        return {
            "mw": mw,
            "price": price,
            "hours": hours,
            "score": kept,
            "energy_mwh": given,
            "energy_price": 1000.0 * table.energy_price_per_kwh,
        }
    if product.settler == "envelope":
        error = 0.0 if scored is None else scored["worst_error"]
        return {"mw": mw, "price": price, "error": error, "hours": hours}
    if product.settler == "demand_response":
        return {
            "baseline_kwh": [1000.0 * max(given, 0.0)],
            "metered_kwh": [0.0],
            "price": table.energy_price_per_kwh,
            "counts_injection": True,
        }
    return {}
