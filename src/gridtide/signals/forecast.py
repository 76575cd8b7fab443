"""What planning sees of base load and sun: an earlier day."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.core import TimeGrid
from gridtide.signals.localtime import local_times, one_local_day_earlier

Floats = npt.NDArray[np.float64]

_HOUR_S = 3600
# Days back to the last day of the same kind, working day or weekend, from Monday on.
_SIMILAR_DAY = np.array([3, 1, 1, 1, 1, 6, 1])


def with_past(grid: TimeGrid, *, similar_day: bool = False) -> TimeGrid:
    """Return the grid begun so much earlier that ``persistence`` has its past.

    One hour more than the days back would be enough but for the change of the clock.
    """
    days = 1 + int(_SIMILAR_DAY.max() if similar_day else 1)
    steps = -(-(24 * days + 1) * _HOUR_S // grid.step_s)
    return TimeGrid(grid.start_s - steps * grid.step_s, grid.step_s, grid.n + steps)


def persistence(
    values: Floats, span: TimeGrid, grid: TimeGrid, zone: ZoneInfo, *, similar_day: bool = False
) -> Floats:
    """Return the forecast of persistence: the value at the same local time of an earlier day.

    Parameters
    ----------
    values
        What was and will be measured, shape (span.n,).
    span
        Steps of ``values``, of the grid's step; it must reach back (``with_past``).
    grid
        Steps to forecast, each a day or more ahead.
    zone
        Local time that "the same time" refers to.
    similar_day
        Look at the last day of the same kind, working day or weekend, in place of the day
        before: on Monday at Friday, on Saturday at Sunday. Holidays are not known.

    Returns
    -------
    Shape (grid.n,).

    Raises
    ------
    ValueError
        If the span does not reach back far enough.
    """
    starts = grid.starts_s
    days = np.ones(grid.n, dtype=np.int64)
    if similar_day:
        days = _SIMILAR_DAY[local_times(starts, zone).weekday]
    source = starts.copy()
    for back in np.unique(days).tolist():
        source[days == back] = one_local_day_earlier(starts[days == back], zone, back)
    index = (source - span.start_s) // span.step_s
    if grid.n and (index.min() < 0 or index.max() >= span.n):
        raise ValueError("the span does not reach back to the days that the forecast looks at")
    return values[index]
