"""Each check of battery telemetry: what passes, what fails, what cannot be checked."""

import numpy as np
import pytest

from gridtide.battery import (
    CIRCUITS,
    Check,
    Detector,
    Nameplate,
    Telemetry,
    Thresholds,
    cells_kw,
)
from gridtide.core import InputError

E = 60.0
SERIES = 96
START_S = 1_780_272_000.0
CIRCUIT = CIRCUITS["nmc"]


def stay(minutes=180, power=7.0, soc=0.3, n=1):
    """Columns of a stay at constant power, true to the circuit, without noise."""
    k = np.arange(minutes, dtype=float)
    cells = float(cells_kw(power)[0]) if power else 0.0
    socs = soc + cells * k / 60 / E
    ocv = np.interp(socs, CIRCUIT.soc, CIRCUIT.ocv_v)
    amp = cells * 1000 / SERIES / 3.75
    ah = E * 1000 / SERIES / np.mean(np.interp(np.linspace(0, 1, 201), CIRCUIT.soc, CIRCUIT.ocv_v))
    rc = 0.03 * (1 - np.exp(-k * 60 / CIRCUIT.tau_s))
    # A twelfth of a volt up and down: no two samples are alike, as with any real sensor.
    volt = SERIES * (ocv + 1.2 * amp * (0.06 + rc) / ah) + 0.08 * np.sin(k * k)
    columns = {
        "time_s": START_S + 60 * k,
        "soc": np.round(socs, 2),
        "power_ac_kw": np.full(minutes, power),
        "voltage_v": volt,
        "current_a": cells * 1000 / volt,
        "power_dc_kw": np.full(minutes, cells),
        "temperature_c": 20 + 0.005 * k,
        "ambient_c": np.full(minutes, 18.0),
        "energy_in_kwh": 100 + max(power, 0) * k / 60,
        "energy_out_kwh": 50 + max(-power, 0) * k / 60,
        "charge_limit_kw": 11 * np.clip(1.6 - socs, 0.3, 1.0),
        "discharge_limit_kw": 11 * np.clip(socs / 0.2, 0.0, 1.0),
    }
    return {name: np.tile(values, (n, 1)) for name, values in columns.items()}


def plate(n=1, **changes):
    return Nameplate.of(np.full(n, E), **{"cells_in_series": SERIES, "chemistry": "nmc", **changes})


def judge(columns, a_plate=None, thresholds=None):
    detector = Detector(a_plate or plate(len(columns["time_s"])), thresholds)
    detector.see(Telemetry.of(**columns))
    return detector.verdict(0)


def failed(columns, a_plate=None):
    return {e.check for e in judge(columns, a_plate).evidence}


def only(check, columns, a_plate=None):
    """The evidence of a check that failed, and first of all."""
    evidence = judge(columns, a_plate).evidence
    assert evidence[0].check is check, [e.sentence for e in evidence]
    return evidence[0]


@pytest.mark.parametrize("power", [-7.0, 0.0, 7.0, 11.0])
def test_a_plain_stay_is_ok_and_every_check_with_data_ran(power):
    verdict = judge(stay(power=power, soc=0.6 if power < 0 else 0.3))
    assert verdict.standing == "ok", [e.sentence for e in verdict.evidence]
    fleet = {Check.FLEET_OUTLIER, Check.COORDINATED}
    idle = set() if power else {Check.REPLAYED, Check.CAPACITY_IDENTITY}
    assert set(verdict.not_checked) == fleet | idle


def test_what_is_not_reported_is_not_checked_and_nothing_passes_silently():
    bare = {"time_s": stay()["time_s"], "ambient_c": stay()["ambient_c"]}
    verdict = judge(bare)
    assert verdict.standing == "not checkable"
    assert set(verdict.checked) == {Check.IMPOSSIBLE_VALUE, Check.TIME_ORDER}
    nothing = judge({"time_s": np.full((1, 5), np.nan)})
    assert nothing.standing == "not checkable"
    assert nothing.checked == ()


@pytest.mark.parametrize(
    ("missing", "check"),
    [
        (["soc"], Check.ENERGY_AGAINST_SOC),
        (["power_ac_kw", "energy_in_kwh"], Check.ENERGY_AGAINST_SOC),
        (["soc"], Check.SOC_RATE),
        (["voltage_v"], Check.CIRCUIT_RESIDUAL),
        (["current_a", "power_dc_kw", "power_ac_kw"], Check.CIRCUIT_RESIDUAL),
        (["power_dc_kw", "energy_in_kwh"], Check.POWER_IDENTITY),
        (["temperature_c"], Check.TEMPERATURE_RATE),
        (["voltage_v"], Check.VOLTAGE_RANGE),
        (["soc"], Check.CAPACITY_IDENTITY),
        (["soc", "voltage_v"], Check.FROZEN),
        (["voltage_v"], Check.REPLAYED),
        (["current_a"], Check.REPLAYED),
        (["charge_limit_kw", "discharge_limit_kw"], Check.DECLARED_LIMITS),
        (["soc", "voltage_v", "current_a", "temperature_c", "power_ac_kw"], Check.WENT_SILENT),
    ],
)
def test_each_check_says_when_it_lacks_its_data(missing, check):
    columns = {k: v for k, v in stay().items() if k not in missing}
    verdict = judge(columns)
    assert check in verdict.not_checked
    assert verdict.standing == "ok", [e.sentence for e in verdict.evidence]


def test_without_a_circuit_or_cells_the_voltage_is_not_checked():
    for a_plate in (plate(chemistry="unobtainium"), plate(cells_in_series=np.nan)):
        unchecked = set(judge(stay(), a_plate).not_checked)
        assert {Check.CIRCUIT_RESIDUAL, Check.VOLTAGE_RANGE} <= unchecked


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("soc", 55.0, "state of charge 55 lies outside 0 to 1"),
        ("soc", -0.01, "state of charge"),
        ("soc", np.inf, "state of charge inf"),
        ("temperature_c", 293.0, "looks like kelvin"),
        ("ambient_c", 291.0, "looks like kelvin"),
        ("voltage_v", -3.0, "pack voltage"),
        ("voltage_v", np.inf, "pack voltage inf"),
        ("current_a", 9000.0, "current 9000 A"),
        ("power_ac_kw", 40.0, "power at the plug 40 kW"),
        ("power_dc_kw", -40.0, "power at the pack -40 kW"),
        ("energy_in_kwh", 99.0, "an energy register went down by 5"),
        ("energy_out_kwh", np.inf, "energy register inf"),
    ],
)
def test_impossible_values(name, value, words):
    columns = stay()
    columns[name][0, 40] = value
    evidence = only(Check.IMPOSSIBLE_VALUE, columns)
    assert words in evidence.sentence
    assert evidence.since_s == START_S + 60 * 40
    columns = stay()
    assert judge(columns).standing == "ok"


def test_a_register_of_another_charger_may_stand_lower():
    columns = stay()
    columns["session"] = np.where(np.arange(180) < 90, 1, 2)[None]
    columns["energy_in_kwh"][0, 90:] -= 80
    assert judge(columns).standing == "ok"


def without_pack(columns):
    """Only what an AC station reports."""
    kept = ("time_s", "soc", "power_ac_kw", "energy_in_kwh", "energy_out_kwh", "session")
    return {name: columns[name] for name in kept if name in columns}


@pytest.mark.parametrize(("slope", "detail"), [(0.1, 1), (-0.1, 1), (0.016, 2), (-0.018, 2)])
def test_energy_against_soc_in_an_hour_and_in_a_session(slope, detail):
    columns = without_pack(stay(minutes=480, power=0.0))
    columns["soc"] = 0.4 + slope * np.arange(480)[None] / 60 * np.sign(0.5 - 0.0)
    evidence = only(Check.ENERGY_AGAINST_SOC, columns)
    assert evidence.detail == detail
    assert "kWh passed the meter" in evidence.sentence


def test_energy_against_soc_when_power_is_charged_but_soc_stays():
    columns = without_pack(stay(minutes=120))
    columns["soc"] = 0.3 + 0.004 * np.sin(np.arange(120.0))[None]
    evidence = only(Check.ENERGY_AGAINST_SOC, columns)
    assert evidence.expected > evidence.measured + evidence.bound


def test_soc_rate():
    columns = without_pack(stay())
    columns["soc"][0, 60:] += 0.026
    assert Check.SOC_RATE in failed(columns)
    columns = without_pack(stay())
    columns["soc"][0, 60:] += 0.005
    assert judge(columns).standing == "ok"


def test_circuit_finds_a_forged_voltage_and_a_soc_that_was_wrong_from_the_start():
    columns = stay()
    columns["voltage_v"][0, 60:] += 0.1 * SERIES
    columns["power_dc_kw"][0] = columns["voltage_v"][0] * columns["current_a"][0] / 1000
    assert only(Check.CIRCUIT_RESIDUAL, columns).detail == 1
    columns = stay(minutes=400, power=0.0, soc=0.6)
    columns["soc"] += 0.15
    assert Check.CIRCUIT_RESIDUAL in failed(columns)
    columns = stay()
    columns["voltage_v"][0, 60:] += 0.005 * SERIES
    assert judge(columns).standing == "ok"


def test_circuit_uses_the_power_that_is_known_where_no_current_is():
    columns = {k: v for k, v in stay().items() if k not in ("current_a", "power_dc_kw")}
    assert Check.CIRCUIT_RESIDUAL in judge(columns).checked
    columns["voltage_v"][0, 60:] -= 0.15 * SERIES
    assert Check.CIRCUIT_RESIDUAL in failed(columns)


def test_power_is_voltage_times_current_but_for_a_few_samples():
    columns = stay()
    columns["current_a"][0, 60:] *= 1.06
    evidence = only(Check.POWER_IDENTITY, columns)
    assert evidence.detail == 1
    assert evidence.since_s == START_S + 60 * 63
    columns = stay()
    columns["current_a"][0, 60:63] *= 1.06
    assert judge(columns).standing == "ok"


def test_registers_fit_power():
    columns = without_pack(stay())
    del columns["soc"]
    columns["power_ac_kw"][0, 30:] *= 0.8
    assert only(Check.POWER_IDENTITY, columns).detail == 2


def test_plug_fits_pack_within_the_loss_law():
    columns = stay()
    less = {k: v for k, v in columns.items() if k not in ("voltage_v", "current_a", "soc")}
    assert judge(less).standing == "ok"
    less["power_dc_kw"] = less["power_dc_kw"] * 0.6
    assert only(Check.POWER_IDENTITY, less).detail == 3


def test_temperature_may_not_creep_faster_than_heat_allows():
    columns = stay()
    columns["temperature_c"][0, 60:90] += np.linspace(0, 36, 30)
    columns["temperature_c"][0, 90:] += 36
    assert only(Check.TEMPERATURE_RATE, columns).detail == 0


def test_temperature_rate():
    columns = stay()
    columns["temperature_c"][0, 60:] += 6.0
    assert only(Check.TEMPERATURE_RATE, columns).measured > 5
    columns = stay()
    columns["temperature_c"][0, 60:] -= 6.0
    assert only(Check.TEMPERATURE_RATE, columns).measured < -5
    columns = stay()
    columns["temperature_c"][0, 60:] += 2.0
    assert judge(columns).standing == "ok"


@pytest.mark.parametrize("cell_v", [2.9, 4.3])
def test_voltage_range(cell_v):
    columns = {"time_s": stay()["time_s"], "voltage_v": stay()["voltage_v"]}
    assert judge(columns).standing == "ok"
    columns["voltage_v"][0, 5] = cell_v * SERIES
    assert f"{cell_v:.3f} V per cell" in only(Check.VOLTAGE_RANGE, columns).sentence


def sessions(ratios):
    """AC telemetry of one charging session a day; each implies capacity × ratio."""
    parts = []
    for day, ratio in enumerate(ratios):
        part = without_pack(stay(minutes=300))
        part["soc"] = 0.3 + (part["soc"] - 0.3) / ratio
        part["time_s"] += 86400 * day
        part["session"] = np.full((1, 300), day)
        parts.append(part)
    return {name: np.concatenate([p[name] for p in parts], axis=1) for name in parts[0]}


def capacity_only():
    """Energy checks that do not bind, so that the capacity is what is looked at."""
    return Thresholds()._replace(
        energy_share=9.0, soc_margin=9.0, soc_session_margin=9.0, rate_margin=9.0
    )


def test_capacity_that_jumps_from_one_session_to_the_next():
    good = judge(sessions([1.0] * 10), thresholds=capacity_only())
    assert good.standing == "ok"
    assert Check.CAPACITY_IDENTITY in good.checked
    verdict = judge(sessions([1.0] * 10 + [1.35] * 4), thresholds=capacity_only())
    assert [e.check for e in verdict.evidence] == [Check.CAPACITY_IDENTITY]
    assert verdict.evidence[0].since_s > START_S + 10 * 86400
    assert "another capacity than before" in verdict.evidence[0].sentence


def test_capacity_that_is_not_the_declared_one():
    thresholds = capacity_only()._replace(capacity_limit=1e6)
    verdict = judge(sessions([1.4] * 30), thresholds=thresholds)
    assert [(e.check, e.detail) for e in verdict.evidence] == [(Check.CAPACITY_IDENTITY, 2)]
    assert judge(sessions([1.1] * 30), thresholds=thresholds).standing == "ok"


def test_time_goes_forward():
    columns = stay()
    columns["time_s"][0, 50] -= 120
    assert "goes back by 60 s" in only(Check.TIME_ORDER, columns).sentence


def test_a_sample_sent_twice_is_no_doubt_but_two_that_differ_are():
    columns = {k: np.repeat(v, 2, axis=1) for k, v in stay().items()}
    assert judge(columns).standing == "ok"
    columns["soc"][0, 41] += 0.01
    assert only(Check.TIME_ORDER, columns).detail == 1


def test_frozen_values_while_energy_passes():
    columns = stay()
    moving = ("time_s", "energy_in_kwh")
    for name in columns:
        if name not in moving:
            columns[name][0, 60:] = columns[name][0, 60]
    evidence = only(Check.FROZEN, columns)
    assert evidence.measured > 0.02
    assert judge(stay(power=0.0) | {"voltage_v": np.full((1, 180), 350.0)}).standing == "ok"


def test_replayed_values():
    columns = stay(minutes=400, power=3.0)
    for name in ("soc", "voltage_v", "current_a", "power_dc_kw", "temperature_c"):
        columns[name][0, 200:300] = columns[name][0, 100:200]
    verdict = judge(columns)
    assert Check.REPLAYED in {e.check for e in verdict.evidence}
    honest = judge(stay(minutes=400, power=3.0))
    assert Check.REPLAYED in honest.checked
    assert honest.standing == "ok"


def limits_only(**changes):
    columns = {"time_s": stay(400)["time_s"], "soc": stay(400, power=6.0)["soc"]}
    columns["temperature_c"] = np.full((1, 400), 20.0)
    columns["charge_limit_kw"] = np.full((1, 400), 8.0)
    columns["discharge_limit_kw"] = np.full((1, 400), 8.0)
    columns |= {name: np.array(values, dtype=float)[None] for name, values in changes.items()}
    return columns


RISING = np.where(np.arange(400) < 200, 7.0, 10.5)
FALLING_SOC = 0.9 - np.arange(400) / 800
STEADY = np.full(400, 0.5)


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"charge_limit_kw": np.full(400, -1.0)}, 1),
        ({"discharge_limit_kw": np.full(400, -1.0)}, 2),
        ({"power_ac_kw": np.full(400, 11.0), "charge_limit_kw": np.full(400, 3.0)}, 3),
        ({"charge_limit_kw": RISING}, 4),
        (
            {
                "charge_limit_kw": RISING,
                "soc": STEADY,
                "temperature_c": np.linspace(9, -5, 400),
            },
            4,
        ),
        (
            {
                "charge_limit_kw": RISING,
                "soc": STEADY,
                "temperature_c": np.linspace(46, 60, 400),
            },
            4,
        ),
        ({"discharge_limit_kw": RISING, "soc": FALLING_SOC}, 5),
    ],
)
def test_declared_limits(changes, detail):
    evidence = judge(limits_only(**changes)).evidence
    assert (Check.DECLARED_LIMITS, detail) in {(e.check, e.detail) for e in evidence}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"charge_limit_kw": RISING[::-1]},
        {"charge_limit_kw": RISING, "soc": FALLING_SOC},
        {"discharge_limit_kw": RISING},
        {"charge_limit_kw": RISING, "soc": STEADY, "temperature_c": np.linspace(-5, 9, 400)},
    ],
)
def test_limits_that_may_move_so(changes):
    verdict = judge(limits_only(**changes))
    assert Check.DECLARED_LIMITS in verdict.checked
    found = [e.sentence for e in verdict.evidence if e.check is Check.DECLARED_LIMITS]
    assert found == []


@pytest.mark.parametrize("name", ["soc", "voltage_v", "current_a", "temperature_c", "power_ac_kw"])
def test_a_quantity_that_is_withheld_after_it_was_reported(name):
    columns = stay()
    columns[name][0, 60:90] = np.nan
    assert Check.WENT_SILENT in failed(columns)
    columns = stay()
    columns[name][0, 60:70] = np.nan
    assert Check.WENT_SILENT not in failed(columns)


def fleet_stay(n, rng):
    columns = stay(minutes=240, power=0.0, soc=0.6, n=n)
    columns["voltage_v"] = columns["voltage_v"] + rng.normal(0, 0.05, (n, 240))
    columns["soc"] = columns["soc"] + rng.normal(0, 0.001, (n, 240))
    return columns


def test_an_outlier_among_vehicles_of_its_model():
    columns = fleet_stay(20, np.random.default_rng(5))
    columns["voltage_v"][3, 60:] += 0.07 * SERIES
    detector = Detector(plate(20), Thresholds()._replace(chi_limit=1e9))
    detector.see(Telemetry.of(**columns))
    assert np.flatnonzero(detector.in_doubt).tolist() == [3]
    evidence = detector.verdict(3).evidence
    assert [(e.check, e.detail) for e in evidence] == [(Check.FLEET_OUTLIER, 1)]
    few = Detector(plate(8))
    few.see(Telemetry.of(**{k: v[:8] for k, v in columns.items()}))
    assert Check.FLEET_OUTLIER in few.verdict(3).not_checked


def test_vehicles_of_another_model_are_no_measure():
    columns = fleet_stay(20, np.random.default_rng(5))
    columns["voltage_v"][:10, 60:] += 0.02 * SERIES
    detector = Detector(plate(20, model=np.arange(20) < 10))
    detector.see(Telemetry.of(**columns))
    assert Check.FLEET_OUTLIER in detector.verdict(0).not_checked
    assert not detector.in_doubt.any()


def test_a_small_bias_of_many_at_once():
    columns = fleet_stay(40, np.random.default_rng(5))
    columns["soc"][:20, 60:] += 0.012
    detector = Detector(plate(40))
    detector.see(Telemetry.of(**columns))
    # An honest vehicle whose error happens to point the same way may go with them.
    assert detector.in_doubt[:20].all()
    assert detector.in_doubt[20:].sum() <= 2
    assert {e.check for e in detector.verdict(0).evidence} == {Check.COORDINATED}
    alone = Detector(plate(40))
    columns["soc"][1:20, 60:] -= 0.012
    alone.see(Telemetry.of(**columns))
    assert not alone.in_doubt.any()


def test_the_first_failure_is_kept_and_doubt_stays_until_cleared():
    columns = stay()
    columns["soc"][0, 60] = 1.5
    columns["soc"][0, 61] = 1.7
    detector = Detector(plate())
    detector.see(Telemetry.of(**columns))
    assert detector.in_doubt.tolist() == [True]
    assert detector.verdict(0).evidence[0].measured == 1.5
    detector.clear(0)
    assert detector.verdict(0).standing == "not checkable"
    again = stay()
    again["time_s"] += 7200 * 3
    detector.see(Telemetry.of(**again))
    assert detector.verdict(0).standing == "ok"


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="2 rows of telemetry for 1 vehicles"):
        Detector(plate()).see(Telemetry.of(np.zeros((2, 1))))
    with pytest.raises(ValueError, match="telemetry has no socs"):
        Telemetry.of(np.zeros((2, 1)), socs=0.4)
    with pytest.raises(ValueError, match="one shape"):
        columns = Telemetry.of(np.zeros((2, 1)))
        Telemetry(**{n: np.zeros(2) for n in columns.__dataclass_fields__})
    with pytest.raises(InputError) as told:
        Nameplate.of([0.0, np.nan, 60.0], max_charge_kw=[1, 1, -1])
    assert len(told.value.findings) == 3
