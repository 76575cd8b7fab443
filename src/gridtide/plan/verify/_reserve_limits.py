"""What calls of reserve ask of limits: during the call, in the other direction, and afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gridtide.plan.problem import Floats, Problem
from gridtide.plan.verify._limits import Flows, Room
from gridtide.plan.verify._reserve import ALLOWED, SIGN, Calls
from gridtide.plan.verify.verdict import Check


def check_called_limits(problem: Problem, calls: Calls, room: Room, flows: Flows) -> Check:
    """Whether all shares called at once keep every limit in every step of every call."""
    worst, where = 0.0, ""
    for sign in SIGN.values():
        nets = _with_calls(calls.called_kw[sign], flows.net_kw, room.lower_kw, room.upper_kw)
        phases = _with_calls(
            calls.called_phase_kw[sign], flows.phase_kw, room.phase_lower_kw, room.phase_upper_kw
        )
        for excess in (*nets, *phases):
            if excess.size and not excess.max() <= worst:
                place = np.unravel_index(int(np.argmax(excess)), excess.shape)
                worst = float(excess[place])
                where = f"{problem.limit_names[place[0]]}, called from step {place[-1]}"
    said = "all shares called at once exceed no limit"
    if not worst <= ALLOWED:
        said = f"a call exceeds a limit by {worst:.3g} kW: {where}"
    return _check("reserve limits", worst <= ALLOWED, worst, said)


def _with_calls(called: Floats, net: Floats, lower: Floats, upper: Floats) -> Iterator[Floats]:
    """Give how far net powers are beyond their room with calls, by offset and start."""
    for offset, change in enumerate(called):
        starts = net.shape[-1] - offset
        change = change[..., :starts]
        total = net[..., offset:] + change
        over = total - np.broadcast_to(upper, net.shape)[..., offset:]
        under = np.broadcast_to(lower, net.shape)[..., offset:] - total
        yield np.where(change != 0.0, np.maximum(over, under), 0.0)


@dataclass(slots=True)
class _Margin:
    """What is asked for in the other direction in one step and is not free."""

    lacks_kw: float = 0.0
    step: int = -1
    shared: bool = False


def check_margins(
    problem: Problem, offered: Floats, calls: Calls, room: Room, flows: Flows
) -> Check:
    """Whether the power that blocks ask for in the other direction is free in every step."""
    found = _Margin(shared=problem.phase_kw is not None)
    for sign in SIGN.values():
        for k in range(problem.steps):
            asking = [
                b for b, block in enumerate(problem.reserves)
                if block.opposite_share > 0 and SIGN[block.direction] == -sign
                and block.from_step <= k < block.to_step and offered[b] > 0
            ]  # fmt: skip
            if not asking:
                continue
            blocks = [problem.reserves[b] for b in asking]
            asked = sum(problem.reserves[b].opposite_share * float(offered[b]) for b in asking)
            lacks = asked - _margin_kw(problem, calls, room, flows, sign, k)
            found.shared |= len({(block.limit, block.duration_h) for block in blocks}) > 1
            if lacks > found.lacks_kw:
                found.lacks_kw, found.step = lacks, k
    passed: bool | None = found.lacks_kw <= ALLOWED
    said = "what blocks ask for in the other direction is free in every step"
    if not passed:
        said = f"{found.lacks_kw:.3g} kW asked for in the other direction are not free"
        said += f" in step {found.step}"
    elif found.shared:
        passed, said = None, f"{said}; how blocks and phases share it is not proven here"
    return _check("reserve margin", passed, found.lacks_kw, said)


def _margin_kw(
    problem: Problem, calls: Calls, room: Room, flows: Flows, sign: float, step: int
) -> float:
    """Most that can be had in a direction beside its own calls from a step, below all limits."""
    free, net = calls.margin_kw[sign][:, step].copy(), flows.net_kw[:, step]
    if len(calls.called_kw[sign]):
        net = net + calls.called_kw[sign][0][:, step]
    left = room.upper_kw[:, step] - net if sign > 0 else net - room.lower_kw[:, step]
    for limit in range(len(problem.limit_parent) - 1, -1, -1):
        passed = min(float(free[limit]), max(float(left[limit]), 0.0))
        free[problem.limit_parent[limit]] += passed  # -1, no parent, is the last: outside all
    return float(free[-1])


def check_recovery(problem: Problem, calls: Calls, room: Room, flows: Flows) -> Check:
    """Whether vehicles cannot hinder each other when they recover; else that is not proven."""
    if not calls.sum_kw.any():
        return _check("reserve recovery", True, 0.0, "nothing is called, nobody need recover")
    first = min(block.from_step for block in problem.reserves)
    beyond = [flows.most_kw - room.upper_kw, room.lower_kw - flows.least_kw]
    if len(flows.phase_most_kw):
        beyond.append(flows.phase_most_kw - room.phase_upper_kw)
        beyond.append(room.phase_lower_kw - flows.phase_least_kw)
    over = max(float(excess[..., first:].max(initial=0.0)) for excess in beyond)
    said = "no limit can bind while vehicles recover: each does so alone"
    if over > 0.0:
        said = "each vehicle recovers alone; that all can below common limits is not proven here"
    return _check("reserve recovery", None if over > 0.0 else True, over, said)


def _check(name: str, passed: bool | None, figure: float, said: str) -> Check:
    told = None if passed is None else bool(passed)
    return Check(name=name, passed=told, figure=figure, allowed=ALLOWED, unit="kW", said=said)
