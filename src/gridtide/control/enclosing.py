"""The battery's own limits, first of all: an image in which every vehicle offers less.

What the envelope closes is closed for the plan, the promise and the wish alike. The limits hold
as of now for as long as anyone looks ahead: a pack that warms up is seen at the next decision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np
import numpy.typing as npt

from gridtide.battery import EnvelopeLaw, envelope_law, voltage_law
from gridtide.control._kernel_enclose import beside_setpoints, enclose_each, tell_cuts
from gridtide.control._kernel_narrow import Plugs
from gridtide.control.image import Codes, Image, Wish

Floats = npt.NDArray[np.float64]

_NO_ENVELOPE = EnvelopeLaw(
    charge_rate=inf,
    discharge_rate=inf,
    by_temperature=False,
    discharge_off_below=-inf,
    cold=-inf,
    cold_charge_rate=inf,
    cold_discharge_rate=inf,
    mild=-inf,
    hot=inf,
    off_above=inf,
    floor_soc=0.0,
    top_soc=inf,
    hard_top_soc=inf,
    yearly_kwh=inf,
    yearly_cycles=inf,
    dwell_s=0.0,
    stale_s=inf,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """An image within the battery's own limits, and why each was cut.

    Parameters
    ----------
    image
        With lower powers, a higher floor, a lower full: never wider than it was.
    outer
        The image as it was.
    charge_reason, discharge_reason
        Code of :class:`gridtide.core.Reason` of each cut, 0 for none, shape (chargers,).
    """

    image: Image
    outer: Image
    charge_reason: Codes
    discharge_reason: Codes

    def tell(self, wish: Wish, power_kw: Floats, reason: Codes) -> None:
        """Give powers that these limits cut their reason, in place."""
        if self.image is self.outer:
            return
        tell_cuts(
            plugs_of(self.outer),
            plugs_of(self.image),
            self.charge_reason,
            self.discharge_reason,
            np.ascontiguousarray(wish.power_kw, dtype=np.float64),
            np.ascontiguousarray(wish.reason, dtype=np.uint8),
            power_kw,
            reason,
        )


def plugs_of(image: Image) -> Plugs:
    """Return what compiled code needs of an image."""
    return Plugs(*(getattr(image, name) for name in Plugs._fields))


def enclose(image: Image) -> Enclosed:
    """Narrow what every vehicle offers to what its battery allows now.

    Where the image has neither an envelope nor heaters and coolers at work it is returned as
    it is. The envelope is gone from an enclosed image, for it has been heeded.
    """
    n = image.session.size
    if image.envelope is None and image.auxiliary_kw is None:
        none = np.zeros(0, dtype=np.uint8)
        return Enclosed(image=image, outer=image, charge_reason=none, discharge_reason=none)
    inner = Plugs(**{name: values.copy() for name, values in plugs_of(image)._asdict().items()})
    doubt = np.array(image.in_doubt)
    charge_reason, discharge_reason = np.zeros((2, n), dtype=np.uint8)
    enclose_each(
        image.time_s,
        image.until_s,
        plugs_of(image),
        image.temperature_c,
        _known(image.auxiliary_kw, n, 0.0),
        _known(image.discharged_kwh, n, 0.0),
        np.zeros(n, dtype=np.int8) if image.direction is None else image.direction,
        _known(image.direction_since_s, n, -inf),
        _known(image.declared_s, n, image.time_s),
        image.min_power_kw,
        image.power_step_kw,
        image.loss_law,
        image.loss_table,
        _NO_ENVELOPE if image.envelope is None else envelope_law(image.envelope),
        _chemistry(image),
        voltage_law(0.0 if image.envelope is None else image.envelope.voltage_margin_v),
        inner,
        doubt,
        charge_reason,
        discharge_reason,
    )
    within = replace(image, **inner._asdict(), in_doubt=doubt, envelope=None)
    return Enclosed(
        image=within,
        outer=image,
        charge_reason=charge_reason,
        discharge_reason=discharge_reason,
    )


def _chemistry(image: Image) -> npt.NDArray[np.int8]:
    """Return the chemistries whose voltages count."""
    envelope = image.envelope
    if envelope is None or not envelope.by_voltage or image.chemistry is None:
        return np.full(image.session.size, -1, dtype=np.int8)
    return image.chemistry


def _known(values: Floats | None, n: int, otherwise: float) -> Floats:
    return np.full(n, otherwise) if values is None else values


def beside_setpoints_kw(image: Image) -> Floats:
    """Net power below each limit that vehicles draw beside their setpoints [kW].

    Returns
    -------
    Shape (limits, 4): net power, L1, L2, L3.
    """
    if image.auxiliary_kw is None:
        return np.zeros((len(image.limits), 4))
    net: Floats = beside_setpoints(
        image.auxiliary_kw, image.limit, image.phase_share, image.limits.parent
    )
    return net
