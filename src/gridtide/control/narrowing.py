"""From a wish to setpoints: controllers that only narrow, in the order of what outranks what.

1. The battery's and the charger's own limits, and doubt about data.
2. The driver's promise: the target stays within reach.
3. The charger's minimum current.
4. The limits of panel, site and feeder, which outrank all the above: where they bind, those
   with the lowest priority number are served first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.control._kernel_limits import share_room, within_limits
from gridtide.control._kernel_narrow import narrow_each
from gridtide.control.image import Image, Setpoints, Wish
from gridtide.fleet import up_the_tree

Floats = npt.NDArray[np.float64]

MARGIN_KW = 1e-9


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
    """
    power = np.array(wish.power_kw, dtype=np.float64)
    stop = np.array(wish.stop_kwh, dtype=np.float64)
    reason = np.array(wish.reason, dtype=np.uint8)
    binding = np.full(power.size, -1, dtype=np.int32)
    sure = np.empty_like(power)
    net, net_sure = np.zeros((2, len(image.limits), 4))
    phases = bool(np.isfinite(image.phase_kw).any())
    parent = image.limits.parent
    narrow_each(
        image.time_s,
        image.until_s,
        image.step,
        image.session,
        image.departure_s,
        image.energy_kwh,
        image.floor_kwh,
        image.full_kwh,
        image.target_kwh,
        image.max_charge_kw,
        image.max_discharge_kw,
        image.knee_kwh,
        image.taper_per_h,
        image.full_power_dc_kw,
        image.participates,
        image.in_doubt,
        image.min_power_kw,
        image.power_step_kw,
        image.loss_law,
        image.loss_table,
        image.limit,
        image.phase_share,
        phases,
        power,
        stop,
        reason,
        sure,
        net,
        net_sure,
    )
    up_the_tree(net, parent)
    up_the_tree(net_sure, parent)
    room_in, room_out = room_kw(image)
    if not within_limits(net, net_sure, room_in, room_out):
        priority = laxity_h(image) if wish.priority is None else wish.priority
        share_room(
            power,
            sure,
            reason,
            binding,
            np.argsort(priority, kind="stable"),
            image.min_power_kw,
            image.limit,
            image.phase_share,
            parent,
            room_in,
            room_out,
        )
    return Setpoints(power_kw=power, stop_kwh=stop, reason=reason, binding=binding)


def laxity_h(image: Image) -> Floats:
    """Time to spare before a vehicle must charge at full power [h]; unknown departures first.

    Laxity is the time until departure less the time that full power needs for the target.
    """
    left = (image.departure_s - image.time_s) / 3600.0
    missing = np.maximum(image.goal_kwh - image.energy_kwh, 0.0)
    hours = np.divide(
        missing,
        image.full_power_dc_kw,
        out=np.zeros_like(missing),
        where=image.full_power_dc_kw > 0,
    )
    return np.nan_to_num(left - hours, nan=-np.inf)


def room_kw(image: Image) -> tuple[Floats, Floats]:
    """Net power that vehicles may add below each limit, import and export [kW].

    Where the base load alone is above a limit the room is zero: vehicles never add to it.

    Returns
    -------
    room_in, room_out
        Shape (limits, 4): net power, L1, L2, L3. Base load counts evenly on the phases.
    """
    base = np.column_stack([image.base_kw] + [image.base_kw / 3] * 3)
    cap_in = np.column_stack([image.import_kw, image.phase_kw])
    cap_out = np.column_stack([image.export_kw, image.phase_kw])
    return (
        np.maximum(cap_in - base - MARGIN_KW, 0.0),
        np.maximum(cap_out + base - MARGIN_KW, 0.0),
    )
