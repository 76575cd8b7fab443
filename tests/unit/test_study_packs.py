"""Weather, thermal and envelope tables through a whole run, and what is told where wrong."""

import numpy as np
import pytest

from gridtide.core import InputError, Reason
from gridtide.study import load, run
from gridtide.study.starters import starter_text

WINTER = """
[weather]
kind = "season"
mean_c = 1

[thermal]
heat_below_c = 5

[envelope]
dwell_s = 900
"""


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    """A campus in January: night and morning below freezing."""
    path = tmp_path_factory.mktemp("campus") / "campus.toml"
    text = starter_text("campus").replace('start = "2026-06-01"', 'start = "2026-01-12"')
    path.write_text(text.replace("days = 3", "days = 2") + WINTER, encoding="utf-8")
    return run(load(path))


def findings(tmp_path, extra, change=("", "")):
    path = tmp_path / "depot.toml"
    path.write_text(starter_text("depot").replace(*change) + extra, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load(path)
    return error.value.findings


def test_a_winter_run_keeps_every_limit_and_every_kilowatt_hour(campus):
    for strategy in campus.strategies.values():
        told = strategy.summary
        assert told["energy_residual_kwh"] < 1e-9
        assert told["hard_violation_kw"] == 0
        assert told["envelope_violation_kw"] == 0
        assert told["conditioning_kwh"] > 0
        balance = told["energy_in_kwh"] - told["energy_out_kwh"] - told["loss_kwh"]
        assert balance == pytest.approx(told["stored_change_kwh"], abs=1e-9 * 100)
        assert told["loss_kwh"] > told["conditioning_kwh"]
    assert campus.strategies["v2g"].summary["energy_out_kwh"] > 0


def test_meters_of_plugs_and_site_agree_with_conditioning(campus):
    for strategy in campus.strategies.values():
        plugs, site = strategy.columns["intervals"], strategy.columns["site"]
        net = site["import_wh"].sum() - site["export_wh"].sum()
        own = site["building_wh"].sum() - site["pv_wh"].sum()
        vehicles = plugs["import_wh"].sum() - plugs["export_wh"].sum()
        assert net - own == pytest.approx(vehicles, abs=len(plugs["import_wh"]))


def test_rows_tell_a_temperature_between_the_air_and_a_warm_pack(campus):
    warmth = campus.strategies["v2g"].columns["intervals"]["temperature_c"]
    assert warmth.dtype == np.float32
    assert -15 < warmth.min() < warmth.max() < 20


def test_cuts_are_told_with_their_reason(campus):
    reasons = set(campus.strategies["uncontrolled"].columns["decisions"]["reason"].tolist())
    assert {Reason.BATTERY_TEMPERATURE, Reason.CONDITIONING} & reasons


def test_the_notes_say_what_is_synthetic(campus):
    assert "The ambient temperature is synthetic, from a carded model of the season." in (
        campus.case.notes
    )


def test_without_the_tables_nothing_is_added(tmp_path):
    path = tmp_path / "depot.toml"
    text = starter_text("depot").replace("days = 3", "days = 1")
    path.write_text(text.replace('run = ["uncontrolled", "v1g", "v2g"]', 'run = ["uncontrolled"]'))
    result = run(load(path)).strategies["uncontrolled"]
    assert "temperature_c" not in result.columns["intervals"]
    assert not {"conditioning_kwh", "envelope_violation_kw"} & set(result.summary)


@pytest.mark.parametrize(
    ("extra", "change", "where", "what", "mend"),
    [
        ("[thermal]\n", ("", ""), "thermal", "needs an ambient", "[weather]"),
        ("[envelope]\n", ("", ""), "envelope", "no vehicle ever discharges", "by_temperature"),
        (
            "[weather]\nkind = 'season'\nmean_c = 283.15\n",
            ("", ""),
            "weather.mean_c",
            "looks like kelvin",
            "10",
        ),
        (
            "[weather]\nkind = 'season'\n[thermal]\nheat_below_c = 30\ncool_above_c = 20\n",
            ("", ""),
            "thermal.heat_below_c",
            "heated below 30",
            "lower",
        ),
        (
            "[envelope]\nby_temperature = false\nsoc_min = 0.9\n",
            ("", ""),
            "envelope.soc_min",
            "soc_min 0.9 is not below soc_max 0.8",
            "≤",
        ),
        (
            "[envelope]\nby_temperature = false\ncold_c = 20\n",
            ("", ""),
            "envelope.cold_c",
            "cold_c 20 is not below mild_c 10",
            "≤",
        ),
        ("[envelope]\nsoc_max = 80\nby_temperature = false\n", ("", ""), "envelope.soc_max",
         "80 is not allowed", "0.8"),
        (
            "[envelope]\nby_temperature = false\n",
            ("soc_floor = 0.35", 'chemistry = "lead"\nsoc_floor = 0.35'),
            "vehicle[0].chemistry",
            "lead has no known voltages",
            "nmc",
        ),
    ],
)  # fmt: skip
def test_wrong_tables_are_findings(tmp_path, extra, change, where, what, mend):
    told = findings(tmp_path, "\n" + extra, change)
    assert any(f.where.endswith(where) and what in f.what and mend in f.mend for f in told), told
