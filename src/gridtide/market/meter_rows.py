"""Meter intervals in whole watt-hours, as settlement reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Columns = Mapping[str, npt.NDArray[Any]]
# Wh times micro-currency per kWh must fit into 64 bits, also squared in the split of a refund.
LARGEST_WH = 2_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargerRows:
    """Readings of the chargers of one site; arrays of shape (rows,), in any order.

    Parameters
    ----------
    interval_s
        Start of the meter interval [s since 1970-01-01 UTC].
    vehicle
        Index of the vehicle that was plugged in.
    import_wh, export_wh
        Energy into and out of the vehicle at the plug in this interval [Wh]; both >= 0.
    """

    interval_s: Ints
    vehicle: Ints
    import_wh: Ints
    export_wh: Ints

    def __post_init__(self) -> None:
        _check(self.interval_s, self.import_wh, self.export_wh)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.interval_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRows:
    """Readings of one site's meter; arrays of shape (intervals,), increasing in time.

    Parameters
    ----------
    interval_s
        Start of the meter interval [s since 1970-01-01 UTC].
    length_s
        Length of an interval [s].
    import_wh, export_wh
        Energy drawn from and fed into the grid [Wh]; both >= 0.
    building_wh, pv_wh
        What the building used and the sun gave [Wh]; both >= 0, told only, not settled on.
    """

    interval_s: Ints
    length_s: int
    import_wh: Ints
    export_wh: Ints
    building_wh: Ints
    pv_wh: Ints

    def __post_init__(self) -> None:
        _check(self.interval_s, self.import_wh, self.export_wh)
        if np.any(np.diff(self.interval_s) < self.length_s):
            raise ValueError("meter intervals of a site must increase and must not overlap")

    def __len__(self) -> int:
        """Return the number of intervals."""
        return len(self.interval_s)

    @property
    def net_wh(self) -> Ints:
        """Import minus export [Wh], shape (intervals,)."""
        return self.import_wh - self.export_wh


def charger_rows(
    columns: Columns, vehicle_of_session: Ints, site_of_charger: Ints, site: int
) -> ChargerRows:
    """Pick one site's rows from the charger meter table.

    Parameters
    ----------
    columns
        ``interval_s, charger, session, import_wh, export_wh``; rows without a session (-1)
        carry no energy and are left out.
    vehicle_of_session, site_of_charger
        Index of the vehicle of each session and of the site of each charger.
    site
        Index of the site.

    Raises
    ------
    ValueError
        If a row without a session carries energy: it would belong to nobody.
    """
    session = np.asarray(columns["session"], dtype=np.int64)
    here = site_of_charger[columns["charger"]] == site
    nobody = here & (session < 0)
    if np.any(columns["import_wh"][nobody]) or np.any(columns["export_wh"][nobody]):
        raise ValueError("a charger metered energy while no vehicle was plugged in")
    here &= session >= 0
    return ChargerRows(
        interval_s=np.asarray(columns["interval_s"], dtype=np.int64)[here],
        vehicle=vehicle_of_session[session[here]],
        import_wh=np.asarray(columns["import_wh"], dtype=np.int64)[here],
        export_wh=np.asarray(columns["export_wh"], dtype=np.int64)[here],
    )


def site_rows(columns: Columns, site: int, length_s: int) -> SiteRows:
    """Pick one site's rows from the site meter table, sorted by time.

    ``columns`` holds ``interval_s, site, import_wh, export_wh, building_wh, pv_wh``.
    """
    here = np.flatnonzero(np.asarray(columns["site"]) == site)
    here = here[np.argsort(columns["interval_s"][here], kind="stable")]

    def pick(name: str) -> Ints:
        return np.asarray(columns[name], dtype=np.int64)[here]

    return SiteRows(
        interval_s=pick("interval_s"),
        length_s=length_s,
        import_wh=pick("import_wh"),
        export_wh=pick("export_wh"),
        building_wh=pick("building_wh"),
        pv_wh=pick("pv_wh"),
    )


def _check(interval_s: Ints, import_wh: Ints, export_wh: Ints) -> None:
    for name, values in (("import_wh", import_wh), ("export_wh", export_wh)):
        if values.dtype != np.int64 or values.shape != interval_s.shape:
            raise ValueError(f"{name} must be int64 and as long as interval_s")
        if values.size and (values.min() < 0 or values.max() > LARGEST_WH):
            raise ValueError(f"{name} must lie in 0..{LARGEST_WH} Wh: registers never run back")
