"""What knowing more, and planning for not knowing, is worth."""

from __future__ import annotations

from dataclasses import dataclass

from gridtide.plan.stochastic.bid import Bid
from gridtide.plan.stochastic.recourse import Outcome, costs, foresee, recourse
from gridtide.plan.stochastic.scenarios import Scenarios
from gridtide.plan.stochastic.two_stage import BidPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """A stochastic plan between perfect foresight and a deterministic one [currency].

    Parameters
    ----------
    foresight
        What the days cost, weighed as the plan weighs them, had each been known.
    stochastic
        What the plan costs on them.
    deterministic
        What the bid of a plan for one expected day costs on them.
    """

    foresight: float
    stochastic: float
    deterministic: float

    @property
    def evpi(self) -> float:
        """Expected value of perfect information: what knowing the day would save."""
        return self.stochastic - self.foresight

    @property
    def vss(self) -> float:
        """Value of the stochastic solution: what planning for all days saves."""
        return self.deterministic - self.stochastic


def worth(scenarios: Scenarios, plan: BidPlan, deterministic: Bid) -> Worth:
    """Compare a plan with foresight and with a deterministic bid, on the same days.

    Parameters
    ----------
    scenarios
        The days that the plan was made for.
    plan
        The stochastic plan.
    deterministic
        The bid of a plan for one day, the mean day say.

    References
    ----------
    .. [1] J. R. Birge, F. Louveaux: Introduction to Stochastic Programming, 2011, chapter 4,
       doi:10.1007/978-1-4614-0237-4.
    """

    def total(outcomes: tuple[Outcome, ...]) -> float:
        return plan.risk.of(costs(outcomes), scenarios.weight)

    return Worth(
        foresight=total(foresee(scenarios)),
        stochastic=plan.objective,
        deterministic=total(recourse(scenarios, deterministic)),
    )
