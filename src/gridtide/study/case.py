"""A scenario made ready to run: arrays, prices, forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.control import Outlook
from gridtide.signals import TariffSeries
from gridtide.sim import World
from gridtide.study.record import Columns
from gridtide.study.scenario import Scenario
from gridtide.study.toml_places import TomlPlaces

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scenario, composed and checked.

    Parameters
    ----------
    scenario, source, folder, place
        The file as read, its text, the folder that it stands in, and where its keys stand.
    zone
        Local time zone of the study.
    world
        What the plant simulates.
    outlook
        What planning knows ahead.
    meters
        Indices of the limits with a meter; the sites of all tables, in this order, (sites,).
    tariffs
        Prices of each site over the run.
    carbon_kg_per_kwh
        Marginal emission on the control steps of the run, shape (steps,).
    inputs
        Files that the scenario names, by the name that it gives them.
    capacities_drawn
        Whether battery capacities were drawn, for the source has none.
    notes
        Sentences that the report repeats: what is synthetic, what was dropped, what was drawn.
    """

    scenario: Scenario
    source: str
    folder: Path
    place: TomlPlaces
    zone: ZoneInfo
    world: World
    outlook: Outlook
    meters: Ints
    tariffs: tuple[TariffSeries, ...]
    carbon_kg_per_kwh: Floats
    inputs: dict[str, Path]
    capacities_drawn: bool
    notes: tuple[str, ...]

    @property
    def currency(self) -> str:
        """The one currency of the run."""
        return self.tariffs[0].currency

    @property
    def stored_value_per_kwh(self) -> float:
        """Worth of a change of stored energy, the same for all strategies [currency/kWh]."""
        return self.outlook.stored_value_per_kwh

    def step_of(self, interval_s: Ints) -> Ints:
        """Control step in which each meter interval begins."""
        grid = self.world.grid
        return (interval_s - grid.start_s) // grid.step_s

    def carbon_kg(self, site: Columns) -> float:
        """Import less export at the marginal rate of the meter interval [kg CO2]."""
        per = max(self.world.meter_interval_s // self.world.grid.step_s, 1)
        padded = np.concatenate([self.carbon_kg_per_kwh, np.zeros(per)])
        mean = np.convolve(padded, np.ones(per) / per, mode="full")[per - 1 :]
        net_kwh = (site["import_wh"] - site["export_wh"]) / 1000.0
        return float((net_kwh * mean[self.step_of(site["interval_s"])]).sum())
