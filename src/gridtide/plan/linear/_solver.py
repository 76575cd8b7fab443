"""HiGHS behind three calls: hand over, minimise, tighten a row.

Q. Huangfu, J. A. J. Hall: Parallelizing the dual revised simplex method, 2018,
doi:10.1007/s12532-017-0130-5.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import highspy
import numpy as np

from gridtide.plan.linear._linear import Linear
from gridtide.plan.problem import Floats, Ints

DEVEX = 1


@dataclass(frozen=True, slots=True)
class Solution:
    """What the solver found.

    Parameters
    ----------
    x
        Values of the columns, shape (columns,).
    value
        Cost of ``x``.
    bound
        Proven lower bound of the cost.
    duals
        Of the rows, None for a mixed-integer problem.
    """

    x: Floats
    value: float
    bound: float
    duals: Floats | None = None


class Deadline:
    """How much of a time limit is left; HiGHS itself counts wall time too."""

    def __init__(self, limit_s: float) -> None:
        self._end = time.monotonic() + limit_s

    def left_s(self) -> float:
        """Time left [s], never below a tenth of a second so that an LP can still answer."""
        return max(self._end - time.monotonic(), 0.1)

    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end


class Solver:
    """One linear or mixed-integer problem, solved again with other costs and tighter rows."""

    def __init__(self, linear: Linear, *, whole: bool = True) -> None:
        self._linear = linear
        self._mixed = whole and bool(np.any(linear.integer))
        self._highs = highspy.Highs()
        for name, value in (("output_flag", False), ("threads", 1), ("parallel", "off")):
            self._highs.setOptionValue(name, value)
        self._highs.setOptionValue("mip_rel_gap", 1e-9)
        self._highs.setOptionValue("mip_abs_gap", 1e-9)
        kinds = (linear.integer & self._mixed).astype(np.int32)
        self._highs.passModel(
            len(linear.cost),
            len(linear.row_lower),
            len(linear.value),
            int(highspy.MatrixFormat.kColwise),
            int(highspy.ObjSense.kMinimize),
            0.0,
            linear.cost,
            linear.lower,
            linear.upper,
            linear.row_lower,
            linear.row_upper,
            linear.start,
            linear.index,
            linear.value,
            kinds,
        )

    def minimise(self, cost: Floats, limit_s: float) -> Solution | None:
        """Minimise ``cost``; None where nothing feasible was found in time."""
        count = len(cost)
        self._highs.changeColsCost(count, np.arange(count, dtype=np.int32), cost)
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + limit_s)
        self._highs.run()
        self._highs.setOptionValue("solver", "choose")
        status = self._highs.getModelStatus()
        info = self._highs.getInfo()
        feasible = info.primal_solution_status == highspy.kSolutionStatusFeasible
        done = status == highspy.HighsModelStatus.kOptimal
        if not feasible or not (done or self._mixed):
            return None
        found = self._highs.getSolution()
        x = np.array(found.col_value)
        if self._mixed:
            return Solution(x, float(cost @ x), float(info.mip_dual_bound))
        duals = np.array(found.row_dual)
        return Solution(x, float(cost @ x), self._linear.bound(cost, duals), duals)

    def start_basis(self, basic: Ints, tight_rows: Ints) -> None:
        """Start the simplex method with these columns in the basis instead of these rows.

        Energies and net powers follow from their equations; starting there needs a third of
        the iterations that starting from slacks does (10 370 to 3 360 on the benchmark).
        """
        status = highspy.HighsBasisStatus
        columns = np.full(len(self._linear.cost), status.kLower, dtype=object)
        columns[basic] = status.kBasic
        rows = np.full(len(self._linear.row_lower), status.kBasic, dtype=object)
        rows[tight_rows] = status.kLower
        basis = highspy.HighsBasis()
        basis.col_status, basis.row_status = columns.tolist(), rows.tolist()
        basis.valid = True
        self._highs.setBasis(basis)

    def start_inside(self) -> None:
        """Solve the next time by the interior-point method, to a basis all the same.

        Rows of reserve leave the simplex method many ties: 200 vehicles with six blocks below a
        limit (68,000 rows) take it 23 s, the interior point 9 s.
        """
        if not self._mixed:
            self._highs.setOptionValue("solver", "ipm")

    def start_from(self, x: Floats) -> None:
        """Give a feasible point to start from, for mixed-integer problems."""
        self._highs.setSolution(len(x), np.arange(len(x), dtype=np.int32), x)

    def add_columns(self, cost: Floats, upper: Floats) -> Ints:
        """Add columns from 0 up to ``upper`` and return their numbers."""
        first = len(self._linear.cost)
        self._linear = self._linear.with_columns(cost, upper)
        count, none = len(cost), np.zeros(0, dtype=np.int32)
        starts = np.zeros(count, dtype=np.int32)
        self._highs.addCols(count, cost, np.zeros(count), upper, 0, starts, none, np.zeros(0))
        return np.arange(first, first + count)

    def add_rows(self, lower: Floats, rows: Ints, columns: Ints, values: Floats) -> None:
        """Add rows, at least ``lower``; entries say which of them, counted from the first.

        From here on the simplex method prices with Devex: the steepest edges would be computed
        anew for every basis that rows were added to, which took most of the time of a round.
        """
        # A turning point can be named twice, up and down: HiGHS wants one entry.
        width = len(self._linear.cost)
        place, inverse = np.unique(rows * width + columns, return_inverse=True)
        sums: Floats = np.bincount(inverse, weights=values, minlength=len(place)).astype(float)
        place, values = place[sums != 0], sums[sums != 0]
        rows, columns = place // width, place % width
        self._linear = self._linear.with_rows(lower, rows, columns, values)
        start = np.searchsorted(rows, np.arange(len(lower))).astype(np.int32)
        above = np.full(len(lower), np.inf)
        self._highs.setOptionValue("simplex_dual_edge_weight_strategy", DEVEX)
        self._highs.addRows(
            len(lower), lower, above, len(values), start, columns.astype(np.int32), values
        )

    @property
    def cost(self) -> Floats:
        """Cost of the columns, those added included."""
        return self._linear.cost

    def hold(self, row: int, upper: float) -> None:
        """Tighten a row from above, here and in the linear problem behind it."""
        self._linear.row_upper[row] = upper
        self._highs.changeRowBounds(row, float(self._linear.row_lower[row]), upper)
