"""The simulated world: a plant that obeys setpoints exactly, with meters."""

from gridtide.sim._kernel_plugs import Outcomes, Registers
from gridtide.sim.doubts import Doubts, TelemetryDoubts, nameplate_of
from gridtide.sim.meters import Meters, Sink
from gridtide.sim.plant import Extremes, SimPlant
from gridtide.sim.stations import Stations
from gridtide.sim.world import World

__all__ = [
    "Doubts",
    "Extremes",
    "Meters",
    "Outcomes",
    "Registers",
    "SimPlant",
    "Sink",
    "Stations",
    "TelemetryDoubts",
    "World",
    "nameplate_of",
]
