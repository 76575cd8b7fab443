"""A planned night has no violation when the full power flow is run on it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from gridtide.app.cli import app
from gridtide.core import InputError, stream
from gridtide.grid import draw_feeder
from gridtide.study.hosting import WAYS, Street, hosting_document, park, run_night
from gridtide.study.hosting_told import hosting_picture, hosting_text

FEEDER = draw_feeder(30, stream(1, "feeder"))


@pytest.fixture(scope="module")
def told():
    return hosting_document(FEEDER, share=0.8, charger_kw=11.0, seed=1, capacity=False)


def test_uncontrolled_breaks_limits_and_what_is_planned_keeps_them(told):
    ways = {row["way"]: row for row in told["ways"]}
    assert list(ways) == list(WAYS)
    assert told["without_vehicles"] == 0 and told["vehicles"] == 24
    assert ways["uncontrolled"]["violations"] > 0
    # Cheap hours alone make it worse: everybody begins at once.
    assert ways["v1g by price"]["violations"] > ways["uncontrolled"]["violations"]
    for way in ("v1g", "v2g", "v2g + volt-var"):
        assert ways[way]["violations"] == 0
        assert ways[way]["missing_kwh"] <= 0.1
        assert ways[way]["lowest_v"] >= 207.0 and ways[way]["highest_v"] <= 253.0


def test_vehicles_of_a_smaller_share_are_among_those_of_a_larger_one():
    few, many = park(FEEDER, 0.2, 1), park(FEEDER, 0.7, 1)
    assert set(few.point) < set(many.point)
    at = {p: k for k, p in enumerate(many.point)}
    assert [many.need_kwh[at[p]] for p in few.point] == few.need_kwh.tolist()


def test_uncontrolled_vehicles_take_what_they_need():
    parked = park(FEEDER, 0.5, 1)
    night = run_night(Street.of(FEEDER, 7.4), parked, "uncontrolled")
    assert night.power_kw.sum(axis=1) * 0.25 * 0.94 == pytest.approx(parked.need_kwh)


def test_a_feeder_bears_more_when_it_is_planned():
    small = draw_feeder(8, stream(2, "feeder"))
    told = hosting_document(
        small, share=0.5, charger_kw=22.0, seed=1, ways=("uncontrolled", "v1g by price", "v1g")
    )
    bears = [row["bears"] for row in told["ways"]]
    assert 0.0 <= bears[1] <= bears[0] <= bears[2] <= 1.0
    assert bears[1] < bears[2]


def test_wrong_shares_are_findings():
    with pytest.raises(InputError, match="Write 0 to 1") as error:
        hosting_document(FEEDER, share=1.5, charger_kw=-1.0, seed=1)
    assert len(error.value.findings) == 2


def test_the_picture_and_the_words(told, tmp_path):
    hosting_picture(told, tmp_path / "h.svg")
    assert "violations" in (tmp_path / "h.svg").read_text()
    assert "v2g + volt-var" in hosting_text(told)


def test_on_the_command_line(tmp_path):
    done = CliRunner().invoke(
        app,
        ["grid", "hosting", "synthetic:6", "--no-capacity", "--source-pu", "1.02", "--json"],
        standalone_mode=False,
    )
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["source_pu"] == 1.02 and len(found["ways"]) == 5
