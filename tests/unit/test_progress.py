"""Progress as it is told where nobody looks at a terminal."""

import io

import pytest
from rich.console import Console

from gridtide.app import progress
from gridtide.app.progress import Bars, Lines, Silence, told, watcher
from gridtide.study import Moment


def moment(share=0.25, run="v2g", vehicles=41_230, plans=12):
    return Moment(run=run, share=share, clock="Tue 2 Jun, 14:00", vehicles=vehicles, plans=plans)


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_moment_in_words():
    assert told(moment()) == "Tue 2 Jun, 14:00, 41,230 plugged in, 12 plans"
    assert told(moment(vehicles=1, plans=0)) == "Tue 2 Jun, 14:00, 1 plugged in"


def test_a_line_where_a_strategy_begins_and_one_now_and_then(clock):
    page = io.StringIO()
    lines = Lines(Console(file=page, width=200))
    lines(moment(0.0, plans=0))
    for seconds in range(1, 62):
        clock[0] = 100.0 + seconds
        lines(moment(seconds / 100))
    lines(moment(0.0, run="edf"))
    text = page.getvalue().splitlines()
    assert text[0] == "running v2g"
    assert text[1].endswith("12 plans, 30% in 30 s, about 1 min 10 s left")
    assert text[2].endswith("60% in 1 min 0 s, about 40 s left")
    assert text[3:] == ["running edf"]


def test_a_terminal_gets_bars_a_file_lines_and_the_quiet_nothing():
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120)
    assert isinstance(watcher(terminal, quiet=False), Bars)
    assert isinstance(watcher(Console(file=io.StringIO()), quiet=False), Lines)
    assert type(watcher(terminal, quiet=True)) is Silence


def test_a_bar_shows_what_is_known():
    page = io.StringIO()
    with Bars(Console(file=page, force_terminal=True, width=140)) as bars:
        bars(moment())
    assert "v2g" in page.getvalue()
    assert "41,230 plugged in, 12 plans" in page.getvalue()
