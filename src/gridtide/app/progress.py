"""How far a run is: a bar for each strategy on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from gridtide.study import Moment

# Where nobody looks on, a line in so many seconds tells that the run goes on.
LINE_EVERY_S = 30.0


class Watcher(Protocol):
    """Shows how far a run is; used as a context manager around it."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        ...

    def __call__(self, moment: Moment) -> None:
        """Show where the run stands."""
        ...


def watcher(console: Console, *, quiet: bool) -> Watcher:
    """Return what suits the console."""
    if quiet:
        return Silence()
    return Bars(console) if console.is_terminal else Lines(console)


class Silence:
    """Shows nothing."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""

    def __call__(self, moment: Moment) -> None:
        """Show nothing."""


class Bars(Silence):
    """A bar for each strategy, with what is known beside it."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=8),
            TextColumn("{task.fields[told]}", style="dim"),
            TimeElapsedColumn(table_column=Column(min_width=7)),
            TextColumn("left", style="dim"),
            # One plan may take a minute: the speed of the last ones tells what is left.
            TimeRemainingColumn(table_column=Column(min_width=7)),
            console=console,
            speed_estimate_period=3600.0,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bars as they are."""
        self._bars.stop()

    def __call__(self, moment: Moment) -> None:
        """Move the bar of what runs."""
        if moment.run not in self._tasks:
            self._tasks[moment.run] = self._bars.add_task(moment.run, total=1.0, told="")
        self._bars.update(self._tasks[moment.run], completed=moment.share, told=told(moment))


class Lines(Silence):
    """A line where a strategy begins, and one now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running = ""
        self._began_s = self._told_s = 0.0

    def __call__(self, moment: Moment) -> None:
        """Print a line if it is time."""
        now_s = time.monotonic()
        if moment.run != self._running:
            self._running, self._began_s, self._told_s = moment.run, now_s, now_s
            self._print(f"running {moment.run}")
        elif now_s - self._told_s >= LINE_EVERY_S:
            self._told_s = now_s
            elapsed_s = now_s - self._began_s
            self._print(f"running {moment.run}: {told(moment)}, {_time_left(elapsed_s, moment)}")

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)


def told(moment: Moment) -> str:
    """Tell where the run stands, in words."""
    words = [moment.clock, f"{moment.vehicles:,} plugged in"]
    if moment.plans:
        words.append("1 plan" if moment.plans == 1 else f"{moment.plans:,} plans")
    return ", ".join(words)


def _time_left(elapsed_s: float, moment: Moment) -> str:
    """Tell the share done, the time taken and about what is left."""
    left = f", about {_span(elapsed_s * (1.0 / moment.share - 1.0))} left" if moment.share else ""
    return f"{moment.share:.0%} in {_span(elapsed_s)}{left}"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
