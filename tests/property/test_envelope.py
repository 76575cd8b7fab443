"""An envelope only narrows, at every temperature, charge and wish; what can be kept is kept."""

from dataclasses import replace

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gridtide.battery import (
    CHEMISTRIES,
    CIRCUITS,
    Envelope,
    Thermal,
    cell_limits,
    power_limits_kw,
    simulate,
    voltage_law,
    voltage_rates,
    within_voltage,
)
from gridtide.control import Uncontrolled, Wish, enclose, narrow, run_loop
from gridtide.core import Reason
from gridtide.sim import SimPlant
from worlds import START_S, tree, world

T_ALL = np.arange(-40.0, 80.01, 0.25)
SHARE = st.floats(0, 1)
RATE = st.one_of(st.none(), st.floats(0, 3))
INERT = Thermal(relative_resistance_h=0.0)


@st.composite
def envelopes(draw):
    soc = sorted(draw(SHARE) for _ in range(4))
    degrees = sorted(draw(st.floats(-40, 80)) for _ in range(5))
    return Envelope(
        hard_soc_min=soc[0],
        soc_min=soc[1],
        soc_max=soc[2],
        hard_soc_max=soc[3],
        floor_soc=draw(SHARE),
        charge_rate_per_h=draw(RATE),
        discharge_rate_per_h=draw(RATE),
        by_temperature=draw(st.booleans()),
        discharge_off_below_c=degrees[0],
        cold_c=degrees[1],
        mild_c=degrees[2],
        hot_c=degrees[3],
        off_above_c=degrees[4],
        cold_charge_rate_per_h=draw(st.floats(0, 2)),
        cold_discharge_rate_per_h=draw(st.floats(0, 2)),
        yearly_throughput_kwh=draw(st.one_of(st.none(), st.floats(0, 50))),
        yearly_cycles=draw(st.one_of(st.none(), st.floats(0, 2))),
        dwell_s=draw(st.sampled_from([0.0, 60.0, 1800.0])),
        by_voltage=draw(st.booleans()),
        voltage_margin_v=draw(st.floats(0, 0.3)),
    )


@st.composite
def packs(draw):
    """Up to six vehicles in air of any temperature, under any envelope."""
    n = draw(st.integers(1, 6))
    stays = [
        (0, depart := draw(st.floats(0.5, 16)), draw(SHARE), draw(SHARE), depart) for _ in range(n)
    ]
    a_world = world(
        stays,
        limits=tree(import_kw=draw(st.sampled_from([np.inf, 20.0])), export_kw=np.inf),
        min_kw=draw(st.sampled_from([0, 1.38])),
        step_kw=draw(st.sampled_from([0, 0.23])),
        taper_soc=draw(st.sampled_from([0.8, 1.0])),
        need_known=[draw(st.booleans()) for _ in range(n)],
    )
    stated = a_world.sessions.stated_departure_s
    stated[:] = np.floor(stated)
    return replace(
        a_world,
        ambient_c=np.full(16, draw(st.floats(-40, 80))),
        thermal=INERT,
        envelope=draw(envelopes()),
    )


class Anything:
    """Wishes powers at random, far beyond what is possible."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)

    def decide(self, image):
        n = image.session.size
        return Wish.of(self._rng.uniform(-30, 30, n) * self._rng.choice([0.0, 0.1, 1.0], n))


@given(envelopes(), st.floats(0, 300), st.floats(0, 300), st.floats(5, 200))
def test_limits_at_the_cells_are_finite_and_only_narrow(envelope, charge, discharge, capacity):
    for degrees in (T_ALL, np.full(T_ALL.size, np.nan)):
        limits = cell_limits(envelope, degrees, capacity, charge, discharge)
        for told, most in ((limits.charge_kw, charge), (limits.discharge_kw, discharge)):
            assert np.all(np.isfinite(told))
            assert np.all((told >= 0) & (told <= most))
        assert np.all((limits.charge_kw < charge) == (limits.charge_reason > 0))
        assert np.all((limits.discharge_kw < discharge) == (limits.discharge_reason > 0))


@given(st.floats(0.1, 300), st.floats(0.1, 300), st.floats(5, 200))
def test_derating_is_monotone(charge, discharge, capacity):
    limits = cell_limits(Envelope(), T_ALL, capacity, charge, discharge)
    for power in (limits.charge_kw, limits.discharge_kw):
        assert np.all(np.diff(power[T_ALL <= 20]) >= -1e-12)
        assert np.all(np.diff(power[T_ALL >= 20]) <= 1e-12)
    assert limits.charge_kw[T_ALL > 55].max() == 0 == limits.discharge_kw[T_ALL > 55].max()


@given(packs(), st.integers(0, 2**16))
def test_an_image_is_never_widened_and_a_wish_never_passes_it(a_world, seed):
    def watch(image, setpoints):
        inner = enclose(image).image
        on = image.connected
        for name in ("max_charge_kw", "max_discharge_kw", "full_power_dc_kw", "full_kwh"):
            assert np.all(getattr(inner, name)[on] <= getattr(image, name)[on] + 1e-9)
            assert np.all(getattr(inner, name)[on] >= 0)
        assert np.all(inner.floor_kwh[on] >= image.floor_kwh[on])
        assert np.all(inner.in_doubt | ~image.in_doubt)
        assert np.all(np.isfinite(inner.knee_kwh[on]))
        assert np.all(setpoints.power_kw <= inner.max_charge_kw + 1e-9)
        assert np.all(-setpoints.power_kw <= inner.max_discharge_kw + 1e-9)
        assert np.all(setpoints.reason[setpoints.power_kw < 0] != Reason.NOT_BIDIRECTIONAL)

    plant = SimPlant(a_world, lambda _: None, lambda _: None)
    run_loop(plant, Anything(seed), a_world.grid.end_s, watch)
    plant.close()
    assert plant.extremes.envelope_kw <= 1e-6
    assert plant.extremes.violation_kw <= 1e-6
    assert plant.extremes.residual_kwh <= 1e-9


@given(packs(), st.integers(0, 2**16))
def test_a_promise_that_full_power_within_the_envelope_keeps_is_kept(a_world, seed):
    # The voltage slows charging down near full, beyond what a promise looks ahead to.
    envelope = msgspec.structs.replace(a_world.envelope, by_voltage=False)
    a_world = replace(a_world, envelope=envelope)
    a_world.import_kw[:] = np.inf
    departures = []
    for strategy in (Uncontrolled(), Anything(seed)):
        plant = SimPlant(a_world, lambda _: None, lambda _: None)
        run_loop(plant, strategy, a_world.grid.end_s)
        plant.close()
        departures.append(plant.outcomes.departure)
    known = a_world.sessions.need_known & (plant.outcomes.state == 2)
    asked = np.minimum(a_world.sessions.target_kwh, departures[0])
    assert np.all(departures[1][known] >= asked[known] - 1e-6)


@given(packs())
def test_an_envelope_that_allows_everything_changes_nothing(a_world):
    free = Envelope(
        hard_soc_min=0, soc_min=0, soc_max=1, hard_soc_max=1, floor_soc=0,
        discharge_rate_per_h=None, by_temperature=False, dwell_s=0, by_voltage=False,
    )  # fmt: skip
    image = SimPlant(a_world, lambda _: None, lambda _: None).observe()
    wish = Anything(3).decide(image)
    one, other = (narrow(replace(image, envelope=e), wish) for e in (None, free))
    assert np.array_equal(one.power_kw, other.power_kw)
    assert np.array_equal(one.reason, other.reason)
    assert image.time_s == START_S


KINDS = st.sampled_from(range(len(CHEMISTRIES)))


@given(KINDS, SHARE, st.floats(-40, 80))
def test_rates_by_voltage_are_finite_and_within_those_of_the_circuit(k, soc, degrees):
    taken, given_ = voltage_rates(k, soc, degrees, voltage_law(0.05))
    assert 0 <= taken < np.inf
    assert 0 <= given_ < np.inf
    charge, discharge = power_limits_kw(CIRCUITS[CHEMISTRIES[k]], soc, degrees, 1.0)
    assert soc >= 1.0 or taken <= charge + 1e-9  # the pair is not settled in those
    assert soc <= 0.0 or given_ <= discharge + 1e-9


@given(KINDS, st.floats(0.3, 0.9), st.floats(0, 40), st.floats(-1, 1))
def test_power_within_the_voltage_keeps_the_voltage_of_the_circuit(k, soc, degrees, rate):
    if rate == 0:
        return
    law, name = voltage_law(0.05), CHEMISTRIES[k]
    h = 0.25
    power = within_voltage(rate * 60.0, k, soc * 60.0, degrees, 60.0, h, law)
    assert 0 <= power <= abs(rate) * 60.0
    trace = simulate(
        CIRCUITS[name],
        np.full((1, 15), np.sign(rate) * power),
        60.0,
        capacity_kwh=60.0,
        soc0=soc,
        temperature_c=degrees,
    )
    # The margin of 50 mV is for this: the circuit counts charge where we count energy.
    assert law.cell[k, 2] - 0.05 <= trace.cell_v.min()
    assert trace.cell_v.max() <= law.cell[k, 3] + 0.05


@given(KINDS, st.floats(-20, 60), st.floats(0.05, 1.0))
def test_a_battery_fills_ever_more_slowly_and_never_rises(k, degrees, rate):
    law = voltage_law(0.05)
    soc = np.linspace(0.5, 1.0, 30)
    power = [within_voltage(rate * 60, k, s * 60, degrees, 60.0, 0.25, law) for s in soc]
    assert np.all(np.diff(power)[soc[1:] > 0.8] <= 1e-6)
