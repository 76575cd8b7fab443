"""Whatever is wished, limits hold, and nobody is asked for what it cannot do."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtide.control import Wish, narrow, run_loop
from gridtide.core import Reason, StrategyError
from gridtide.fleet import LimitTree
from gridtide.sim import SimPlant
from worlds import world

KW = st.floats(0, 40)
SOC = st.floats(0.06, 1.0)


@st.composite
def worlds(draw):
    """Up to eight vehicles below two panels below a site, with any limits and base load."""
    n = draw(st.integers(1, 8))
    stays = [
        (0, draw(st.floats(0.2, 16)), draw(SOC), draw(SOC), draw(st.floats(0.5, 18)))
        for _ in range(n)
    ]
    caps = np.array([[draw(KW), draw(KW)] for _ in range(3)])
    phases = np.array([[draw(st.one_of(st.just(np.inf), KW))] * 3 for _ in range(3)])
    limits = LimitTree(
        names=("site", "a", "b"),
        parent=np.array([-1, 0, 0]),
        site=np.zeros(3, np.int64),
        is_meter=np.array([True, False, False]),
        import_kw=caps[:, 0],
        export_kw=caps[:, 1],
        phase_kw=phases,
    )
    return world(
        stays,
        limits=limits,
        limit=[draw(st.integers(0, 2)) for _ in range(n)],
        base_kw=[draw(st.floats(-30, 30)), 0, 0],
        min_kw=draw(st.sampled_from([0, 1.38])),
        step_kw=draw(st.sampled_from([0, 0.23, 0.69])),
        taper_soc=draw(st.sampled_from([0.8, 1.0])),
        phase_share=[draw(st.sampled_from([[1, 0, 0], [0, 1, 0], [1 / 3] * 3])) for _ in range(n)],
        need_known=[draw(st.booleans()) for _ in range(n)],
    )


class Anything:
    """Wishes powers at random, far beyond what is possible, and nothing now and then."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)

    def decide(self, image):
        n = image.session.size
        power = self._rng.uniform(-30, 30, n) * self._rng.choice([0.0, 0.1, 1.0], n)
        stop = self._rng.choice([np.inf, 30.0, 50.0], n)
        return replace(Wish.of(power), stop_kwh=stop)


@given(worlds(), st.integers(0, 2**16))
def test_a_day_of_random_wishes_breaks_no_limit_and_loses_no_energy(a_world, seed):
    def watch(image, setpoints):
        assert np.all(setpoints.power_kw[~image.connected] == 0)
        unknown = image.connected & np.isnan(image.target_kwh)
        assert np.all(setpoints.power_kw[unknown] >= 0)
        assert np.all(setpoints.power_kw <= image.max_charge_kw + 1e-9)
        assert np.all(setpoints.reason[setpoints.binding >= 0] == Reason.SITE_LIMIT)
        on = np.abs(setpoints.power_kw[setpoints.power_kw != 0])
        assert np.all(on >= image.min_power_kw[0] - 1e-9)
        if image.power_step_kw[0] > 0:
            units = on / image.power_step_kw[0]
            assert units == pytest.approx(np.round(units), abs=1e-6)

    plant = SimPlant(a_world, lambda _: None, lambda _: None)
    run_loop(plant, Anything(seed), a_world.grid.end_s, watch)
    plant.close()
    assert plant.extremes.violation_kw <= 1e-6
    assert plant.extremes.residual_kwh <= 1e-9


@given(worlds(), st.integers(0, 2**16))
def test_without_limits_every_reachable_promise_is_kept(a_world, seed):
    a_world.import_kw[:] = a_world.export_kw[:] = np.inf
    a_world.limits.phase_kw[:] = np.inf
    stated = a_world.sessions.stated_departure_s
    stated[:] = np.floor(stated)  # vehicles leave at whole seconds
    plant = SimPlant(a_world, lambda _: None, lambda _: None)
    run_loop(plant, Anything(seed), a_world.grid.end_s)
    plant.close()
    sessions, out = a_world.sessions, plant.outcomes
    punctual = sessions.departure_s >= sessions.stated_departure_s
    left = (out.state == 2) & punctual
    asked = np.minimum(sessions.target_kwh, out.reach)
    assert np.all(out.departure[left] >= asked[left] - 1e-6)


@given(worlds(), st.integers(0, 2**16))
def test_the_short_way_and_the_long_way_come_to_the_same(a_world, seed):
    a_world.import_kw[:] = a_world.export_kw[:] = a_world.limits.phase_kw[:] = np.inf
    a_world.chargers.power_step_kw[:] = 0.0
    wishes = Anything(seed)
    tiny = np.full(len(a_world.chargers), 1e-10)  # any step sends a wish the long way

    class Both:
        def decide(self, image):
            wish = wishes.decide(image)
            short, long = narrow(image, wish), narrow(replace(image, power_step_kw=tiny), wish)
            assert np.array_equal(short.stop_kwh, long.stop_kwh)
            assert np.array_equal(short.reason, long.reason)
            # Which steps are on below the minimum current hangs on the last digit.
            same = long.reason != Reason.MINIMUM_CURRENT
            assert short.power_kw[same] == pytest.approx(long.power_kw[same], abs=1e-8)
            return wish

    run_loop(SimPlant(a_world, lambda _: None, lambda _: None), Both(), a_world.grid.end_s)


@given(worlds(), st.booleans())
def test_a_wish_that_is_no_number_is_an_error(a_world, power):
    image = SimPlant(a_world, lambda _: None, lambda _: None).observe()
    wish = Anything(0).decide(image)
    (wish.power_kw if power else wish.stop_kwh)[-1] = np.nan
    with pytest.raises(StrategyError, match="not a number"):
        narrow(image, wish)


@given(worlds())
def test_vehicles_in_doubt_never_discharge(a_world):
    image = SimPlant(a_world, lambda _: None, lambda _: None).observe()
    doubtful = replace(image, in_doubt=np.ones(len(a_world.chargers), dtype=np.bool_))
    setpoints = narrow(doubtful, Wish.of(np.full(len(a_world.chargers), -5.0)))
    assert np.all(setpoints.power_kw >= 0)


@given(worlds())
def test_narrowing_twice_changes_nothing(a_world):
    plant = SimPlant(a_world, lambda _: None, lambda _: None)
    image = plant.observe()
    once = narrow(image, Anything(1).decide(image))
    twice = narrow(image, Wish(power_kw=once.power_kw, stop_kwh=once.stop_kwh, reason=once.reason))
    on = np.abs(once.power_kw) > 1e-6
    assert twice.power_kw[on] == pytest.approx(once.power_kw[on], abs=1e-6)


class Drains:
    """Wishes to give all there is, all the time."""

    def decide(self, image):
        return Wish.of(np.full(image.session.size, -30.0))


@given(st.lists(st.tuples(st.floats(0.4, 1.0), st.floats(0.3, 0.95), st.floats(1.0, 12.0)),
                min_size=1, max_size=6))  # fmt: skip
def test_who_stays_on_keeps_what_was_asked_for(stays):
    """Once at its target after the stated departure, a vehicle never goes below it."""
    made = world([(0, 15, soc, target, stated) for soc, target, stated in stays])
    plant = SimPlant(made, lambda _: None, lambda _: None, tick_s=60.0)
    held = {}

    def watch(image, _setpoints):
        late = image.connected & (image.time_s >= image.departure_s)
        for k in np.flatnonzero(late):
            least = min(image.target_kwh[k], image.full_kwh[k])
            if held.get(k) or image.energy_kwh[k] >= least - 1e-6:
                held[k] = True
                assert image.energy_kwh[k] >= least - 1e-6

    run_loop(plant, Drains(), made.grid.start_s + 14.9 * 900.0, watch)
