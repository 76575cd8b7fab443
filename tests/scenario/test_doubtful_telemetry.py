"""A day with an attacked vehicle: it charges on, but gives nothing until someone clears it."""

from dataclasses import replace

import numpy as np
import pytest

from gridtide.battery import Check, Detector
from gridtide.control import Wish, run_loop
from gridtide.core import Reason
from gridtide.sim import SimPlant, TelemetryDoubts, nameplate_of
from worlds import START_S, world

STEPS = 32
ATTACKED, HONEST = 0, 1


class GivesThenWaits:
    """Wishes to discharge all the time; the promise charges in the end."""

    def decide(self, image):
        return Wish.of(np.full(image.session.size, -4.0))


class Attack:
    """Adds to the first vehicle's reported state of charge between two steps."""

    def __init__(self, first, end, more):
        self._span = (START_S + 900 * first, START_S + 900 * end)
        self._more = more

    def __call__(self, telemetry):
        on = (telemetry.time_s >= self._span[0]) & (telemetry.time_s < self._span[1])
        on &= np.arange(len(telemetry.time_s))[:, None] == ATTACKED
        return replace(telemetry, soc=np.where(on, telemetry.soc + self._more, telemetry.soc))


def operate(attack, clear_at=None):
    stays = [(0, STEPS, 0.7, 0.75)] * 2
    a_world = world(stays, steps=STEPS)
    detector = Detector(nameplate_of(a_world))
    doubts = TelemetryDoubts(a_world, detector, attack)
    plant = SimPlant(a_world, lambda _: None, lambda _: None, doubts)
    told = []

    def watch(image, setpoints):
        told.append((image.in_doubt.copy(), setpoints.power_kw.copy(), setpoints.reason.copy()))
        if len(told) - 1 == clear_at:
            detector.clear(ATTACKED)

    run_loop(plant, GivesThenWaits(), a_world.grid.end_s, watch)
    plant.close()
    doubt, power, reason = (np.array(x) for x in zip(*told, strict=True))
    return plant, detector, doubt, power, reason


@pytest.mark.parametrize("more", [0.15, -0.2, 5.0, np.inf])
def test_from_detection_on_it_never_discharges_and_is_charged_to_its_target(more):
    plant, detector, doubt, power, reason = operate(Attack(6, 9, more))
    assert doubt[:, ATTACKED].tolist() == [False] * 6 + [True] * (STEPS - 6)
    assert (power[:6, ATTACKED] < 0).all()
    assert (power[6:, ATTACKED] >= 0).all()
    assert Reason(reason[6, ATTACKED]) is Reason.DATA_IN_DOUBT
    assert power[:, ATTACKED].max() > 10
    assert plant.outcomes.departure[ATTACKED] == pytest.approx(0.75 * 60, abs=1e-6)
    assert not doubt[:, HONEST].any()
    assert (power[6:12, HONEST] < 0).all()
    since = detector.verdict(ATTACKED).evidence[0].since_s
    assert since == START_S + 900 * 6


def test_after_clearing_it_discharges_again_unless_the_data_are_still_wrong():
    _, detector, doubt, power, _ = operate(Attack(6, 9, 0.15), clear_at=12)
    assert doubt[:, ATTACKED].tolist() == [False] * 6 + [True] * 7 + [False] * (STEPS - 13)
    assert (power[6:13, ATTACKED] >= 0).all()
    assert power[13, ATTACKED] < 0
    assert detector.verdict(ATTACKED).standing == "ok"
    # The attack goes on beyond the clearing: its end is a jump like its beginning.
    _, detector, doubt, _, _ = operate(Attack(6, 16, 0.15), clear_at=12)
    assert doubt[13:16, ATTACKED].tolist() == [False] * 3
    assert doubt[16:, ATTACKED].all()


def test_nobody_is_in_doubt_where_nothing_is_forged():
    _, detector, doubt, power, _ = operate(None)
    assert not doubt.any()
    assert detector.verdict(ATTACKED).standing == "ok"
    assert Check.ENERGY_AGAINST_SOC in detector.verdict(ATTACKED).checked
    assert (power[:10] < 0).all()
