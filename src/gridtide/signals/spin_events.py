"""Real events of PJM's synchronised reserve, from the table that PJM has published.

The table is a workbook of the old binary kind, which the package ``xlrd`` reads (extra ``xls``).
Times are local (Eastern prevailing, presumably: the table does not say) and kept as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gridtide.core import Finding, InputError

FIRST_ROW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinEvent:
    """One event: local times without a zone, and the zone of the reserve that was called."""

    start: datetime
    end: datetime
    zone: str

    @property
    def minutes(self) -> float:
        """How long it lasted [min]."""
        return (self.end - self.start).total_seconds() / 60.0


def read_spin_events(path: Path) -> list[SpinEvent]:
    """Read all events, the oldest first.

    Raises
    ------
    InputError
        If there is no such file, it is no such workbook, an event ends before it begins, or the
        package that reads it is not installed.
    """
    try:
        import xlrd  # type: ignore[import-untyped]
    except ImportError as error:
        mend = "Install gridtide with the extra xls"
        raise InputError([Finding(str(path), "xlrd is not installed", mend)]) from error
    try:
        sheet = xlrd.open_workbook(str(path)).sheet_by_index(0)
    except (OSError, xlrd.XLRDError) as error:
        mend = "Give the table of events as PJM published it (.xls)"
        raise InputError([Finding(str(path), f"is no workbook: {error}", mend)]) from error
    events, findings = [], []
    for row in range(FIRST_ROW, sheet.nrows):
        begin, end, _, zone, _ = sheet.row_values(row)[:5]
        if not (isinstance(begin, float) and isinstance(end, float) and end > begin):
            where = f"{path}:{row + 1}"
            findings.append(Finding(where, "is no event", "Correct start and end"))
            continue
        start, until = (xlrd.xldate_as_datetime(value, 0) for value in (begin, end))
        events.append(SpinEvent(start=start, end=until, zone=zone))
    if findings:
        raise InputError(findings[:10])
    return sorted(events, key=lambda event: event.start)
