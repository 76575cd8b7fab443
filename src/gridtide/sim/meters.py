"""Registers in whole watt-hours, read at every meter interval and at every unplugging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.control import Plugs
from gridtide.sim._kernel_plugs import Registers, read_plugs, whole_wh

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = Mapping[str, npt.NDArray[Any]]
Sink = Callable[[Columns], None]


class Meters:
    """Turns cumulative registers into interval rows.

    Parameters
    ----------
    chargers, sites
        How many there are.
    charger_rows, site_rows
        Called with the columns of every reading.
    """

    def __init__(self, chargers: int, sites: int, charger_rows: Sink, site_rows: Sink) -> None:
        self._in_wh = np.zeros(chargers, dtype=np.int64)
        self._out_wh = np.zeros(chargers, dtype=np.int64)
        self._site_wh = np.zeros((sites, 4), dtype=np.int64)
        self._charger_rows = charger_rows
        self._site_rows = site_rows

    def read_chargers(
        self,
        start_s: int,
        which: Ints,
        plugs: Plugs,
        registers: Registers,
        temperature_c: Floats | None = None,
    ) -> None:
        """Read some chargers' registers for the interval that began at ``start_s``.

        Rows hold the temperatures of the packs only where these are modelled.
        """
        if which.size == 0:
            return
        charger, session, import_wh, export_wh, energy = read_plugs(
            which, plugs, registers, self._in_wh, self._out_wh
        )
        rows: dict[str, npt.NDArray[Any]] = {
            "interval_s": np.full(which.size, start_s, dtype=np.int64),
            "charger": charger,
            "session": session,
            "import_wh": import_wh,
            "export_wh": export_wh,
            "energy_kwh": energy,
        }
        if temperature_c is not None:
            rows["temperature_c"] = temperature_c[which].astype(np.float32)
        self._charger_rows(rows)

    def read_sites(self, start_s: int, register_kwh: Floats) -> None:
        """Read the sites' registers; columns are import, export, building, PV [kWh]."""
        now = np.array([[whole_wh(kwh) for kwh in row] for row in register_kwh], dtype=np.int64)
        step = now - self._site_wh
        self._site_rows(
            {
                "interval_s": np.full(now.shape[0], start_s, dtype=np.int64),
                "site": np.arange(now.shape[0], dtype=np.int32),
                "import_wh": step[:, 0],
                "export_wh": step[:, 1],
                "building_wh": step[:, 2],
                "pv_wh": step[:, 3],
            }
        )
        self._site_wh = now
