"""The commented scenario of a city: many vehicles at home, under feeders of 250."""

from __future__ import annotations

VEHICLES = 1_000
VEHICLES_PER_FEEDER = 250
# Room that each feeder leaves to its vehicles [kW], an example: unsteered, every second feeder
# is full on a weekday evening, and cheap nights fill them all.
FEEDER_KW = 160
# A household's part of its city's peak [kW], an example.
HOUSEHOLD_KW = 1.2


def city_text(vehicles: int = VEHICLES) -> str:
    """Text of the starting file for so many vehicles."""
    feeders = -(-vehicles // VEHICLES_PER_FEEDER)
    return f'''# A city's vehicles at home: a scenario for gridtide.
#   gridtide check city.toml     lists everything that is wrong with it
#   gridtide run city.toml       compares uncontrolled charging and earliest deadline first
# All keys with their units: `gridtide schema`, or docs/reference/scenario.md; more on sizes and
# times in docs/how-to/simulate-a-city.md. Other sizes: `gridtide new city --vehicles 100000`.
# Everything below is an example to be replaced by your own figures; fleet, sessions and base
# load are synthetic.

version = 1
name = "{vehicles:,} vehicles in a city"
start = "2026-06-01"          # first local day
days = 2
timezone = "Europe/Berlin"
step_minutes = 15             # length of a control step
seed = 1                      # everything drawn is drawn from it

[[site]]                      # where the city's energy is metered and billed
name = "city"
archetype = "city"
tariff = "time of use"
latitude_deg = 52.5
longitude_deg = 13.4
base_load = {{ kind = "home", peak_kw = {vehicles * HOUSEHOLD_KW:g} }}   # a household per vehicle

[[limit]]                     # equal feeders, feeder-1 and so on, which share the chargers evenly
name = "feeder"
count = {feeders}
below = "city"
import_kw = {FEEDER_KW}               # what each has left for its vehicles
export_kw = {FEEDER_KW}

[[charger]]                   # the first {VEHICLES_PER_FEEDER} stand below the first feeder
name = "charger"
count = {vehicles}
below = "feeder"
max_charge_kw = 7.4
max_discharge_kw = 7.4
phases = 1
min_current_a = 6             # IEC 61851-1: no charging below 6 A

[[vehicle]]                   # as many as chargers: each has its own. Capacities are drawn
name = "car"
count = {vehicles}
soc_floor = 0.35              # the driver's floor: no discharge below it
soc_target = 0.8              # wanted at departure
wear_price_per_kwh = 0.04     # battery wear per kWh discharged

[sessions]                    # who comes and goes
source = "sample"
kind = "residential"
ready_by = "07:00"            # standing departure of drivers who state none
sensitivity = []              # [0.8, 1.25]: v1g and v2g again with other capacities

[[tariff]]
name = "time of use"
currency = "EUR"
export_price_per_kwh = 0.07
grid_fee_per_kwh = 0.08       # paid on top of the energy price
tax_per_kwh = 0.02

[tariff.import_price_per_kwh]
period = [                    # the first line that fits gives the price
  {{ price_per_kwh = 0.34, days = "weekdays", from_time = "17:00", to_time = "21:00" }},
  {{ price_per_kwh = 0.09, from_time = "22:00", to_time = "06:00" }},
  {{ price_per_kwh = 0.18 }},
]

[carbon]
emission_kg_per_kwh = 0.38    # marginal; or file = "marginal.csv"

[strategy]
run = ["uncontrolled", "edf"] # add "v1g", "v2g": every plan then takes its time
replan_minutes = 60           # longest time that a plan is followed
# keep_plan_minutes = 60      # shortest time; by default the longer the more vehicles
# record_decisions = false    # without every setpoint and its reason: smaller tables

[contract]                    # what the driver gets
share_of_gain = 0.3
compensation_per_discharged_kwh = 0.05
'''
