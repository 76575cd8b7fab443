"""From a wish to setpoints: controllers that only narrow, in the order of what outranks what.

1. The battery's own limits (its envelope), the charger's, and doubt about data.
2. The driver's promise: the target stays within reach.
3. The charger's minimum current.
4. The planned peak, where a peak costs: planned charging that can wait does.
5. The limits of panel, site and feeder, which outrank all the above: where they bind, those
   with the lowest priority number are served first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gridtide.control._kernel_limits import room, share_room, within_limits
from gridtide.control._kernel_narrow import narrow_each
from gridtide.control.enclosing import beside_setpoints_kw, enclose, plugs_of
from gridtide.control.image import Image, Setpoints, Wish
from gridtide.core import Reason, StrategyError
from gridtide.fleet import up_the_tree

Floats = npt.NDArray[np.float64]

MARGIN_KW = 1e-9
NO_TIME_H = -1e6


def narrow(image: Image, wish: Wish) -> Setpoints:
    """Narrow a strategy's wish to setpoints that keep every limit.

    Parameters
    ----------
    image
        The world now.
    wish
        What the strategy would like; it is not changed.

    Returns
    -------
    Setpoints
        With the reason of each value, and the limit that bound it.

    Raises
    ------
    StrategyError
        If the wish is not for as many chargers as there are, or not a number.
    """
    _check_shape(image, wish)
    enclosed = enclose(image)
    image = enclosed.image
    each = _narrow_each(image, wish)
    if wish.peak_kw is not None:
        less = _below_peak(image, wish, wish.peak_kw, each)
        if less is not None:
            wish, each = less, _narrow_each(image, less)
    enclosed.tell(wish, each.power, each.reason)
    room_in, room_out = room_kw(image)
    if not within_limits(each.net, each.net_sure, room_in, room_out):
        priority = laxity_h(image) if wish.priority is None else wish.priority
        share_room(
            each.power,
            each.sure,
            each.reason,
            each.binding,
            np.argsort(priority, kind="stable"),
            image.min_power_kw,
            image.power_step_kw,
            image.limit,
            image.phase_share,
            image.limits.parent,
            room_in,
            room_out,
        )
    return Setpoints(
        power_kw=each.power, stop_kwh=each.stop, reason=each.reason, binding=each.binding
    )


def able_kw(image: Image) -> tuple[Floats, Floats]:
    """Least and most power that each vehicle can hold until the next decision [kW].

    Within battery, charger, doubt and the promise, as :func:`narrow` keeps them; what limits of
    panel and site leave is shared out there. What surely flows counts: a battery that is nearly
    full takes less than its charger gives. Shapes (chargers,).
    """
    image = enclose(image).image
    stop = image.full_kwh
    reason = np.full(image.session.size, Reason.SERVICE, dtype=np.uint8)
    least, most = (
        _narrow_each(image, Wish(power_kw=power, stop_kwh=stop, reason=reason)).sure
        for power in (-image.max_discharge_kw, image.max_charge_kw)
    )
    return least, np.maximum(least, most)


def _check_shape(image: Image, wish: Wish) -> None:
    """Compiled code does not look: a wrong length would read other people's memory."""
    n = image.session.size
    for name in ("power_kw", "stop_kwh", "reason", "priority"):
        values = getattr(wish, name)
        if values is not None and np.shape(values) != (n,):
            told = f"{name} of shape {np.shape(values)} for {n} chargers"
            raise StrategyError(f"a wish must hold one value per charger: {told}")


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """Powers that each vehicle and charger can do, and their sums below each limit."""

    power: Floats
    stop: Floats
    reason: npt.NDArray[np.uint8]
    binding: npt.NDArray[np.int32]
    sure: Floats
    net: Floats
    net_sure: Floats


def _narrow_each(image: Image, wish: Wish) -> _Narrowed:
    """Battery, promise and minimum current, charger by charger."""
    n = image.session.size
    net, net_sure = np.zeros((2, len(image.limits), 4))
    out = _Narrowed(  # where nothing is plugged in, zeros say so
        power=np.zeros(n),
        stop=np.zeros(n),
        reason=np.zeros(n, dtype=np.uint8),
        binding=np.full(n, -1, dtype=np.int32),
        sure=np.zeros(n),
        net=net,
        net_sure=net_sure,
    )
    numbers = narrow_each(
        image.time_s,
        image.until_s,
        image.step,
        np.flatnonzero(image.session >= 0).view(np.uint64),
        np.ascontiguousarray(wish.power_kw, dtype=np.float64),
        np.ascontiguousarray(wish.stop_kwh, dtype=np.float64),
        np.ascontiguousarray(wish.reason, dtype=np.uint8),
        plugs_of(image),
        image.in_doubt,
        image.min_power_kw,
        image.power_step_kw,
        image.loss_law,
        image.loss_table,
        image.limit,
        image.phase_share,
        bool(np.isfinite(image.phase_kw).any()),
        out.power,
        out.stop,
        out.reason,
        out.sure,
        out.net,
        out.net_sure,
    )
    if not numbers:
        raise StrategyError("a wish is not a number where a vehicle is plugged in")
    up_the_tree(net, image.limits.parent)
    up_the_tree(net_sure, image.limits.parent)
    return out


def _below_peak(image: Image, wish: Wish, peak_kw: Floats, done: _Narrowed) -> Wish | None:
    """Put planned charging off where the site would pass its planned peak.

    Those with the most time to spare wait first. The wish is narrowed again after this, so
    that nobody's promise waits.
    """
    excess = done.net[:, 0] + image.unsteered_kw - np.maximum(peak_kw, image.peak_kw)
    if not (excess > MARGIN_KW).any():
        return None
    power = np.where(done.reason == Reason.PLAN, done.power, wish.power_kw)
    reason = np.array(wish.reason, dtype=np.uint8)
    order = np.argsort(-laxity_h(image), kind="stable")
    for node in np.flatnonzero(excess > MARGIN_KW):
        below = image.limits.site[image.limit] == node
        waits = order[(below & (done.reason == Reason.PLAN) & (power > 0))[order]]
        before = np.cumsum(power[waits]) - power[waits]
        cut = np.clip(excess[node] - before, 0.0, power[waits])
        left = power[waits] - cut
        left[left < image.min_power_kw[waits]] = 0.0
        power[waits] = np.where(cut > 0, left, power[waits])
        reason[waits[cut > 0]] = Reason.PEAK
    return replace(wish, power_kw=power, reason=reason)


def laxity_h(image: Image) -> Floats:
    """Time to spare before a vehicle must charge at full power [h].

    Laxity is the time until departure less the time that full power needs for the target.
    Where the departure is unknown there is none: those come first, in the order of arrival.
    """
    left = (image.departure_s - image.time_s) / 3600.0
    missing = np.maximum(image.goal_kwh - image.energy_kwh, 0.0)
    hours = np.divide(
        missing,
        image.full_power_dc_kw,
        out=np.zeros_like(missing),
        where=image.full_power_dc_kw > 0,
    )
    unknown = NO_TIME_H + (image.arrival_s - image.time_s) / 3600.0
    laxity: Floats = np.where(np.isnan(left), unknown, left - hours)
    return laxity


def room_kw(image: Image, margin_kw: float = MARGIN_KW) -> tuple[Floats, Floats]:
    """Net power that vehicles may add below each limit, import and export [kW].

    Where the base load alone is above a limit the room is zero: vehicles never add to it. What
    heats or cools packs is not steered and counts like base load, on its own phases.

    Returns
    -------
    room_in, room_out
        Shape (limits, 4): net power, L1, L2, L3. Base load counts evenly on the phases.
    """
    both: tuple[Floats, Floats] = room(
        image.base_kw,
        beside_setpoints_kw(image),
        image.import_kw,
        image.export_kw,
        image.phase_kw,
        margin_kw,
    )
    return both
