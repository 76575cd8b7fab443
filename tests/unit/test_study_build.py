"""A scenario becomes a case: places, chargers, limits over time, what planning knows."""

import json
import signal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from gridtide.core import InputError, StorageError
from gridtide.sim import SimPlant
from gridtide.study import load, prepare_folder, run, write_result
from gridtide.study.build import compose
from gridtide.study.scenario_file import read_scenario
from gridtide.study.starters import starter_text
from gridtide.study.toml_places import TomlPlaces


@pytest.fixture
def scenario(tmp_path):
    """Return a scenario file made from a starting file by replacing text."""

    def make(archetype="building", *changes, more=""):
        text = starter_text(archetype)
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / f"{archetype}.toml"
        path.write_text(text + more)
        return path

    return make


def test_places_name_the_line_of_a_key_and_of_the_nth_table():
    text = "a = 1\n[[site]]\nname = 'x'\n[[site]]\nname = 'y'\n[site.pv]\npeak_kw = 3\n"
    place = TomlPlaces(text, "f.toml")
    assert place("a") == "f.toml:1 a"
    assert place("site[1].name") == "f.toml:5 site[1].name"
    assert place("site[1].pv.peak_kw") == "f.toml:7 site[1].pv.peak_kw"
    assert place("site[0].tariff") == "f.toml:2 site[0].tariff"
    assert place("") == "f.toml"


@pytest.mark.parametrize(
    ("start", "steps"), [("2026-03-29", 92), ("2026-10-25", 100), ("2026-06-01", 96)]
)
def test_a_local_day_has_23_to_25_hours(scenario, start, steps):
    case = load(scenario("building", ('"2026-06-01"', f'"{start}"'), ("days = 3", "days = 1")))
    assert case.world.grid.n == steps


def test_a_change_of_a_limit_holds_from_its_local_time_on(scenario):
    more = '\n[[change]]\nlimit = "building"\nat = "2026-06-02T17:00"\nimport_kw = 72\n'
    case = load(scenario("building", more=more))
    step = (24 + 17) * 4
    assert case.world.import_kw[step - 1, 0] == 120
    assert np.all(case.world.import_kw[step:, 0] == 72)
    assert np.all(case.world.export_kw[:, 0] == case.world.export_kw[0, 0])


def test_a_change_of_nothing_is_told(scenario):
    more = '\n[[change]]\nlimit = "building"\nat = "2026-06-02T17:00"\n'
    with pytest.raises(InputError, match="nothing is changed"):
        load(scenario("building", more=more))


def test_a_byte_order_mark_is_no_fault(scenario):
    path = scenario("building")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(path).world.import_kw[0, 0] == 120


def test_stations_of_a_file_find_the_first_group_that_fits(scenario, tmp_path):
    (tmp_path / "s.csv").write_text(
        "session,vehicle,charger,arrival,departure,energy_kwh\n"
        "1,a,DC-1,2026-06-01T08:00+02:00,2026-06-01T09:00+02:00,20\n"
        "2,b,AC-1,2026-06-01T08:00+02:00,2026-06-01T17:00+02:00,9\n"
    )
    groups = (
        '\n[[charger]]\nname = "fast"\nmatch = "DC-*"\nbelow = "building"\nmax_charge_kw = 50\n'
        '\n[[charger]]\nname = "slow"\nmatch = "*"\nbelow = "building"\nmax_charge_kw = 7\n'
    )
    case = load(
        scenario(
            "building",
            ('source = "sample" ', 'source = "csv"\nfile = "s.csv" #'),
            ("count = 12\ncapacity_kwh = 62", "capacity_kwh = 62"),
            more=groups,
        )
    )
    power = dict(zip(case.world.chargers.ids, case.world.chargers.max_charge_kw, strict=True))
    assert power["DC-1"] == 50
    assert power["AC-1"] == 7


def test_planning_sees_yesterdays_sun_and_todays_prices(scenario):
    case = load(scenario("building"))
    world, outlook = case.world, case.outlook
    own = world.building_kw - world.pv_kw
    assert not np.allclose(outlook.base_forecast_kw[: world.grid.n], own)
    # The second day is a Tuesday: load and sun are both seen as on Monday.
    np.testing.assert_allclose(outlook.base_forecast_kw[96:192], own[:96])
    assert outlook.grid.n == world.grid.n + 96
    n = world.grid.n
    np.testing.assert_array_equal(
        outlook.price_import_per_kwh[0, :n], case.tariffs[0].price_import_per_kwh
    )


def test_demand_is_charged_for_the_runs_share_of_the_month_only(scenario):
    case = load(scenario("building"))
    assert case.outlook.demand_charge_per_kw[0, 0] == pytest.approx(8.0 * 3 / 30)


def test_a_refund_on_reexport_reaches_the_plan_only_without_sun(scenario):
    off = ("fees_on_reexport = true ", "fees_on_reexport = false ")
    with_sun = load(scenario("building", off))
    pv = next(line for line in starter_text("building").splitlines() if line.startswith("pv = "))
    alone = load(scenario("building", off, (pv, "")))
    assert with_sun.outlook.price_export_per_kwh[0, 0] == pytest.approx(0.07)
    assert alone.outlook.price_export_per_kwh[0, 0] == pytest.approx(0.07 + 0.08 + 0.02)


def test_findings_of_all_readers_come_together(scenario):
    path = scenario(
        "building",
        ('base_load = { kind = "office"', 'base_load = { file = "gone.csv"'),
        ('source = "sample" ', 'source = "csv"\nfile = "gone too.csv" #'),
        ("count = 12\ncapacity_kwh = 62", "capacity_kwh = 62"),
        more='\n[[change]]\nlimit = "building"\nat = "later"\nimport_kw = 9\n',
    )
    with pytest.raises(InputError) as caught:
        load(path)
    told = str(caught.value)
    assert "gone.csv" in told
    assert "gone too.csv" in told
    assert "'later'" in told


def test_two_sites_below_a_feeder_have_a_meter_each(scenario):
    more = (
        '\n[[site]]\nname = "annex"\ntariff = "time of use"\nbelow = "street"\nimport_kw = 30\n'
        '\n[[limit]]\nname = "street"\nimport_kw = 140\n'
        '\n[[charger]]\nname = "annex"\ncount = 2\nbelow = "annex"\nmax_charge_kw = 11\n'
    )
    path = scenario(
        "building", ('name = "building"', 'name = "building"\nbelow = "street"'), more=more
    )
    case = load(path)
    tree = case.world.limits
    assert tree.names[0] == "street"
    assert [tree.names[i] for i in case.meters] == ["building", "annex"]
    assert tree.site[tree.names.index("street")] == -1
    assert case.outlook.price_import_per_kwh.shape[0] == 2


def last_line_of(path, text):
    """Return the number of the last line that is this text."""
    lines = enumerate(path.read_text().splitlines(), 1)
    return max(number for number, line in lines if line == text)


@pytest.mark.parametrize("between", ["building", "panel"])
def test_a_site_below_another_site_is_told(scenario, between):
    more = (
        '\n[[limit]]\nname = "panel"\nbelow = "building"\nimport_kw = 60\n'
        f'\n[[site]]\nname = "annex"\ntariff = "time of use"\nbelow = "{between}"\n'
    )
    path = scenario("building", more=more)
    line = last_line_of(path, f'below = "{between}"')
    with pytest.raises(InputError) as caught:
        load(path)
    (finding,) = caught.value.findings
    assert finding.where == f"{path}:{line} site[1].below"
    assert finding.what.startswith(
        "a site cannot stand below another site: annex is below building"
    )
    assert "[[limit]]" in finding.mend


def test_a_site_below_itself_is_told_once(scenario):
    path = scenario("building", ('name = "building"', 'name = "building"\nbelow = "building"'))
    with pytest.raises(InputError) as caught:
        load(path)
    assert [f.what for f in caught.value.findings] == ["building is below itself"]


def annex_and_flat_tariff(tariff="flat", demand_charge=""):
    """Return a second site on a tariff, and a flat tariff."""
    return (
        f'\n[[site]]\nname = "annex"\ntariff = "{tariff}"\nimport_kw = 30\n'
        '\n[[charger]]\nname = "annex"\ncount = 2\nbelow = "annex"\nmax_charge_kw = 11\n'
        '\n[[tariff]]\nname = "flat"\ncurrency = "EUR"\nimport_price_per_kwh = 0.2\n'
        f"export_price_per_kwh = 0.0\n{demand_charge}\n"
    )


FROM_MAY_TO_JUNE = ('"2026-06-01"', '"2026-05-30"')
CHARGE_ON_THE_RUN = 'demand_charge = { price_per_kw = 3.0, billing_period = "run" }'


def test_billing_periods_are_those_of_the_site_with_a_demand_charge(scenario):
    flat_first = ('tariff = "time of use"', 'tariff = "flat"')
    more = annex_and_flat_tariff("time of use")
    case = load(scenario("building", FROM_MAY_TO_JUNE, flat_first, more=more))
    assert [tariff.name for tariff in case.tariffs] == ["flat", "time of use"]
    months = np.repeat([0, 1], [2 * 96, 96])
    np.testing.assert_array_equal(case.world.billing_period, months)
    np.testing.assert_array_equal(case.outlook.demand_period[: 3 * 96], months)
    assert np.all(case.outlook.demand_period[3 * 96 :] == 1)
    assert np.all(case.outlook.demand_charge_per_kw[case.meters[1]] > 0)


def test_two_demand_charges_with_different_billing_periods_are_told(scenario):
    more = annex_and_flat_tariff(demand_charge=CHARGE_ON_THE_RUN)
    path = scenario("building", FROM_MAY_TO_JUNE, more=more)
    line = last_line_of(path, CHARGE_ON_THE_RUN)
    with pytest.raises(InputError) as caught:
        load(path)
    (finding,) = caught.value.findings
    assert finding.where == f"{path}:{line} tariff[1].demand_charge"
    assert "time of use and flat have different billing periods" in finding.what
    assert "run the sites one by one" in finding.mend


def test_demand_charges_that_differ_only_beyond_the_run_stand(scenario):
    more = annex_and_flat_tariff(demand_charge=CHARGE_ON_THE_RUN)
    case = load(scenario("building", more=more))
    assert np.all(case.world.billing_period == 0)


def test_a_scaled_draw_changes_capacities_and_nothing_else(scenario):
    path = scenario("hub")
    read, place = read_scenario(path)
    scaled = msgspec.structs.replace(
        read, sessions=msgspec.structs.replace(read.sessions, capacity_scale=1.5)
    )
    one, two = (compose(s, place, "", Path(path.parent)) for s in (read, scaled))
    assert two.world.vehicles.capacity_kwh.mean() > 1.2 * one.world.vehicles.capacity_kwh.mean()
    np.testing.assert_array_equal(one.world.sessions.arrival_s, two.world.sessions.arrival_s)
    assert one.capacities_drawn


def test_an_opt_out_of_nobody_is_a_finding(scenario):
    path = scenario(
        "building", ("share_of_gain = 0.3", 'share_of_gain = 0.3\nopt_out = ["nobody"]')
    )
    with pytest.raises(InputError, match="no vehicle nobody"):
        load(path)


def test_a_plain_session_that_began_before_the_run_is_kept(scenario, tmp_path):
    (tmp_path / "s.csv").write_text(
        "session,vehicle,charger,arrival,departure,energy_kwh\n"
        "1,a,charger-01,2026-05-31T20:00+02:00,2026-06-01T09:00+02:00,20\n"
        "2,b,charger-02,2026-05-31T20:00+02:00,2026-05-31T21:00+02:00,2\n"
    )
    case = load(
        scenario(
            "building",
            ('source = "sample" ', 'source = "csv"\nfile = "s.csv" #'),
            ("count = 12\ncapacity_kwh = 62", "capacity_kwh = 62"),
        )
    )
    assert case.world.sessions.ids == ("1",)
    assert list(case.inputs) == ["s.csv"]


def test_an_unknown_strategy_and_one_without_decide_are_findings(scenario, tmp_path):
    (tmp_path / "mine_without_decide.py").write_text("class Nothing:\n    pass\n")
    usual = 'run = ["uncontrolled", "v1g", "v2g"]'
    with pytest.raises(InputError, match="no strategy v3g"):
        load(scenario("building", (usual, 'run = ["v3g"]')))
    case = load(scenario("building", (usual, 'run = ["mine_without_decide:Nothing"]')))
    with pytest.raises(InputError, match="no method decide"):
        run(case)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("def decide(:\n", r"mine_broken_0\.py, line 1"),
        ("\nraise RuntimeError('no key')\n", r"RuntimeError: no key \(mine_broken_1\.py, line 2"),
        ("\n\nraise SystemExit\n", r"SystemExit:  \(mine_broken_2\.py, line 3"),
        ("class Own:\n    def __init__(self):\n        1 / 0\n", r"mine_broken_3\.py, line 3"),
    ],
)
def test_a_strategy_whose_module_fails_is_a_finding_with_file_and_line(
    module, words, scenario, tmp_path, request
):
    name = f"mine_broken_{request.node.callspec.indices['module']}"
    (tmp_path / f"{name}.py").write_text(module)
    usual = 'run = ["uncontrolled", "v1g", "v2g"]'
    case = load(scenario("building", (usual, f'run = ["{name}:Own"]')))
    with pytest.raises(InputError, match=words):
        run(case)


def test_a_scenario_is_read_once(scenario, monkeypatch):
    path, read = scenario("building"), []
    plain = Path.read_text

    def counted(self, *words, **options):
        read.append(self)
        return plain(self, *words, **options)

    monkeypatch.setattr(Path, "read_text", counted)
    assert load(path).source == plain(path)
    assert read.count(path) == 1


def test_ctrl_c_with_scaled_capacities_keeps_what_is_whole_and_says_so(scenario, tmp_path):
    def stop(moment):
        if moment.run == "v2g, capacities × 1.25" and moment.share > 0.5:
            raise KeyboardInterrupt

    result = run(load(scenario("hub", ("days = 3", "days = 1"))), stop)
    assert {(row.strategy, row.scale) for row in result.sensitivity} == {("v1g", 0.8), ("v2g", 0.8)}
    assert result.partial
    assert not any(strategy.partial for strategy in result.strategies.values())
    write_result(result, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "run.json").read_text())["partial"] is True
    report = (tmp_path / "out" / "report.html").read_text()
    assert "PARTIAL: the runs with scaled capacities were interrupted" in report


def test_ctrl_c_within_a_step_leaves_it_whole(scenario, monkeypatch):
    usual = 'run = ["uncontrolled", "v1g", "v2g"]'
    case = load(scenario("building", ("days = 3", "days = 1"), (usual, 'run = ["uncontrolled"]')))
    count, steps = SimPlant._count, []

    def interrupted(self, image, h):
        steps.append(image.step)
        if len(steps) == 36:
            signal.raise_signal(signal.SIGINT)
        count(self, image, h)

    monkeypatch.setattr(SimPlant, "_count", interrupted)
    result = run(case)
    assert result.partial
    assert len(steps) == 36
    told = result.strategies["uncontrolled"].columns
    plugs, site = told["intervals"], told["site"]
    net = site["import_wh"] - site["export_wh"] - site["building_wh"] + site["pv_wh"]
    taken = told["sessions"]["energy_in_kwh"].sum() * 1000
    assert taken > 0
    assert plugs["import_wh"].sum() == pytest.approx(taken, abs=30)
    assert net.sum() == pytest.approx(taken, abs=30)


def test_results_replace_those_of_an_earlier_run(scenario, tmp_path):
    day = ("days = 3", "days = 1")
    usual = 'run = ["uncontrolled", "v1g", "v2g"]'
    both = load(scenario("building", day, (usual, 'run = ["uncontrolled", "edf"]')))
    write_result(run(both), tmp_path / "out")
    write_result(run(load(scenario("building", day, (usual, 'run = ["llf"]')))), tmp_path / "out")
    left = sorted(p.parent.name for p in (tmp_path / "out").glob("*/sessions.parquet"))
    assert left == ["llf"]


def test_a_folder_that_cannot_be_written_is_told_before_the_run(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        prepare_folder(tmp_path / "file")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("capacity_kwh = 62", "capacity_kwh = inf", "inf is no number"),
        ("capacity_kwh = 62", "capacity_kwh = 1e9", "100000"),
        ("count = 12", "count = 1000000000", "1000000"),
        ('"2026-06-01"', '"0001-01-01"', "from 1970 to 2100"),
        ('"2026-06-01"', '"9999-12-31"', "from 1970 to 2100"),
        ("max_charge_kw = 11", "max_charge_kw = 11\ncharge_loss = [-1, -0.5, 0]", ">= 0"),
        ("max_charge_kw = 11", "max_charge_kw = 11\ncharge_loss = [0, 0, 0.1]", "takes all of 11"),
    ],
)
def test_numbers_out_of_this_world_are_told(scenario, old, new, told):
    with pytest.raises(InputError, match=told):
        load(scenario("building", (old, new)))


def test_a_wrong_time_zone_comes_with_what_else_is_wrong(scenario):
    path = scenario("building", ("Europe/Berlin", "Europe/Berln"), ("2026-06-01", "2026-02-30"))
    with pytest.raises(InputError, match="Berln") as caught:
        load(path)
    assert "2026-02-30" in str(caught.value)


def test_a_file_that_is_no_utf8_is_told(scenario):
    path = scenario("building")
    path.write_bytes(path.read_text().encode("utf-16"))
    with pytest.raises(InputError, match="Save the file as UTF-8"):
        load(path)
