"""The front of two objectives: ends, corners, and what is said and drawn of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from gridtide.app.cli import app
from gridtide.app.pareto_command import OBJECTIVE_NAMES
from gridtide.core import InputError
from gridtide.plan import OBJECTIVES, measure, read_problem, solve, trace_front
from gridtide.study import front_document, front_picture, front_sentence, front_text

DOCUMENT = {
    "version": 1, "start": "2026-06-01T00:00:00Z", "step_minutes": 60, "steps": 3,
    "price_import_per_kwh": [0.1, 0.2, 0.5], "price_export_per_kwh": 0.0,
    "carbon_kg_per_kwh": [0.6, 0.3, 0.1], "billing": "house", "shortfall_price_per_kwh": 1.0,
    "limits": [{"name": "house", "members": ["van"]}],
    "vehicles": [{"id": "van", "capacity_kwh": 50, "soc_arrival": 0.5, "soc_target": 0.7,
                  "arrive_step": 0, "depart_step": 3, "max_charge_kw": 10}],
}  # fmt: skip


def front(against="carbon", of="cost", points=9, **changes):
    return trace_front(read_problem({**DOCUMENT, **changes}), of, against, points=points)


def places(found):
    return [(p.value(found.of), p.value(found.against)) for p in found.points]


def test_the_corners_of_a_front_by_hand():
    # 10 kWh in one of three hours: 1.0 and 6 kg, 2.0 and 3 kg, 5.0 and 1 kg; nothing bends more.
    assert places(front()) == [
        pytest.approx(at, rel=1e-6) for at in ((1.0, 6.0), (2.0, 3.0), (5.0, 1.0))
    ]


def test_the_number_of_points_is_kept_and_the_ends_stay():
    two = front(points=2)
    assert places(two) == [pytest.approx((1.0, 6.0)), pytest.approx((5.0, 1.0))]


def test_the_weights_of_a_point_lead_to_it_again():
    for point in front().points:
        again = read_problem({**DOCUMENT, "objective": dict(point.weights), "promise": "first"})
        assert measure(again, solve(again))["carbon"] == pytest.approx(point.value("carbon"))


def test_objectives_that_agree_have_one_point():
    found = front(carbon_kg_per_kwh=[0.1, 0.2, 0.5])
    assert places(found) == [pytest.approx((1.0, 1.0))]
    assert "do not conflict" in front_sentence(found)
    assert front_document(found)["knee"] is None


def test_the_promise_is_not_for_sale_along_the_front():
    # Not charging at all would emit nothing and cost 10 × 1.0.
    dear = front(price_import_per_kwh=[2.0, 3.0, 4.0])
    assert all(p.plan.shortfall_kwh.max() < 1e-6 for p in dear.points)


def test_more_of_profit_is_better():
    found = front(of="profit")
    assert [x for x, _ in places(found)] == pytest.approx([-1.0, -2.0, -5.0])


def test_no_plan_lies_beyond_what_the_plans_prove():
    found = front()
    a, b, c = found.supports.T
    for cost, carbon in ((1.0, 6.0), (2.0, 3.0), (5.0, 1.0), (1.5, 4.5)):
        assert np.all(a * cost + b * carbon >= c - 1e-6)
    assert np.any(a * 1.4 + b * 4.5 < c - 1e-6)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({"against": "carbn"}, "Did you mean carbon"),
        ({"against": "cost"}, "against itself"),
        ({"of": "profit", "against": "cost"}, "against itself"),
        ({"points": 1}, "2 or more"),
        ({"against": "self_consumption"}, "nothing to consume"),
        ({"against": "losses"}, "line_loss_per_kw"),
    ],
)
def test_what_cannot_be_swept_is_a_finding(words, what):
    with pytest.raises(InputError, match=what):
        front(**words)


def test_words_document_and_picture_tell_the_same(tmp_path):
    found = front()
    text, told = front_text(found), front_document(found)
    assert told["sentence"] in text
    assert "60% of the way costs 25% of that: point 2" in text
    assert told["knee"] == 2
    assert [p["values"]["carbon"] for p in told["points"]] == pytest.approx([6, 3, 1])
    json.dumps(told)
    front_picture(found, tmp_path / "front.svg")
    drawn = (tmp_path / "front.svg").read_text()
    for words in ("Cost [currency]", "Emission [kg]", "best cost", "no schedule gets here"):
        assert words in drawn
    front_picture(found, tmp_path / "front.png")
    assert (tmp_path / "front.png").stat().st_size > 5_000


def test_ends_that_differ_little_are_told_apart():
    problem = read_problem({**DOCUMENT, "price_import_per_kwh": [100.0, 100.001, 100.002]})
    sentence = front_sentence(trace_front(replace(problem, promise="first"), "cost", "carbon"))
    assert "from 1,000.000 to 1,000.020" in sentence


def test_the_command_draws_and_prints(tmp_path):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(DOCUMENT))
    out = tmp_path / "p.svg"
    words = ["pareto", str(path), "--against", "carbon", "--out", str(out), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert len(json.loads(done.stdout)["points"]) == 3
    assert out.read_text().startswith("<svg")
    assert "point 2" in CliRunner().invoke(app, words[:4]).stdout


def test_the_commands_help_names_all_objectives():
    assert tuple(OBJECTIVES) == OBJECTIVE_NAMES
