"""Reserve in stored plans: kept, read back, followed anew; and what is not let pass."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gridtide.core import InputError
from gridtide.plan import Reserve, read_plan, solve, stored_offers, verify_plan, write_plan
from gridtide.plan.reserve.confidence import surely_there_kw
from gridtide.plan.verify import _stays
from gridtide.plan.verify._quantile import surely_kw, there_kw
from reference.reserve_draws import by_hand


def van(**other):
    """A van of 25 kWh, 15 of them above its window: the pencil of docs/explanation/reserve.md."""
    return replace(fleet([25.0], target=25.0, charge=7.0, discharge=20.0, low=10.0), **other)


def fleet(arrival, *, low=5.0, **other):
    return replace(by_hand(arrival, window=(low, 50.0), **other), reserves=(block(),))


def block(direction="up", **other):
    usual = {"name": "night", "from_step": 1, "to_step": 3, "price_per_kw_h": 0.05}
    return Reserve(**usual | {"direction": direction, "duration_h": 1.0} | other)


def two_ways():
    """Three vehicles and three blocks; one leaves early, calls cost, and a margin is asked for."""
    problem = fleet([25.0, 30.0, 20.0], target=25.0, import_kw=30.0)
    blocks = (
        block(name="up", activation_share=0.1, opposite_share=0.2),
        block("down", name="down", from_step=2, to_step=4, most_kw=9.0, step_kw=0.5),
        block(name="late", from_step=4, to_step=5, committed_kw=60.0, duration_h=0.5),
    )
    return replace(problem, depart=np.array([6, 6, 3]), reserves=blocks)


def written(folder, problem, suffix=".json"):
    return write_plan(folder / f"plan{suffix}", solve(problem), problem)


def checks_of(verdict, name):
    return [check for check in verdict.checks if check.name == name]


def failed(verdict):
    return {check.name for check in verdict.checks if check.passed is False}


# ---- kept and read back ------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_offers_and_shares_read_back_as_they_were_planned(suffix, tmp_path):
    problem = two_ways()
    plan = solve(problem)
    back = read_plan(write_plan(tmp_path / f"plan{suffix}", plan, problem))
    again = np.zeros((3, 3, problem.steps))
    for shares in back.shares():
        again[shares.block, shares.stay, shares.step] = shares.kw
    for offer, kept, shares in zip(plan.reserves, back.head.claims.offers, again, strict=True):
        block = slice(offer.reserve.from_step, offer.reserve.to_step)
        assert np.array_equal(shares[:, block], offer.share_kw)
        assert shares.sum() == offer.share_kw.sum()
        told = (kept.name, kept.offered_kw, kept.revenue, kept.activation_cost, kept.penalty)
        assert told == (
            offer.reserve.name, offer.offered_kw, offer.revenue, offer.activation_cost,
            offer.penalty,
        )  # fmt: skip
        assert (kept.proven_kw, kept.cut, kept.method) == (
            offer.proven_kw, offer.cut, offer.method,
        )  # fmt: skip
    assert plan.reserves[2].penalty > 0 and plan.reserves[0].activation_cost > 0


def test_only_shares_that_are_not_0_are_kept(tmp_path):
    plan = solve(two_ways())
    rows = json.loads(written(tmp_path, two_ways()).read_text())["shares"]
    assert len(rows["share_kw"]) == sum(int(np.sum(o.share_kw > 0)) for o in plan.reserves)
    assert rows["share_stay"] == sorted(rows["share_stay"])


def test_nothing_that_was_asked_for_is_kept_as_null(tmp_path):
    problem = van()
    plan = solve(problem)
    plan = replace(plan, reserves=(replace(plan.reserves[0], planned_kw=np.inf),))
    path = write_plan(tmp_path / "plan.json", plan, problem)
    [offer] = json.loads(path.read_text())["head"]["claims"]["offers"]
    assert offer["planned_kw"] is None
    assert verify_plan(read_plan(path), problem).verified


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_many_small_parts_give_the_same(suffix, tmp_path, monkeypatch):
    problem = two_ways()
    whole = verify_plan(read_plan(written(tmp_path, problem, suffix)), problem)
    monkeypatch.setattr(stored_offers, "STAYS_AT_ONCE", 2)
    monkeypatch.setattr(_stays, "MOST_PLACES", 7)
    parts = verify_plan(read_plan(written(tmp_path, problem, suffix)), problem)
    assert parts.verified
    for one, other in zip(whole.checks, parts.checks, strict=True):
        assert (one.name, one.passed) == (other.name, other.passed)
    assert parts.cost == pytest.approx(whole.cost, rel=1e-12)


def test_a_plan_from_before_offers_were_kept_reads_but_does_not_verify(tmp_path):
    path = written(tmp_path, van())
    document = json.loads(path.read_text())
    del document["shares"], document["head"]["claims"]["offers"]
    path.write_text(json.dumps(document))
    assert failed(verify_plan(read_plan(path), van())) == {"reserve offers", "cost", "status"}


# ---- by hand -----------------------------------------------------------------------------------

SHORT = np.full((1, 6), 5.0)
"""Import limit below the van's 7 kW."""


def verdict_with(folder, problem, share_kw, **claims):
    """Verify a plan at rest that offers given shares; nothing else of it is told to be right."""
    steps, n = problem.steps, len(problem)
    plan = solve(replace(problem, reserves=()))
    path = write_plan(folder / "plan.json", plan, problem)
    document = json.loads(path.read_text())
    document["rows"]["power_kw"] = [0.0] * len(document["rows"]["power_kw"])
    cells = [
        (0, i, k, share_kw[i]) for i in range(n) for k in range(steps)
        if problem.reserves[0].from_step <= k < problem.reserves[0].to_step and share_kw[i] > 0
    ]  # fmt: skip
    columns = zip(*cells, strict=True)
    document["shares"] = dict(
        zip(stored_offers.SHARE_COLUMNS, (list(column) for column in columns), strict=True)
    )
    usual = {"name": "night", "planned_kw": None, "proven_kw": 1e3, "offered_kw": sum(share_kw)}
    usual |= {"revenue": 0.0, "activation_cost": 0.0, "penalty": 0.0, "cut": "", "method": ""}
    document["head"]["claims"]["offers"] = [usual | claims]
    path.write_text(json.dumps(document))
    return verify_plan(read_plan(path), problem)


@pytest.mark.parametrize(
    ("problem", "share", "check", "excess"),
    [
        (van(), 13.5, "reserve energy", 0.0),
        # 13.6 kW for an hour at 90 %: 15.11 kWh of the 15 above the window.
        (van(), 13.6, "reserve energy", 13.6 / 0.9 - 15.0),
        (van(min_kwh=np.array([0.0])), 20.5, "reserve power", 0.5),
        # From 2:00 to 4:00 it gives 20 kWh; two hours at 7 kW bring back 14.
        (van(reserves=(block(duration_h=2.0),), min_kwh=np.zeros(1)), 9.0, "reserve promise", 6.0),
        # Since 1:00 a tenth was called already, an hour of it before 2:00.
        (
            van(reserves=(block(activation_share=0.1),)), 13.5, "reserve energy", 13.5 * 0.1 / 0.9,
        ),
        (van(reserves=(block("down", duration_h=6.0),)), 7.0, "reserve energy", 7.0 * 5 - 25.0),
        (van(import_kw=SHORT, reserves=(block("down"),)), 7.0, "reserve limits", 2.0),
        (
            van(taper_from_kwh=np.array([25.0]), taper_end=np.zeros(1), reserves=(block("down"),)),
            7.0, "reserve power", 7.0 * 7.0 / 25.0,
        ),
        (
            van(
                phase_kw=np.full((1, 3), 6.0), phase_share=np.eye(3)[[0]],
                reserves=(block("down"),),
            ),
            7.0, "reserve limits", 1.0,
        ),
        (van(availability=np.array([0.9])), 1.0, "reserve vehicles", 1.0),
        (van(depart=np.array([3])), 1.0, "reserve vehicles", 0.0),
        (
            van(depart=np.array([3]), reserves=(block(duration_h=1.5),)),
            1.0, "reserve vehicles", 1.0,
        ),
        (van(floor_kwh=np.full((1, 6), 11.0)), 1.0, "reserve vehicles", 1.0),
        (van(limit=np.array([-1]), reserves=(block(limit="site"),)), 1.0, "reserve vehicles", 1.0),
        # Up 7 kW for half an hour and down for the rest of it: 7 kW of 7 are free.
        (van(reserves=(block(opposite_share=0.5),)), 13.5, "reserve margin", 0.0),
        (van(reserves=(block(opposite_share=0.6),)), 13.5, "reserve margin", 0.6 * 13.5 - 7.0),
        (
            van(import_kw=SHORT, reserves=(block(opposite_share=0.5),)),
            13.5, "reserve margin", 1.75,
        ),
    ],
)  # fmt: skip
def test_what_a_van_can_offer_by_hand(problem, share, check, excess, tmp_path):
    [found] = checks_of(verdict_with(tmp_path, problem, [share]), check)
    assert found.passed is (excess == 0.0)
    assert found.figure == pytest.approx(excess, abs=1e-9)


def test_losses_in_parts_are_followed_in_a_call(tmp_path):
    parts = {
        "discharge_part_kw": np.array([[5.0, 15.0]]),
        "discharge_part_efficiency": np.array([[0.9, 0.8]]),
    }
    # 5 kW at 90 % and 8 kW at 80 % take 15.56 kWh.
    [found] = checks_of(verdict_with(tmp_path, van(**parts), [13.0]), "reserve energy")
    assert found.figure == pytest.approx(5 / 0.9 + 8 / 0.8 - 15.0)


def test_blocks_of_one_direction_are_called_together_each_for_its_time(tmp_path):
    """7.5 kW for an hour and 6 kW for the first half of it: 10.5 kWh at the plug, 11.67 inside."""
    blocks = (block(), block(name="short", duration_h=0.5))
    problem = van(min_kwh=np.array([14.0]), reserves=blocks)
    path = written(tmp_path, problem)
    document = json.loads(path.read_text())
    document["rows"]["power_kw"] = [0.0] * 6
    cells = [(0, 0, 1, 7.5), (1, 0, 1, 6.0)]
    document["shares"] = dict(
        zip(stored_offers.SHARE_COLUMNS, (list(c) for c in zip(*cells, strict=True)), strict=True)
    )
    path.write_text(json.dumps(document))
    [found] = checks_of(verify_plan(read_plan(path), problem), "reserve energy")
    assert found.figure == pytest.approx(10.5 / 0.9 - 11.0)


def test_recovery_is_proven_where_no_limit_can_bind_and_open_otherwise(tmp_path):
    free = verify_plan(read_plan(written(tmp_path, van())), van())
    assert [c.passed for c in checks_of(free, "reserve recovery")] == [True]
    tight = van(import_kw=np.full((1, 6), 5.0))
    verdict = verify_plan(read_plan(written(tmp_path, tight)), tight)
    assert verdict.verified
    for name in ("reserve recovery", "bound"):
        [check] = checks_of(verdict, name)
        assert check.passed is None and "not proven here" in check.said


def test_blocks_that_are_sold_together_offer_the_same(tmp_path):
    up = block(name="up")
    down = block("down", name="down", sold_with="up")
    problem = replace(fleet([25.0, 30.0], target=25.0), reserves=(up, down))
    path = written(tmp_path, problem)
    document = json.loads(path.read_text())
    offers = document["head"]["claims"]["offers"]
    assert offers[0]["offered_kw"] == pytest.approx(offers[1]["offered_kw"]) and (
        offers[0]["offered_kw"] > 1.0
    )
    assert "reserve offers" not in failed(verify_plan(read_plan(path), problem))
    # Less of one alone would be within its own sizes: only together it is wrong.
    offers[1]["offered_kw"] -= 0.5
    path.write_text(json.dumps(document))
    assert "reserve offers" in failed(verify_plan(read_plan(path), problem))


def test_a_bound_counts_all_that_could_be_sold(tmp_path):
    """27 kW of charger for two hours at 0.05."""
    alone = verify_plan(read_plan(written(tmp_path, van(reserves=()))), van(reserves=()))
    verdict = verify_plan(read_plan(written(tmp_path, van())), van())
    weaker = solve(van(reserves=())).lower_bound - 27 * 2 * 0.05
    assert alone.lower_bound <= solve(van(reserves=())).objective + 1e-9
    assert verdict.lower_bound <= min(verdict.cost, weaker + 1e-9)


def test_smallest_powers_in_a_call_are_told_not_proven(tmp_path):
    problem = van(min_discharge_kw=np.array([5.0]), min_charge_kw=np.array([2.0]))
    verdict = verdict_with(tmp_path, problem, [3.0])
    [check] = checks_of(verdict, "reserve smallest power")
    assert check.passed is None and "not proven" in check.said


# ---- confidence --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_the_quantile_is_the_planners_to_rounding(seed):
    """Two programs, one stated method."""
    r = np.random.default_rng(seed)
    n = int(r.integers(1, 60))
    share, chance = r.uniform(0.1, 11.0, n), r.choice([0.5, 0.8, 0.95, 1.0], n)
    confidence = float(r.choice([0.8, 0.9, 0.99]))
    expected = surely_there_kw(share, chance, confidence)
    assert surely_kw(share, chance, confidence) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_two_of_three_equal_vehicles_are_there_and_distinct_steps_share_the_doubt():
    """P(at least 2 of 3) = 0.972 at 0.9 each; two steps that differ need 0.975 each."""
    stay, chance = np.tile([0, 1, 2], 2), np.full(6, 0.9)
    step = np.repeat([4, 5], 3)
    alike = there_kw(stay, step, np.full(6, 3.0), chance, 0.95)
    assert alike == pytest.approx({4: 6.0, 5: 6.0}, rel=1e-3)
    apart = there_kw(stay, step, np.repeat([3.0, 6.0], 3), chance, 0.95)
    assert apart == pytest.approx({4: 3.0, 5: 6.0}, rel=1e-3)


def unsure():
    problem = fleet([30.0] * 12)
    return replace(problem, availability=np.full(12, 0.8), reserves=(block(confidence=0.9),))


def test_an_offer_at_a_confidence_is_proven_and_more_is_not(tmp_path):
    problem = unsure()
    path = written(tmp_path, problem)
    verdict = verify_plan(read_plan(path), problem)
    assert verdict.verified
    [sums] = checks_of(verdict, "reserve shares")
    assert "confidence 0.9" in sums.said and sums.passed
    document = json.loads(path.read_text())
    [offer] = document["head"]["claims"]["offers"]
    assert offer["offered_kw"] > 50.0
    offer["offered_kw"] += 1.0
    path.write_text(json.dumps(document))
    assert "reserve shares" in failed(verify_plan(read_plan(path), problem))
    offer["method"] = "scenarios"
    path.write_text(json.dumps(document))
    [sums] = checks_of(verify_plan(read_plan(path), problem), "reserve shares")
    assert sums.passed is None and "not proven here" in sums.said


# ---- tampering ---------------------------------------------------------------------------------


def _offers(document):
    return document["head"]["claims"]["offers"]


def offer_raised(document):
    _offers(document)[0]["offered_kw"] += 0.5


def offer_and_all_it_says_raised(document):
    offer = _offers(document)[0]
    factor = 1.0 + 0.5 / offer["offered_kw"]
    for name in ("planned_kw", "proven_kw", "offered_kw", "revenue"):
        offer[name] *= factor
    document["head"]["claims"]["objective"] -= offer["revenue"] * (1 - 1 / factor)


def share_raised(document):
    document["shares"]["share_kw"][0] += 20.0


def share_lowered(document):
    document["shares"]["share_kw"][0] *= 0.5


def share_of_a_vehicle_that_is_away(document):
    _more_share(document, stay=2, step=3, block=1)


def share_outside_the_block(document):
    _more_share(document, stay=2, step=0, block=0)


def _more_share(document, *, stay, step, block):
    values = {"share_block": block, "share_stay": stay, "share_step": step, "share_kw": 1.0}
    for name, value in values.items():
        document["shares"][name].append(value)


def share_of_nobody(document):
    _more_share(document, stay=7, step=2, block=0)


def share_of_no_block(document):
    _more_share(document, stay=2, step=2, block=3)


def share_below_0(document):
    document["shares"]["share_kw"][-1] *= -1.0


def shares_out_of_order(document):
    for column in document["shares"].values():
        column.reverse()


def revenue_changed(document):
    _offers(document)[1]["revenue"] += 0.01


def activation_cost_changed(document):
    _offers(document)[0]["activation_cost"] -= 1e-3


def penalty_hidden(document):
    _offers(document)[2]["penalty"] = 0.0


def commitment_hidden(document):
    claims = document["head"]["claims"]
    claims["slacks"] = [s for s in claims["slacks"] if s["name"] != "reserve_commitment"]


def an_offer_removed(document):
    _offers(document).pop()


def offer_between_steps(document):
    _offers(document)[1]["offered_kw"] -= 0.2


def objective_lowered(document):
    document["head"]["claims"]["objective"] -= 1e-3


def power_taken_away(document):
    document["rows"]["power_kw"] = [0.0] * len(document["rows"]["power_kw"])


TAMPERED = {
    offer_raised: "reserve shares",
    offer_and_all_it_says_raised: "reserve shares",
    share_raised: "reserve power",
    share_lowered: "reserve shares",
    share_of_a_vehicle_that_is_away: "reserve vehicles",
    share_outside_the_block: "reserve vehicles",
    share_of_nobody: "rows",
    share_of_no_block: "rows",
    share_below_0: "rows",
    shares_out_of_order: "rows",
    revenue_changed: "reserve money",
    activation_cost_changed: "reserve money",
    penalty_hidden: "reserve money",
    commitment_hidden: "reserve commitments",
    an_offer_removed: "reserve offers",
    offer_between_steps: "reserve offers",
    objective_lowered: "cost",
    power_taken_away: "cost",
}


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    path = written(tmp_path_factory.mktemp("plan"), two_ways())
    verdict = verify_plan(read_plan(path), two_ways())
    assert failed(verdict) == set()
    return path.read_text()


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda f: f.__name__)
def test_a_tampered_plan_fails(tamper, document, tmp_path):
    plan = json.loads(document)
    tamper(plan)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    verdict = verify_plan(read_plan(path), two_ways())
    assert not verdict.verified
    assert TAMPERED[tamper] in failed(verdict)


def test_shares_without_blocks_fail(tmp_path, document):
    bare = replace(two_ways(), reserves=())
    plan, alone = json.loads(document), json.loads(written(tmp_path, bare).read_text())
    alone["shares"] = plan["shares"]
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(alone))
    assert failed(verify_plan(read_plan(path), bare)) == {"rows"}
    alone["shares"] = None
    alone["head"]["claims"]["offers"] = _offers(plan)
    path.write_text(json.dumps(alone))
    assert failed(verify_plan(read_plan(path), bare)) == {"reserve offers"}


def test_damaged_shares_give_findings(tmp_path, document):
    plan = json.loads(document)
    plan["shares"]["share_kw"].pop()
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    with pytest.raises(InputError, match="equally long"):
        read_plan(path)
