"""The errors of gridtide.

::

    GridtideError
    ├── InputError      findings about a file or a value; nothing has run
    ├── SolverError     the solver stopped without a usable answer
    ├── StrategyError   a strategy of the user's own did not answer as agreed
    ├── CollapseError   no step of a power flow has a solution
    ├── StorageError    a table could not be written or read back whole
    └── StoppedError    a run was interrupted; what was recorded is kept
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridtide.core.findings import Finding


class GridtideError(Exception):
    """Base of every error that gridtide raises on purpose."""


class InputError(GridtideError):
    """Input that cannot be used, told as findings.

    Parameters
    ----------
    findings
        Everything that was found, not only the first.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class SolverError(GridtideError):
    """The solver stopped without a usable answer."""


class StrategyError(GridtideError):
    """A strategy of the user's own did not answer as agreed."""


class CollapseError(GridtideError):
    """No step of a power flow has a solution: the load is beyond what the feeder bears."""


class StorageError(GridtideError):
    """A table could not be written or read back whole."""


class StoppedError(GridtideError):
    """A run was interrupted; what was recorded until then is kept."""
