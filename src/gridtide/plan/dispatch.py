"""How a total is shared among vehicles within one step: over few at high power, or over many.

A charger that runs loses ``a + b·P + c·P²`` (:mod:`gridtide.battery.losses`). With a fixed part
``a`` and no current below 6 A, the same total over fewer vehicles loses less, switches less and
leaves nothing over that is too small for a charger; over more vehicles it is fairer, and heats
cables less where ``c`` rules.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.plan.problem import Floats, Ints

SMALL_KW = 1e-9


def gather(total_kw: float, least_kw: Floats, most_kw: Floats, merit: Floats) -> Floats:
    """Share a total over as few vehicles as carry it, those of highest merit first.

    Parameters
    ----------
    total_kw
        What is to be shared, charging or discharging alike, >= 0 [kW].
    least_kw, most_kw
        Smallest and largest power of each vehicle [kW], shape (n,); ``most_kw`` below
        ``least_kw`` cannot run.
    merit
        Who goes first: urgency, or what a kWh is worth there, shape (n,).

    Returns
    -------
    power_kw
        0 or within range, shape (n,); together never more than the total. Less where the
        vehicles cannot take it, or where what is left over is too small for a charger.
    """
    most = np.where(most_kw >= least_kw, most_kw, 0.0)
    order = np.argsort(-merit, kind="stable")
    before = np.cumsum(most[order]) - most[order]
    power = np.zeros(len(most))
    power[order] = np.clip(total_kw - before, 0.0, most[order])
    power[power < SMALL_KW] = 0.0
    cut = order[(power[order] > 0.0) & (power[order] < least_kw[order] - SMALL_KW)]
    for last in cut:  # one at most: the last one that gets anything
        _raise_last(power, least_kw, order, int(last))
    return power


def _raise_last(power: Floats, least: Floats, order: Ints, last: int) -> None:
    """Take from those before it what the last one lacks, or give up what is left over."""
    lacks = least[last] - power[last]
    spare = np.where(power > 0, np.maximum(power - least, 0.0), 0.0)[order[::-1]]
    if spare.sum() < lacks:
        power[last] = 0.0
        return
    passed = np.cumsum(spare) - spare
    power[order[::-1]] -= np.clip(lacks - passed, 0.0, spare)
    power[last] = least[last]


def spread(total_kw: float, least_kw: Floats, most_kw: Floats, merit: Floats) -> Floats:
    """Share a total equally over as many vehicles as can hold their share.

    Parameters and result are those of :func:`gather`; ``merit`` says who stays where not all can.
    """
    most = np.where(most_kw >= least_kw, most_kw, 0.0)
    order = np.argsort(-np.where(most > 0, merit, -np.inf), kind="stable")
    few, many = 0, int(np.sum(most > 0))
    while few < many:  # the most vehicles of which each gets its least
        count = (few + many + 1) // 2
        chosen = order[:count]
        share = _equal(total_kw, most[chosen])
        held = bool(np.all(share >= least_kw[chosen] - SMALL_KW))
        few, many = (count, many) if held else (few, count - 1)
    power = np.zeros(len(most))
    power[order[:few]] = _equal(total_kw, most[order[:few]])
    return power


def _equal(total_kw: float, most_kw: Floats) -> Floats:
    """Equal shares up to each one's largest: water filled into vessels of that height."""
    if len(most_kw) == 0 or total_kw >= most_kw.sum():
        return most_kw.copy()
    heights = np.sort(most_kw)
    below = np.cumsum(heights) - heights
    filled = below + heights * np.arange(len(heights), 0, -1)
    k = int(np.searchsorted(filled, total_kw))
    level = (total_kw - below[k]) / (len(heights) - k)
    share: Floats = np.minimum(most_kw, level)
    return share


def loss_kw(power_kw: Floats, law: npt.ArrayLike | None = None) -> float:
    """Loss of all chargers together [kW].

    Parameters
    ----------
    power_kw
        At the plugs, + is charging, shape (n,).
    law
        ``a [kW], b [-], c [1/kW]``, shape (3,) or (n, 3).
    """
    # Compiled, and needed by few plans: imported only here.
    from gridtide.battery import DEFAULT_LAW, cells_kw

    law = DEFAULT_LAW if law is None else law
    on = power_kw != 0.0
    each = np.broadcast_to(np.asarray(law, dtype=float), (len(power_kw), 3))
    return float(np.sum(power_kw[on] - cells_kw(power_kw[on], each[on])))
