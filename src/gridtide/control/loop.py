"""The loop ``observe → decide → apply``: the same for the simulated and for the real plant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gridtide.control.image import Image, Setpoints
from gridtide.control.narrowing import narrow
from gridtide.control.strategies import Strategy

Watch = Callable[[Image, Setpoints], None]


class Plant(Protocol):
    """Chargers with vehicles behind them, simulated or real."""

    def observe(self) -> Image:
        """Freeze what is known now."""
        ...

    def apply(self, setpoints: Setpoints) -> None:
        """Hold the setpoints until ``image.until_s`` or the next event, whichever is first."""
        ...


def run_loop(plant: Plant, strategy: Strategy, end_s: float, watch: Watch | None = None) -> None:
    """Operate a plant until ``end_s``.

    Parameters
    ----------
    plant
        The world, simulated or real.
    strategy
        Wishes a power for every charger; limits and promises are kept whatever it wishes.
    end_s
        When to stop [s since 1970-01-01 UTC].
    watch
        Called with every image and the setpoints decided on it, before they are applied.
    """
    image = plant.observe()
    while image.time_s < end_s:
        setpoints = narrow(image, strategy.decide(image))
        if watch is not None:
            watch(image, setpoints)
        plant.apply(setpoints)
        image = plant.observe()
