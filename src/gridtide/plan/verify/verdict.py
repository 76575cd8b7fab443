"""What a verification found: checks with their figures, and the verdict that follows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name
        What.
    passed
        Whether it is as it must be; None where it can be told but not proven here.
    figure, allowed
        What was measured, and how far it may go, both in ``unit``.
    unit
        Of both.
    said
        The same in words, with the place concerned.
    """

    name: str
    passed: bool | None
    figure: float
    allowed: float
    unit: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a verification found.

    Parameters
    ----------
    checks
        In the order in which they were made; a plan whose rows are not those of the problem is
        not looked at further.
    cost, lower_bound
        Recomputed and proven here [currency]; NaN where it did not come to that.
    uncontrolled_cost
        By which the plan measures its gap [currency].
    """

    checks: tuple[Check, ...]
    cost: float = float("nan")
    uncontrolled_cost: float = 0.0
    lower_bound: float = float("nan")

    @property
    def verified(self) -> bool:
        """Whether no check failed."""
        return all(check.passed is not False for check in self.checks)

    @property
    def gap(self) -> float:
        """(cost - bound) / max(1, abs(cost), uncontrolled cost), cost and bound as found here."""
        scale = max(1.0, abs(self.cost), self.uncontrolled_cost)
        return (self.cost - self.lower_bound) / scale
