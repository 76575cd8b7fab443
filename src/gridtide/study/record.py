"""What a run keeps: rows in batches, decisions with their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.control import Image, Setpoints
from gridtide.study._kernel_record import note_changes

Columns = dict[str, npt.NDArray[Any]]


class Tape:
    """Rows that arrive in batches of columns.

    Parameters
    ----------
    names
        Columns of the table, for a tape that stays empty.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._parts: dict[str, list[npt.NDArray[Any]]] = {}

    def __call__(self, batch: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep a batch."""
        for name, values in batch.items():
            self._parts.setdefault(name, []).append(values)

    def columns(self) -> Columns:
        """All rows as one set of columns."""
        if not self._parts:
            return {name: np.zeros(0, dtype=np.int64) for name in self._names}
        for name in self._names:
            # Each column takes the place of its parts at once: a long run fits only once.
            self._parts[name] = [np.concatenate(self._parts[name])]
        return {name: self._parts[name][0] for name in self._names}


class DecisionTape:
    """Keeps a setpoint whenever it or its reason changes.

    It is the watcher of a run: call it with an image and the setpoints decided on it.
    """

    NAMES = ("time_s", "charger", "session", "setpoint_kw", "reason", "limit")

    def __init__(self, chargers: int) -> None:
        self._tape = Tape(self.NAMES)
        self._power = np.zeros(chargers)
        self._reason = np.zeros(chargers, dtype=np.uint8)
        self._session = np.full(chargers, -1, dtype=np.int64)

    def __call__(self, image: Image, setpoints: Setpoints) -> None:
        """Keep what changed."""
        at = note_changes(
            setpoints.power_kw,
            setpoints.reason,
            image.session,
            self._power,
            self._reason,
            self._session,
        )
        if at.size:
            self._tape(
                {
                    "time_s": np.full(at.size, image.time_s),
                    "charger": at.astype(np.int32),
                    "session": image.session[at].astype(np.int32),
                    "setpoint_kw": setpoints.power_kw[at].astype(np.float32),
                    "reason": setpoints.reason[at],
                    "limit": setpoints.binding[at],
                }
            )

    def columns(self) -> Columns:
        """All decisions, in the order of time."""
        return self._tape.columns()
