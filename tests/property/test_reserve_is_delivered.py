"""What is proven is delivered: any call can be followed by a recovery that keeps every promise.

The recovery is looked for by a linear program of its own, from the state that the call left, with
all powers free: nothing of the proof's own simulation is used.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from gridtide.plan import prove, solve
from reference.reserve_draws import for_recovery

CALLS = 6


def flow(problem, power):
    gain, draw = problem.charge_efficiency, 1 / problem.discharge_efficiency
    return np.where(power > 0, power * gain, power * draw)


def called(problem, offers, direction, start, part, power):
    """Power with a call of all blocks of a direction from a step, a part of it each step."""
    clock = np.concatenate(([0.0], np.cumsum(problem.step_h)))
    mean, most = power.copy(), power.copy()
    sign = -1.0 if direction == "up" else 1.0
    last = start
    for offer in offers:
        block = offer.reserve
        if block.direction != direction or not block.from_step <= start < block.to_step:
            continue
        left = np.clip(clock[start] + block.duration_h - clock[:-1], 0.0, problem.step_h)
        left[:start] = 0.0
        share = offer.share_kw[:, start - block.from_step][:, None]
        if not share.any():
            continue
        most += sign * share * (left > 1e-9) * part
        mean += sign * share * left / problem.step_h * part
        last = max(last, int(np.flatnonzero(left > 1e-9).max(initial=start)) + 1)
    return mean, most, last


def limits_kept(problem, power, t):
    site = problem.limit >= 0
    panel = problem.limit == 1
    base = problem.base_load_kw[:, t]
    for net, total, j in (
        (power[site].sum(), base.sum(), 0),
        (power[panel].sum(), base[1], 1),
    ):
        upper = max(problem.import_kw[j, t] - total, 0.0)
        lower = min(-problem.export_kw[j, t] - total, 0.0)
        assert lower - 2e-5 <= net <= upper + 2e-5


def recovers(problem, energy, promised, start):
    """Whether from energies at a node all promises can still be kept, by a program of its own."""
    n, steps = len(problem), problem.steps
    pairs = [
        (i, t) for i in range(n) for t in range(start, steps)
        if problem.arrive[i] <= t < problem.depart[i]
    ]  # fmt: skip
    if not pairs:
        return True
    count, rows, bounds = len(pairs), [], []
    charge = {pair: k for k, pair in enumerate(pairs)}
    discharge = {pair: count + k for k, pair in enumerate(pairs)}
    upper = [problem.max_charge_kw[i] for i, _ in pairs]
    upper += [problem.max_discharge_kw[i] for i, _ in pairs]
    for i in range(n):
        row = np.zeros(2 * count)
        mine = [t for k, t in pairs if k == i]
        for t in mine:
            row[charge[i, t]] = 0.5 * problem.charge_efficiency[i]
            row[discharge[i, t]] = -0.5 / problem.discharge_efficiency[i]
            now = problem.arrival_kwh[i] if problem.arrive[i] > start else energy[i]
            low = problem.min_kwh[i]
            if t == mine[-1]:
                low = max(low, promised[i])
            rows += [row.copy(), -row]
            bounds += [problem.max_kwh[i] - now + 1e-5, now - low + 1e-5]
    for j, members in ((0, problem.limit >= 0), (1, problem.limit == 1)):
        for t in range(start, steps):
            row = np.zeros(2 * count)
            for i in np.flatnonzero(members):
                if (i, t) in charge:
                    row[charge[i, t]], row[discharge[i, t]] = 1.0, -1.0
            total = problem.base_load_kw[:, t].sum() if j == 0 else problem.base_load_kw[1, t]
            rows += [row, -row]
            bounds += [
                max(problem.import_kw[j, t] - total, 0.0) + 1e-5,
                -min(-problem.export_kw[j, t] - total, 0.0) + 1e-5,
            ]
    found = linprog(
        np.zeros(2 * count), A_ub=np.array(rows), b_ub=bounds,
        bounds=[(0.0, u) for u in upper], method="highs",
    )  # fmt: skip
    return found.status == 0


@pytest.mark.parametrize("seed", range(40))
def test_every_call_is_delivered_and_recovered_from(seed):
    problem = for_recovery(seed)
    plan = solve(problem)
    assert plan.lower_bound <= plan.objective + 1e-7
    offers = [plan.reserves]
    free = solve(replace(problem, reserves=()))
    offers.append(prove(problem, free.power_kw, free.energy_kwh))
    r = np.random.default_rng(seed)
    for result, schedule in zip(offers, (plan, free), strict=True):
        for offer in result:
            assert offer.share_kw.sum(axis=0) == pytest.approx(offer.offered_kw, abs=1e-5)
        for _ in range(CALLS):
            _check_call(problem, schedule, result, r)


def _check_call(problem, plan, offers, r):
    offer = offers[int(r.integers(len(offers)))]
    start = int(r.integers(offer.reserve.from_step, offer.reserve.to_step))
    part = float(r.choice([1.0, r.uniform(0.0, 1.0)]))
    power, most, last = called(problem, offers, offer.reserve.direction, start, part, plan.power_kw)
    energy = plan.energy_kwh[:, start].copy()
    for t in range(start, min(last, problem.steps)):
        for p in (most[:, t], power[:, t]):
            assert np.all(p <= problem.max_charge_kw + 1e-5)
            assert np.all(p >= -problem.max_discharge_kw - 1e-5)
            limits_kept(problem, p, t)
        part_called = (power[:, t] - plan.power_kw[:, t]) / np.where(
            most[:, t] == plan.power_kw[:, t], 1.0, most[:, t] - plan.power_kw[:, t]
        )
        change = part_called * flow(problem, most[:, t])
        change += (1 - part_called) * flow(problem, plan.power_kw[:, t])
        after = energy + 0.5 * change
        begins = ~np.isfinite(after) & np.isfinite(plan.energy_kwh[:, t + 1])
        energy = np.where(begins, plan.energy_kwh[:, t + 1], after)
        here = np.isfinite(plan.energy_kwh[:, t + 1])
        assert np.all(energy[here] >= problem.min_kwh[here] - 1e-4)
        assert np.all(energy[here] <= problem.max_kwh[here] + 1e-4)
        energy = np.where(here, energy, np.nan)
    end = np.clip(problem.depart, 0, problem.steps)
    planned_end = plan.energy_kwh[np.arange(len(problem)), end]
    due = np.where(problem.depart <= problem.steps, problem.target_kwh, -np.inf)
    promised = np.where(np.isfinite(planned_end), np.minimum(due, planned_end), -np.inf)
    assert recovers(problem, energy, promised, min(last, problem.steps))
