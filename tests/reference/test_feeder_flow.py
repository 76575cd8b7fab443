"""Power flow of feeders: against OpenDSS, against numbers worked out before, and by balance."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridtide.app.cli import app
from gridtide.core import CollapseError, InputError, stream
from gridtide.grid import (
    FeederLimits,
    FlowModel,
    draw_feeder,
    low_voltage_v,
    read_opendss,
    unbalance_of,
    violations,
)

DATA = Path(os.environ.get("GRIDTIDE_DATA", Path(__file__).parents[3] / "shared" / "data"))
EUROPEAN = DATA / "feeder" / "ieee_european_lv"


def european():
    if not EUROPEAN.is_dir():
        pytest.skip("needs the IEEE European low-voltage feeder in GRIDTIDE_DATA")
    return read_opendss(EUROPEAN)


def houses(count=30, seed=3):
    return draw_feeder(count, stream(seed, "feeder"))


def test_all_voltages_of_the_european_feeder_against_opendss():
    """907 nodes, three phases, 96 steps: within 1e-3 pu. Constant power in both."""
    feeder = european()
    dss = pytest.importorskip("opendssdirect")
    steps = np.arange(0, 1440, 15)
    profile = feeder.profiles(steps)
    rng = np.random.default_rng(1)
    vehicles = rng.choice([0.0, 7.4, -7.4], size=profile.shape, p=[0.5, 0.4, 0.1])
    power, reactive = profile * feeder.load_kw + vehicles, profile * feeder.load_kvar
    flow = FlowModel(feeder).solve(power, reactive)
    assert not flow.failed.any()
    here = Path.cwd()
    dss.Command(f'Compile "{EUROPEAN / "Master.dss"}"')
    os.chdir(here)
    for command in (
        "batchedit load..* vminpu=0.3 vmaxpu=1.7",
        "set tolerance=1e-8",
        "set maxiterations=200",
    ):
        dss.Command(command)
    names = [name.lower() for name in dss.Circuit.AllNodeNames()]
    place = [
        (feeder.nodes.index(name.split(".")[0]), int(name.split(".")[1]) - 1) for name in names
    ]
    node, phase = np.array(place).T
    assert len(names) == 907 * 3
    worst = 0.0
    for step in range(len(steps)):
        for k, point in enumerate(feeder.points):
            dss.Loads.Name(point)
            dss.Loads.kW(float(power[step, k]))
            dss.Loads.kvar(float(reactive[step, k]))
        dss.Command("solve mode=snap")
        assert dss.Solution.Converged()
        theirs = np.array(dss.Circuit.AllBusMagPu())
        worst = max(worst, float(np.abs(theirs - flow.voltage_pu[step, node, phase]).max()))
    assert worst < 1e-3
    assert worst < 1e-5, "the two models agree to the tolerance of their solvers"


def two_nodes(**other):
    """A transformer, a line from its low side, and one point on L1."""
    one = np.ones(1)
    usual = {
        "nodes": ("supply", "busbar", "end"), "rated_v": np.array([11_000.0, 416.0, 416.0]),
        "x_m": np.zeros(3), "y_m": np.zeros(3), "lines": ("l",), "from_node": np.array([1]),
        "to_node": np.array([2]), "length_m": one, "r1_ohm": 0.1 * one, "x1_ohm": 0.03 * one,
        "r0_ohm": 0.4 * one, "x0_ohm": 0.12 * one, "c1_f": 0.0 * one, "c0_f": 0.0 * one,
        "rated_a": 200.0 * one, "node": np.array([2]), "phase": np.array([0]),
    }  # fmt: skip
    return replace(houses(1), **usual | other)


def test_a_transformer_with_one_loaded_phase():
    """Handbook of the grid, section 2.5: Dyn, 800 kVA, 100 kW on L1.

    There the clock is 11, here 1: the phases that turn before and after L1 change places.
    """
    feeder = two_nodes(
        node=np.array([1]), transformer_va=800e3, short_circuit=0.04, loss_w=6_000.0,
        source_pu=1.05, source_va=57e6, source_rx=0.1,
    )  # fmt: skip
    flow = FlowModel(feeder).solve(np.array([[100.0]]), np.zeros((1, 1)))
    low = flow.voltage_pu[0, 1]
    assert low[0] == pytest.approx(1.04683547, abs=2e-6)
    assert sorted(low[1:]) == pytest.approx([1.04846145, 1.05134486], abs=2e-6)
    assert flow.transformer_loading[0, 0] == pytest.approx(397.7 / 1110.0, abs=2e-3)
    assert flow.transformer_loading[0, 1:].max() < 1e-6  # a mean over phases would hide this


@pytest.mark.parametrize(
    ("kw", "expected"),
    [
        (7.4, [0.97139589, 1.01081738, 1.00365958]),
        (-7.4, [1.0269881, 0.98970307, 0.99696118]),
    ],
)
def test_one_phase_pulls_its_own_down_and_lifts_a_neighbour(kw, expected):
    feeder = two_nodes(
        rated_v=np.full(3, 400.0), transformer_va=1e9, short_circuit=1e-4, loss_w=10.0,
        source_pu=1.0, source_va=1e12,
    )  # fmt: skip
    flow = FlowModel(feeder).solve(np.array([[kw]]), np.zeros((1, 1)), unbalance=True)
    np.testing.assert_allclose(flow.voltage_pu[0, 2], expected, atol=2e-6)
    if kw > 0:
        assert flow.line_loading[0, 0] == pytest.approx(0.16493, abs=1e-5)
        assert flow.source_kw[0] == pytest.approx(7.61762, abs=1e-4)
    balanced = replace(feeder, phase=np.array([-1]))
    even = FlowModel(balanced).solve(np.array([[7.4]]), np.zeros((1, 1)), unbalance=True)
    np.testing.assert_allclose(even.voltage_pu[0, 2], 0.99535235, atol=2e-6)
    assert flow.unbalance[0, 2] > 0.004 > 1e-6 > even.unbalance[0, 2]


def test_energy_balances_and_losses_grow_with_load():
    feeder = houses()
    power = np.outer([0.5, 1.0, 2.0], np.ones(30))
    flow = FlowModel(feeder).solve(power, 0.2 * power)
    assert (np.diff(flow.loss_kw) > 0).all() and flow.loss_kw[0] > 0
    back = FlowModel(feeder).solve(-power, 0.0 * power)
    assert (back.source_kw < 0).all() and (back.loss_kw > 0).all()
    assert back.voltage_pu.max() > flow.voltage_pu.max()


def test_steps_without_a_solution_are_nan_and_named():
    feeder = houses()
    power = np.ones((4, 30))
    power[2] = 5_000.0
    flow = FlowModel(feeder).solve(power, 0.0 * power, unbalance=True)
    assert flow.failed.tolist() == [False, False, True, False]
    for values in (flow.voltage_pu, flow.line_loading, flow.source_kw, flow.unbalance):
        assert np.isnan(values[2]).all() and np.isfinite(values[[0, 1, 3]]).all()
    assert violations(feeder, flow).unsolved == 1
    with pytest.raises(CollapseError, match="no step has a solution"):
        FlowModel(feeder).solve(power[2:3], 0.0 * power[2:3])


def test_what_is_not_kept_is_counted():
    feeder = houses(40)
    model = FlowModel(feeder)
    quiet = model.solve(np.full((2, 40), 0.3), np.zeros((2, 40)), unbalance=True)
    assert violations(feeder, quiet).total == 0
    busy = model.solve(np.full((2, 40), 5.0), np.zeros((2, 40)), unbalance=True)
    found = violations(feeder, busy)
    assert found.under > 0 and found.line > 0 and found.over == 0 and found.total > 100
    volts = low_voltage_v(feeder, busy)
    assert found.under == (volts < 207.0).sum()
    assert violations(feeder, busy, FeederLimits(low=0.1, loading=9.0, unbalance=1.0)).total == 0
    giving = model.solve(np.full((2, 40), -7.4), np.zeros((2, 40)))
    assert violations(feeder, giving).over > 0 and violations(feeder, giving).unbalanced is None


def test_unbalance_takes_angles():
    third = 2.0 * np.pi / 3.0
    assert unbalance_of(np.ones(3), np.array([0.0, -third, third])) == pytest.approx(0.0, abs=1e-12)
    turned = unbalance_of(np.ones(3), np.array([0.0, -third + 0.05, third]))
    assert turned == pytest.approx(0.0167, abs=2e-3)  # sizes are all 1


def test_what_cannot_be_solved_is_told():
    feeder = houses(3)
    away = replace(feeder, from_node=np.where(feeder.from_node == 1, 4, feeder.from_node))
    with pytest.raises(InputError, match="joined to no source"):
        FlowModel(away)
    none = replace(feeder, r0_ohm=np.full(6, np.nan))
    with pytest.raises(InputError, match="r0"):
        FlowModel(none)
    with pytest.raises(InputError, match="3 columns"):
        FlowModel(feeder).solve(np.ones((2, 4)), np.ones((2, 4)))
    with pytest.raises(InputError, match="no number"):
        FlowModel(feeder).solve(np.full((2, 3), np.nan), np.ones((2, 3)))


def write(folder, text):
    (folder / "Master.dss").write_text(text)
    return folder


SMALL = """New circuit.x
Edit Vsource.Source BasekV=11 pu=1.0 ISC3=3000
New LineCode.c nphases=3 R1=0.2 X1=0.08 R0=0.8 X0=0.1 Units=km
New Line.a Bus1=1 Bus2=2 Linecode=c Length=0.1 Units=km
New Line.b Bus1=2 Bus2=3 Linecode=c Length=100 Units=m
New Transformer.t Buses=[SourceBus 1] kVs=[11 0.4] kVAs=[100 100] XHL=4
New Load.h Phases=1 Bus1=3.2 kW=2 PF=0.9
"""


def test_units_and_defaults_of_the_text(tmp_path):
    feeder = read_opendss(write(tmp_path, SMALL))
    np.testing.assert_allclose(feeder.length_m, 100.0)
    np.testing.assert_allclose(feeder.r1_ohm, 0.02)
    assert feeder.phase.tolist() == [1] and feeder.nodes == ("sourcebus", "1", "2", "3")
    assert feeder.load_kvar[0] == pytest.approx(2.0 * np.tan(np.arccos(0.9)))
    assert feeder.loss_w == pytest.approx(400.0)
    assert not FlowModel(feeder).solve(np.array([[2.0]]), np.array([[0.5]])).failed.any()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("Linecode=c Length=0.1", "Linecode=d Length=0.1"),
            "Master.dss:4: there is no line code d",
        ),
        (("New Load.h", "New Reactor.h"), "Master.dss:7: a reactor is not known"),
        (("New Load.h", "Relocate Load.h"), "Master.dss:7: relocate is not known"),
        ((" Length=100", ""), "line b lacks length"),
        (("New Transformer.t", "! New Transformer.t"), "0 elements of class transformer"),
        (("New circuit.x", "Redirect Lines.txt"), "no such file"),
    ],
)
def test_what_is_wrong_in_the_text_is_told_with_its_line(tmp_path, change, told):
    with pytest.raises(InputError) as error:
        read_opendss(write(tmp_path, SMALL.replace(*change)))
    assert told in str(error.value)


def test_the_command(capsys):
    assert not app(
        ["grid", "flow", "synthetic:40", "--ev-share", "1", "--json"], standalone_mode=False
    )
    told = json.loads(capsys.readouterr().out)
    assert told["violations"]["under_voltage"] > 0 and told["lowest"]["voltage_v"] < 207.0
    assert not app(["grid", "flow", "synthetic:10:2"], standalone_mode=False)
    assert "All limits are kept" in capsys.readouterr().out
    for words in (["synthetic:x"], ["synthetic:3", "--steps", "0"], ["nowhere"]):
        assert app(["grid", "flow", *words], standalone_mode=False) == 2
        capsys.readouterr()
