"""The planning problem as arrays: what the solver takes and a caller in a hurry fills directly.

Vehicles ``i`` are plugged in from step ``arrive[i]`` up to, not including, ``depart[i]``; stored
energy follows, with plug powers c, d ≥ 0 [kW] and ``on`` 1 while power flows that way,

    e' = e + dt·(η_c·c − a·on_c − d/η_d − a·on_d)

Limits form a tree; a limit's net power is its own base load plus that of its members. Each meter
is a limit whose net power is billed; without meters each plug is billed for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.plan.blocks import Reserve

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A planning problem with n vehicles, T steps, m limits, k meters and q demand periods.

    Wear by depth comes in J segments (Xu et al. [1]_), wear by holding in M bands.

    Arrays are taken as they are, neither copied nor checked: what comes from outside goes
    through :func:`gridtide.plan.read_problem`.

    Parameters
    ----------
    ids
        Names of the vehicles, n of them; where a row continues a vehicle's stay, its name again.
    step_h
        Length of each step [h], shape (T,).
    arrive, depart
        Plugged in during the steps ``arrive <= t < depart``, shape (n,). A target is due at the
        start of step ``depart`` if that is at most T.
    arrival_kwh, target_kwh
        Energy in the battery on arrival, and wanted on departure [kWh]; ``-inf`` for no target.
    min_kwh, max_kwh
        Window of the energy [kWh]. An arrival outside it becomes a named slack.
    floor_kwh
        Energy wanted at least at the end of each step while plugged in [kWh], shape (n, T); None
        for none. What is missing there, in kWh·h, is made as small as the limits allow before
        anything else: who is below charges at once, and who is above does not discharge below.
    max_charge_kw, max_discharge_kw
        Limits at the plug [kW], both >= 0, shape (n,); no discharge (V1G) is 0.
    charge_efficiency, discharge_efficiency
        One way each, in (0, 1], shape (n,).
    wear_price_per_kwh
        Wear per kWh discharged at the plug [currency/kWh], shape (n,).
    limit
        Index of the limit right above the vehicle; -1 for none, shape (n,).
    limit_names, limit_parent
        Names, and index of the limit above; -1 at a root; a parent stands before its children.
    import_kw, export_kw
        Largest net power each way [kW], both >= 0, ``inf`` where unlimited, shape (m, T).
    base_load_kw
        The limit's own base load, less its own generation [kW], shape (m, T).
    demand_charge_per_kw
        On the highest net import of a demand period [currency/kW], shape (m,) or (m, q).
    meters
        Indices of the limits that are billed, shape (k,). Every vehicle is below exactly one of
        them; with k = 0 each plug is billed.
    price_import_per_kwh, price_export_per_kwh
        Energy prices [currency/kWh], shape (max(k, 1), T).
    shortfall_price_per_kwh
        On energy missing in the battery on departure [currency/kWh].
    promise
        ``"priced"``: shortfall counts with its price. ``"first"``: the largest shortfall is made
        as small as the limits allow, then the sum, then the cost.
    standby_kw
        Loss at the plug while power flows [kW], shape (n,); None for none.
    taper_from_kwh, taper_end
        Above this energy the battery takes less, down to the share ``taper_end`` of its full
        charging power at ``max_kwh``; both shape (n,), None for no taper.
    end_value_per_kwh, end_value_up_to_kwh
        Worth of energy held on departure or at the end, up to a level, shape (n,); None for 0.
    horizon_floor_kwh
        Target at the end of the horizon for those who stay longer [kWh], shape (n,), ``-inf`` for
        none; None for none at all.
    phase_share
        Share of the power on L1, L2, L3, shape (n, 3); None for a third each.
    phase_kw
        Largest net power each way on L1, L2, L3 [kW], shape (m, 3); base load counts a third on
        each; None for unlimited.
    demand_period
        Demand period of each step, 0..q-1, shape (T,); None for one period.
    demand_peak_so_far_kw
        Peak already set [kW], shape (m,) or (m, q); None for 0.
    carbon_kg_per_kwh, carbon_price_per_kg
        Marginal emission [kg/kWh], shape (T,), and its price [currency/kg]; their product is
        added to both energy prices.
    wear_depth_price_per_kwh
        Wear that grows with the depth of a cycle [currency/kWh], shape (n, J), not falling in j;
        None for none. Column j prices what is discharged at the plug from segment j of the
        battery, 0 the shallowest, beside ``wear_price_per_kwh``. Charging fills the shallowest
        segment with room, discharging empties the shallowest with energy, so that a deep cycle
        reaches the dear ones. What leaves the cells counts, times ``discharge_efficiency``:
        a standby loss while discharging wears too, and so does a drive between two stays, whose
        prices are those of the vehicle's first row.
    wear_capacity_kwh
        Energy of all segments together, J equal parts [kWh], shape (n,); given where segments
        are. Energy beyond it sits in the deepest.
    wear_segment_kwh
        Energy in each segment at the start [kWh], shape (n, J), together the stored energy; None
        where no cycle is open (:func:`gridtide.plan.fresh_segments`).
    holding_edges_kwh
        Edges of the bands of stored energy, rising, shape (n, M + 1); None for no such price.
    holding_price_per_kwh_h
        Calendar ageing: price of holding energy in band m [currency/kWh/h], shape (n, M) or
        (n, T, M), not falling in m; may be negative. A plugged step costs its hours times what
        the energy **at its end** costs per hour. The first and the last band go on beyond their
        edges.
    holding_base_per_h
        Cost per hour of holding ``edges[0]``, shape (n,) or (n, T); None for 0. A constant of
        the objective, counted while plugged in.
    wear_model
        Name of the model behind these prices; the certificate repeats it.
    continues, driven_kwh
        Several trips: row i is the next stay of the vehicle of row i - 1, which has left with
        what it held and driven ``driven_kwh[i]`` [kWh]; ``arrival_kwh[i]`` is not used. What the
        battery did not hold for the drive, down to ``min_kwh``, was charged on the way at
        ``shortfall_price_per_kwh``, and no more. A stay may have no length, but begins where the
        one before has ended. Target, end value and prices count for each row. Both shape (n,),
        None where every row is a vehicle.
    min_charge_kw, min_discharge_kw
        Smallest power at which the charger runs each way; between it and 0 nothing [kW], shape
        (n,); None for none.
    one_phase_kw, one_phase_line
        Range of charging power below ``min_charge_kw`` that the charger runs on one phase [kW],
        shape (n, 2), zeros where it does not switch; and that phase, 0, 1, 2 for L1, L2, L3,
        shape (n,), None for L1. At ``min_charge_kw`` and above ``phase_share`` holds.
    load_square_price_per_kw2h, load_reference_kw
        Price on the square of a limit's net power less a reference [currency/kW²/h], shape
        (m,), and that reference [kW], shape (m, T), None for 0: losses of a line, deviation
        from a flat load.
    shortfall_band_price_per_kwh
        Instead of ``shortfall_price_per_kwh``: what the k-th of K equal parts of the energy
        wanted (target less arrival) costs where it is missing, the first to go first, not
        falling [currency/kWh], shape (K,); None for one price. Rising prices share shortage out.
    reserves
        Blocks of reserve that may be offered.
    availability
        Probability that a vehicle is there as planned, each independent of the others, shape
        (n,) or (n, T); None for certainty. Only reserve at a confidence below 1 asks for it.
    charge_part_kw, charge_part_efficiency, discharge_part_kw, discharge_part_efficiency
        Losses that grow with power: it is cut into P parts, filled in order, each with its own
        efficiency instead of the single one, never rising; the last goes on beyond its width.
        Widths [kW] and efficiencies in (0, 1], shape (n, P); None for one efficiency.
        ``discharge_efficiency`` then only turns prices of wear by depth.
    planned_kw, change_price_per_kwh
        Power planned before, shape (n, T), NaN for none, and what differing from it costs
        [currency/kWh]: a plan made anew changes only what is worth it.
    stored_least_kwh, stored_most_kwh, stored_price_per_kwh_h
        Energy that the vehicles plugged in below a limit are to hold together at the end of each
        step, at least and at most [kWh], ``-inf`` and ``inf`` for any, both shape (m, T), None
        where no limit has any; and what each kWh missing or beyond costs [currency/kWh/h].
    line_loss_per_kw
        Share of a limit's net power that its line loses, per kW of it [1/kW], shape (m,); it
        costs nothing by itself (see :func:`gridtide.plan.weigh`). None for no losses.
    stated
        The problem as stated, where this one weighs objectives; None where it does not.

    References
    ----------
    .. [1] B. Xu, J. Zhao, T. Zheng, E. Litvinov, D. S. Kirschen: Factoring the Cycle Aging Cost
       of Batteries Participating in Electricity Markets, 2018, doi:10.1109/TPWRS.2017.2733339.
    """

    ids: tuple[str, ...]
    step_h: Floats
    arrive: Ints
    depart: Ints
    arrival_kwh: Floats
    target_kwh: Floats
    min_kwh: Floats
    max_kwh: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    wear_price_per_kwh: Floats
    limit: Ints
    limit_names: tuple[str, ...]
    limit_parent: Ints
    import_kw: Floats
    export_kw: Floats
    base_load_kw: Floats
    demand_charge_per_kw: Floats
    meters: Ints
    price_import_per_kwh: Floats
    price_export_per_kwh: Floats
    shortfall_price_per_kwh: float
    promise: str = "priced"
    standby_kw: Floats | None = None
    taper_from_kwh: Floats | None = None
    taper_end: Floats | None = None
    end_value_per_kwh: Floats | None = None
    end_value_up_to_kwh: Floats | None = None
    floor_kwh: Floats | None = None
    horizon_floor_kwh: Floats | None = None
    phase_share: Floats | None = None
    phase_kw: Floats | None = None
    demand_period: Ints | None = None
    demand_peak_so_far_kw: Floats | None = None
    carbon_kg_per_kwh: Floats | None = None
    carbon_price_per_kg: float = 0.0
    wear_depth_price_per_kwh: Floats | None = None
    wear_capacity_kwh: Floats | None = None
    wear_segment_kwh: Floats | None = None
    holding_edges_kwh: Floats | None = None
    holding_price_per_kwh_h: Floats | None = None
    holding_base_per_h: Floats | None = None
    wear_model: str = ""
    continues: Bools | None = None
    driven_kwh: Floats | None = None
    min_charge_kw: Floats | None = None
    min_discharge_kw: Floats | None = None
    one_phase_kw: Floats | None = None
    one_phase_line: Ints | None = None
    load_square_price_per_kw2h: Floats | None = None
    load_reference_kw: Floats | None = None
    shortfall_band_price_per_kwh: Floats | None = None
    reserves: tuple[Reserve, ...] = ()
    availability: Floats | None = None
    charge_part_kw: Floats | None = None
    charge_part_efficiency: Floats | None = None
    discharge_part_kw: Floats | None = None
    discharge_part_efficiency: Floats | None = None
    planned_kw: Floats | None = None
    change_price_per_kwh: float = 0.0
    stored_least_kwh: Floats | None = None
    stored_most_kwh: Floats | None = None
    stored_price_per_kwh_h: float = 1.0
    line_loss_per_kw: Floats | None = None
    stated: Problem | None = None

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return len(self.step_h)

    def __len__(self) -> int:
        """Return the number of vehicles."""
        return len(self.ids)


BY_LIMIT = (
    "import_kw",
    "export_kw",
    "demand_charge_per_kw",
    "demand_peak_so_far_kw",
    "phase_kw",
    "load_square_price_per_kw2h",
    "load_reference_kw",
    "stored_least_kwh",
    "stored_most_kwh",
    "line_loss_per_kw",
)
"""Arrays with a row for each limit, beside its own base load and its parent."""
_NOT_BY_STAY = (
    *BY_LIMIT,
    "step_h",
    "limit_parent",
    "base_load_kw",
    "meters",
    "price_import_per_kwh",
    "price_export_per_kwh",
    "demand_period",
    "carbon_kg_per_kwh",
    "shortfall_band_price_per_kwh",
)


def take_stays(problem: Problem, rows: Ints) -> Problem:
    """Return the same problem with some stays alone; those of one vehicle stay together."""
    taken: dict[str, Any] = {"ids": tuple(problem.ids[i] for i in rows), "stated": None}
    for name in Problem.__dataclass_fields__:
        value = getattr(problem, name)
        if isinstance(value, np.ndarray) and name not in _NOT_BY_STAY:
            taken[name] = value[rows]
    return replace(problem, **taken)


def join_stays(one: Problem, two: Problem) -> Problem:
    """Return the first problem with the stays of the second behind its own; both alike in kind."""
    both: dict[str, Any] = {"ids": one.ids + two.ids, "stated": None}
    for name in Problem.__dataclass_fields__:
        value = getattr(one, name)
        if isinstance(value, np.ndarray) and name not in _NOT_BY_STAY:
            both[name] = np.concatenate([value, getattr(two, name)])
    return replace(one, **both)
