"""Physics of the pack: losses, taper near full, the exact step; cells and their ageing.

The scalar functions are compiled; kernels of the rooms above call them in their own loops.
"""

from gridtide.battery._kernel_pack import (
    cells_charging,
    cells_discharging,
    charge_step,
    discharge_step,
    energy_needed,
    plug_charging,
    plug_discharging,
)
from gridtide.battery.ageing import (
    END_OF_LIFE,
    Ageing,
    age,
    age_until,
    cell_model,
    daily_cycle_soc,
    model_cards,
)
from gridtide.battery.cells.card import ModelCard
from gridtide.battery.cells.ranges import STRESSORS
from gridtide.battery.losses import DEFAULT_LAW, cells_kw, one_way_efficiency, plug_kw
from gridtide.battery.profile_csv import Profile, read_profile_csv
from gridtide.battery.rainflow import CycleCounter, Cycles, count_cycles
from gridtide.battery.wear import LifeUsed, WearPrice, life_used, wear_price

__all__ = [
    "DEFAULT_LAW",
    "END_OF_LIFE",
    "STRESSORS",
    "Ageing",
    "CycleCounter",
    "Cycles",
    "LifeUsed",
    "ModelCard",
    "Profile",
    "WearPrice",
    "age",
    "age_until",
    "cell_model",
    "cells_charging",
    "cells_discharging",
    "cells_kw",
    "charge_step",
    "count_cycles",
    "daily_cycle_soc",
    "discharge_step",
    "energy_needed",
    "life_used",
    "model_cards",
    "one_way_efficiency",
    "plug_charging",
    "plug_discharging",
    "plug_kw",
    "read_profile_csv",
    "wear_price",
]
