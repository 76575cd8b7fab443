"""Where a profile leaves what a cell model was tested on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtide.battery.cells._kernel_ranges import share_outside
from gridtide.battery.cells.card import ModelCard
from gridtide.battery.cells.stress import Series

Floats = npt.NDArray[np.float64]

STRESSORS = (
    "calendar_temperature",
    "cycling_temperature",
    "soc",
    "depth",
    "charge_rate",
    "discharge_rate",
    "duration",
)


def outside_share(
    card: ModelCard, soc: Series, temperature_c: Series, step_h: float, years: float
) -> Floats:
    """Share of the time outside the tested range, shape (vehicles, stressors).

    Cycling temperatures and rates are judged while energy moves that way, depths on days on
    which any does. Their shares are of that time.
    """
    share = np.zeros((len(soc), len(STRESSORS)))
    limits = np.array(
        [
            card.calendar_c,
            card.cycling_c,
            card.soc,
            card.depth,
            (0.0, card.charge_c),
            (0.0, card.discharge_c),
        ]
    )
    share_outside(soc, temperature_c, round(24.0 / step_h), step_h, limits, share)
    if card.tested_years is not None and years > card.tested_years:
        share[:, STRESSORS.index("duration")] = 1.0 - card.tested_years / years
    return share
