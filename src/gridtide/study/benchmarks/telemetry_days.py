"""Synthetic telemetry of normal days: people drive, park, charge, and give power back.

Everything here is made up. Sensor noise: 10 mA, and 3 mV per cell on the pack's voltage; SOC in
steps of 1 % or 0.5 %, up to two minutes late, with a slowly wandering error of 0.8 %; half of
the vehicles count SOC by charge, half by energy. Capacity differs from the declared by 2 %,
resistance has grown by a factor of 1 to 1.5, open-circuit voltage is off by 5 mV, charging losses
differ. Samples and single values drop out. One fleet in three parts has 52, 60 or 77 kWh.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.battery import CIRCUITS, Circuit, Nameplate, Telemetry
from gridtide.core import stream
from gridtide.study.benchmarks._kernel_telemetry import Carried, Packs, Stay, live_a_day

Floats = npt.NDArray[np.float64]

MINUTES = 1440
START_S = 1_780_315_200  # 2026-06-01 12:00 UTC: days here go from noon to noon
GRID = 401
CAPACITIES_KWH = np.array([52.0, 60.0, 77.0])
SERIES = np.array([96.0, 96.0, 108.0])
GAS_J_PER_MOL_K = 8.3144


class TelemetryDays:
    """Makes one day after another for a synthetic fleet.

    Parameters
    ----------
    vehicles
        How many.
    seed
        Of every draw.
    full_share
        Share of vehicles at stations that report voltage, current, power at the pack,
        temperature and limits; the others report SOC, power at the plug and registers only.
    chemistry
        Key of ``CIRCUITS``; all cells have that circuit.
    """

    def __init__(
        self, vehicles: int, seed: int, full_share: float = 1.0, chemistry: str = "nmc"
    ) -> None:
        self._rng = rng = stream(seed, "synthetic telemetry")
        n = vehicles
        self._circuit: Circuit = CIRCUITS[chemistry]
        model = rng.integers(0, CAPACITIES_KWH.size, n)
        declared = CAPACITIES_KWH[model]
        self._full = rng.random(n) < full_share
        self._day = 0
        self.nameplate = Nameplate.of(
            declared, cells_in_series=SERIES[model], chemistry=chemistry, model=model
        )
        self.packs = _draw_packs(rng, declared, SERIES[model])
        self._carried = Carried(
            charge=rng.uniform(0.4, 0.8, n),
            drop_v=np.zeros(n),
            temp_c=rng.uniform(10.0, 20.0, n),
            bias=np.zeros(n),
            in_kwh=rng.uniform(0.0, 1000.0, n),
            out_kwh=rng.uniform(0.0, 100.0, n),
        )

    def next_day(self) -> Telemetry:
        """Make the next day, noon to noon, of shape (vehicles, 1440)."""
        rng, n = self._rng, len(self.nameplate)
        charge = self._carried.charge
        charge[:] = np.maximum(charge - rng.uniform(0.08, 0.35, n), 0.15)
        stay = _draw_stay(rng, self.packs)
        out = np.full((11, n, MINUTES), np.nan)
        cell, grid = self._circuit, np.linspace(0.0, 1.0, GRID)
        ocv = np.interp(grid, cell.soc, cell.ocv_v)
        energy = np.concatenate([[0.0], np.cumsum(0.5 * (ocv[1:] + ocv[:-1]))])
        live_a_day(
            self.packs,
            stay,
            self._carried,
            ocv,
            energy / energy[-1],
            np.interp(grid, cell.soc, cell.r0_ohm) * cell.capacity_ah,
            np.interp(grid, cell.soc, cell.r1_ohm) * cell.capacity_ah,
            cell.activation_j_per_mol / GAS_J_PER_MOL_K,
            rng.standard_normal((n, MINUTES, 6)),
            out,
        )
        telemetry = self._report(out)
        self._day += 1
        return telemetry

    def _report(self, out: Floats) -> Telemetry:
        """Round, delay and lose what was measured, as stations do."""
        rng, packs, n = self._rng, self.packs, len(self.nameplate)
        there = ~np.isnan(out[1])
        late = np.arange(MINUTES)[None, :] - packs.soc_lag[:, None]
        delayed = np.take_along_axis(out[0], np.maximum(late, 0), axis=1)
        soc = np.where(np.isnan(delayed), out[0], delayed)
        soc = np.round(soc / packs.soc_step[:, None]) * packs.soc_step[:, None]
        minute = START_S + 60.0 * (self._day * MINUTES + np.arange(MINUTES))
        there &= rng.random((n, MINUTES)) > 0.005
        time = np.where(there, minute + np.round(rng.uniform(-2, 2, (n, MINUTES)), 1), np.nan)

        def told(values: Floats, step: float) -> Floats:
            """Of stations that report it, with single values lost."""
            lost = (rng.random((n, MINUTES)) < 0.003) | ~self._full[:, None]
            return np.where(lost, np.nan, np.round(values / step) * step)

        return Telemetry(
            time_s=time,
            session=np.where(there, self._day, -1).astype(np.int64),
            soc=np.clip(soc, 0.0, 1.0),
            power_ac_kw=np.round(out[1], 3),
            power_dc_kw=told(out[2], 0.01),
            voltage_v=told(out[3], 0.1),
            current_a=told(out[4], 0.1),
            temperature_c=told(out[5], 0.5),
            ambient_c=told(out[6], 1.0),
            energy_in_kwh=np.floor(out[7] * 1000.0) / 1000.0,
            energy_out_kwh=np.floor(out[8] * 1000.0) / 1000.0,
            charge_limit_kw=told(out[9], 0.1),
            discharge_limit_kw=told(out[10], 0.1),
        )


def _draw_packs(rng: np.random.Generator, declared: Floats, series: Floats) -> Packs:
    n = declared.size
    return Packs(
        capacity_kwh=declared * rng.normal(1.0, 0.02, n),
        series=series,
        power_kw=np.full(n, 11.0),
        growth=rng.uniform(1.0, 1.5, n),
        ocv_offset_v=rng.normal(0.0, 0.005, n),
        tau_s=rng.uniform(40.0, 90.0, n),
        loss_kw=rng.normal(0.232, 0.05, n),
        loss_share=rng.normal(0.06, 0.01, n),
        current_gain=rng.normal(1.0, 0.003, n),
        power_gain=rng.normal(1.0, 0.003, n),
        soc_step=rng.choice([0.01, 0.005], n),
        soc_lag=rng.integers(0, 3, n),
        by_charge=rng.random(n) < 0.5,
        target=rng.uniform(0.75, 0.95, n),
        air_c=rng.uniform(0.0, 22.0, n),
    )


def _draw_stay(rng: np.random.Generator, packs: Packs) -> Stay:
    """Most stay overnight, some at work; many give power first and all charge before they go."""
    n = packs.series.size
    home = rng.random(n) < 0.7
    arrive = np.where(home, rng.integers(290, 450, n), rng.integers(1150, 1260, n))
    leave = np.where(home, rng.integers(1090, 1240, n), rng.integers(1380, MINUTES, n))
    leave = np.where(rng.random(n) < 0.1, arrive, leave)  # not plugged in on this day
    quarter = np.arange(MINUTES // 15)[None, :] * 15.0
    share = (quarter - arrive[:, None]) / np.maximum(leave - arrive, 1)[:, None]
    gives = rng.random((n, 1)) < 0.6
    give_kw = -rng.uniform(2.0, 10.0, (n, quarter.size)) * (rng.random((n, quarter.size)) < 0.8)
    charge_kw = np.where(rng.random((n, 1)) < 0.5, 11.0, rng.uniform(3.0, 9.0, (n, 1)))
    charge_kw = charge_kw * (rng.random((n, quarter.size)) < 0.9)
    set_kw = np.where((share < 0.3) & gives, give_kw, 0.0)
    begins = rng.uniform(0.35, 0.6, (n, 1))
    set_kw = np.where(share >= begins, charge_kw, set_kw)
    return Stay(arrive=arrive, leave=leave, warms_up=rng.random(n) < 0.5, set_kw=set_kw)
