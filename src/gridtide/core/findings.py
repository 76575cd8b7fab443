"""Findings: what is wrong with an input, where, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubt about an input.

    Parameters
    ----------
    where
        File, line and field, for example ``campus.toml:12 vehicles[0].soc_min``.
    what
        What is wrong, with the value that was read.
    mend
        What to write instead.
    """

    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        """One sentence for a terminal."""
        return f"{self.where}: {self.what}. {self.mend}"
