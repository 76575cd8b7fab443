"""A drawn feeder: a trunk with houses on services, synthetic and called so."""

from __future__ import annotations

import numpy as np

from gridtide.grid.feeder import Feeder

# Four-core cables of a street and of a house, 150 and 25 mm² (order of the published line codes).
TRUNK = {"r1": 0.206, "x1": 0.073, "r0": 0.82, "x0": 0.08, "a": 300.0}
SERVICE = {"r1": 1.2, "x1": 0.088, "r0": 1.2, "x0": 0.088, "a": 100.0}
BETWEEN_M, SERVICE_M = (8.0, 25.0), (5.0, 20.0)


def draw_feeder(houses: int, stream: np.random.Generator) -> Feeder:
    """Draw a radial feeder with one house at each node of its trunk, on a phase drawn evenly.

    Parameters
    ----------
    houses
        How many.
    stream
        Random stream.
    """
    trunk_m = stream.uniform(*BETWEEN_M, houses)
    service_m = stream.uniform(*SERVICE_M, houses)
    phase = stream.permutation(np.arange(houses) % 3)
    names = (
        "supply",
        "busbar",
        *(f"t{k}" for k in range(houses)),
        *(f"h{k}" for k in range(houses)),
    )
    before = np.concatenate([[1], 2 + np.arange(houses - 1)])
    trunk, house = 2 + np.arange(houses), 2 + houses + np.arange(houses)
    length = np.concatenate([trunk_m, service_m])
    columns = {
        name: np.repeat([TRUNK[name], SERVICE[name]], houses) for name in ("r1", "x1", "r0", "x0")
    }
    along = np.cumsum(trunk_m)
    return Feeder(
        source=f"drawn, {houses} houses (synthetic)",
        nodes=names,
        rated_v=np.array([11_000.0, *(400.0,) * (len(names) - 1)]),
        x_m=np.concatenate([[-10.0, 0.0], along, along]),
        y_m=np.concatenate([[0.0, 0.0], np.zeros(houses), service_m * np.where(phase % 2, 1, -1)]),
        lines=tuple(f"{kind}{k}" for kind in ("trunk", "service") for k in range(houses)),
        from_node=np.concatenate([before, trunk]).astype(np.int64),
        to_node=np.concatenate([trunk, house]).astype(np.int64),
        length_m=length,
        **{f"{name}_ohm": values * length / 1000.0 for name, values in columns.items()},
        c1_f=np.zeros(2 * houses),
        c0_f=np.zeros(2 * houses),
        rated_a=np.repeat([TRUNK["a"], SERVICE["a"]], houses),
        supply_node=0,
        feeding_node=1,
        transformer_va=400_000.0,
        short_circuit=0.04,
        loss_w=4_600.0,
        source_pu=1.0,
        source_va=250e6,
        source_rx=0.1,
        points=tuple(f"house {k}" for k in range(houses)),
        node=house.astype(np.int64),
        phase=phase.astype(np.int64),
        load_kw=np.full(houses, 0.5),
        power_factor=np.full(houses, 0.95),
        profile=(None,) * houses,
    )
