"""Commented scenarios to start from, one per kind of site: `gridtide new ARCHETYPE`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridtide.core import Finding, InputError
from gridtide.store import write_text
from gridtide.study._starter_city import city_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """What differs between the starting files."""

    title: str
    import_kw: int
    export_kw: int
    base_load: str
    pv_kw: int
    chargers: int
    charger_kw: float
    phases: int
    min_current_a: float
    sessions: str
    capacity_kwh: int | None


SITES = {
    "home": Starter(
        title="One house, one car",
        import_kw=14,
        export_kw=7,
        base_load="home",
        pv_kw=6,
        chargers=1,
        charger_kw=7.4,
        phases=1,
        min_current_a=6,
        sessions="residential",
        capacity_kwh=58,
    ),
    "building": Starter(
        title="Workplace car park",
        import_kw=120,
        export_kw=40,
        base_load="office",
        pv_kw=40,
        chargers=12,
        charger_kw=11,
        phases=3,
        min_current_a=6,
        sessions="workplace",
        capacity_kwh=62,
    ),
    "depot": Starter(
        title="Depot of delivery vans",
        import_kw=160,
        export_kw=80,
        base_load="depot",
        pv_kw=50,
        chargers=20,
        charger_kw=22,
        phases=3,
        min_current_a=6,
        sessions="depot",
        capacity_kwh=80,
    ),
    "campus": Starter(
        title="Campus car park",
        import_kw=260,
        export_kw=100,
        base_load="campus",
        pv_kw=80,
        chargers=20,
        charger_kw=11,
        phases=3,
        min_current_a=6,
        sessions="workplace",
        capacity_kwh=62,
    ),
    "hub": Starter(
        title="High-power hub",
        import_kw=500,
        export_kw=100,
        base_load="hub",
        pv_kw=60,
        chargers=8,
        charger_kw=150,
        phases=3,
        min_current_a=0,
        sessions="hub",
        capacity_kwh=None,
    ),
}
STARTERS = (*SITES, "city")


def write_starter(archetype: str, path: Path, vehicles: int | None = None) -> Path:
    """Write a starting file; an existing file is never overwritten.

    Parameters
    ----------
    archetype
        One of ``STARTERS``.
    path
        File to write.
    vehicles
        Size of a city; None for a small one. Other sites have the size of their example.

    Raises
    ------
    InputError
        If the file exists, or the size of another site than a city is given.
    """
    if vehicles is not None and archetype != "city":
        mend = "Leave it out, and change the counts in the file"
        raise InputError([Finding("--vehicles", f"goes with city, not with {archetype}", mend)])
    if path.exists():
        mend = "Name another file with --out"
        raise InputError([Finding(str(path), "the file exists already", mend)])
    text = starter_text(archetype) if vehicles is None else city_text(vehicles)
    return write_text(path, text)


def starter_text(archetype: str) -> str:
    """Text of a starting file."""
    if archetype == "city":
        return city_text()
    s = SITES[archetype]
    return f'''# {s.title}: a scenario for gridtide.
#   gridtide check {archetype}.toml     lists everything that is wrong with it
#   gridtide run {archetype}.toml       compares uncontrolled, V1G and V2G operation
# All keys with their units: `gridtide schema`, or docs/reference/scenario.md.
# Everything below is an example to be replaced by your own figures; fleet, base load and sun
# are synthetic.

version = 1
name = "{s.title}"
start = "2026-06-01"          # first local day
days = 3
timezone = "Europe/Berlin"
step_minutes = 15             # length of a control step
seed = 1                      # everything drawn is drawn from it

[[site]]                      # a grid connection with its meter
name = "{archetype}"
archetype = "{archetype}"
tariff = "time of use"
import_kw = {s.import_kw}              # what may be drawn from the grid
export_kw = {s.export_kw}               # what may be fed back
latitude_deg = 52.5
longitude_deg = 13.4
base_load = {{ kind = "{s.base_load}", peak_kw = {s.import_kw * 0.5:g} }}   # or file = "load.csv"
pv = {{ peak_kw = {s.pv_kw} }}                          # leave out if there is none

# [[limit]]                   # a panel or cable between site and chargers
# name = "panel"
# below = "{archetype}"
# phase_current_a = 160

# [[change]]                  # a limit that changes during the run
# limit = "{archetype}"
# at = "2026-06-02T17:00"
# import_kw = {s.import_kw * 0.6:g}

[[charger]]                   # a group of equal chargers
name = "charger"
count = {s.chargers}
below = "{archetype}"
max_charge_kw = {s.charger_kw:g}
max_discharge_kw = {s.charger_kw:g}       # 0 for chargers that cannot discharge
phases = {s.phases}
min_current_a = {s.min_current_a:g}             # IEC 61851-1: no charging below 6 A

[[vehicle]]                   # a group of equal vehicles
name = "car"
{_vehicles(s)}
soc_floor = 0.35              # the driver's floor: no discharge below it
soc_target = 0.8              # wanted at departure
wear_price_per_kwh = 0.04     # battery wear per kWh discharged
# cell_model = "nmc622_denso50"   # in its place: wear by an ageing model of the cells

[sessions]                    # who comes and goes
source = "sample"             # or "csv", "acn", "trondheim" with a file
kind = "{s.sessions}"
{_ready_by(s)}

[[tariff]]
name = "time of use"
currency = "EUR"
export_price_per_kwh = 0.07
grid_fee_per_kwh = 0.08       # paid on top of the energy price
tax_per_kwh = 0.02
fees_on_reexport = true       # false: refunded on energy that was stored and re-exported
fixed_per_day = 0.40
demand_charge = {{ price_per_kw = 8.0, proration = "days", peak_so_far_kw = {s.import_kw * 0.4:g} }}

[tariff.import_price_per_kwh]
period = [                    # the first line that fits gives the price
  {{ price_per_kwh = 0.34, days = "weekdays", from_time = "17:00", to_time = "21:00" }},
  {{ price_per_kwh = 0.09, from_time = "22:00", to_time = "06:00" }},
  {{ price_per_kwh = 0.18 }},
]

[carbon]
emission_kg_per_kwh = 0.38    # marginal; or file = "marginal.csv"

# [weather]                   # packs then have a temperature
# kind = "season"             # synthetic; or "constant", or file = "air.csv" in °C
# mean_c = 9

# [envelope]                  # limits of the batteries themselves, by charge and temperature
# discharge_rate_per_h = 0.3  # the C-rate; the other defaults are in docs/models/envelope.md

[objective]
carbon_price_per_kg = 0.0     # weight of carbon in the plan
# variance = 0.001            # levels the load; also valley, self_consumption, fairness

[strategy]
run = ["uncontrolled", "v1g", "v2g"]
replan_minutes = 60

[contract]                    # what the driver gets
share_of_gain = 0.3
compensation_per_discharged_kwh = 0.05
'''


def _vehicles(starter: Starter) -> str:
    if starter.capacity_kwh is None:
        return "# no count: each session is a vehicle of its own, its capacity is drawn"
    return f"count = {starter.chargers}\ncapacity_kwh = {starter.capacity_kwh}"


def _ready_by(starter: Starter) -> str:
    """Only at home does the same departure hold for every stay."""
    set_it = "" if starter.sessions == "residential" else "# "
    return (
        f'{set_it}ready_by = "07:00"          # standing departure of drivers who state none; '
        "without it\n#                             such a vehicle is charged at once and "
        "never discharged"
    )
