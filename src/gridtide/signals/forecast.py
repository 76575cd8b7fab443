"""What planning sees of base load and sun: the day before."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtide.core import TimeGrid
from gridtide.signals.localtime import DAY_S, one_local_day_earlier

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_HOUR_S = 3600


def with_day_before(grid: TimeGrid) -> TimeGrid:
    """Return the grid begun at least 49 hours earlier, so that ``persistence`` has its past.

    A day back is enough but for the day on which the clock goes forward.
    """
    steps = -(-49 * _HOUR_S // grid.step_s)
    return TimeGrid(grid.start_s - steps * grid.step_s, grid.step_s, grid.n + steps)


def persistence(
    values: Floats, span: TimeGrid, grid: TimeGrid, zone: ZoneInfo, now_s: int | None = None
) -> Floats:
    """Return the forecast "as yesterday": the value at the same local time the day before.

    Parameters
    ----------
    values
        What was and will be measured, shape (span.n,).
    span
        Steps of ``values``, of the grid's step; it must reach a day back (``with_day_before``).
    grid
        Steps to forecast.
    zone
        Local time that "the same time" refers to.
    now_s
        Instant at which the forecast is made: the step that holds it is measured, and steps
        further ahead than a day repeat the last whole day known. None: every step is forecast
        a day ahead.

    Returns
    -------
    Shape (grid.n,).

    Raises
    ------
    ValueError
        If the span does not reach back far enough.
    """
    starts = grid.starts_s
    if now_s is None:
        source = one_local_day_earlier(starts, zone)
    else:
        source = _last_known(starts, zone, now_s)
        measured = (starts <= now_s) & (now_s < starts + grid.step_s)
        source[measured] = starts[measured]
    index = (source - span.start_s) // span.step_s
    if grid.n and (index.min() < 0 or index.max() >= span.n):
        raise ValueError("the span does not reach back to the day before the grid")
    return values[index]


def _last_known(starts: Ints, zone: ZoneInfo, now_s: int) -> Ints:
    """Return the same wall-clock time of the latest earlier day that is over by ``now_s``."""
    lag = np.maximum(-(-(starts - now_s) // DAY_S), 1)
    source = starts.copy()
    for days in np.unique(lag).tolist():
        at = np.flatnonzero(lag == days)
        earlier = one_local_day_earlier(starts[at], zone, days)
        # Over a 23-hour day "the day before" lies an hour later and may not have come yet.
        ahead = earlier > now_s
        earlier[ahead] = one_local_day_earlier(starts[at[ahead]], zone, days + 1)
        source[at] = earlier
    return source
