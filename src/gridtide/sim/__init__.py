"""The simulated world: a plant that obeys setpoints exactly, with meters."""

from gridtide.sim._kernel_plugs import Outcomes
from gridtide.sim.meters import Meters, Sink
from gridtide.sim.plant import Extremes, SimPlant
from gridtide.sim.world import World

__all__ = ["Extremes", "Meters", "Outcomes", "SimPlant", "Sink", "World"]
