"""Run the demo, draw the picture of the README from its tables, and renew the README's table.

    .venv/bin/python docs/pictures/make.py

Writes out/campus, the pictures beside this file, and the table in README.md.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from gridtide.battery import RoundTrip
from gridtide.core import stream
from gridtide.grid import Droop, case_named, draw_feeder
from gridtide.plan import Problem, read_problem, trace_front
from gridtide.store import read_table
from gridtide.study import (
    compare_uses,
    frequency_picture,
    front_picture,
    round_trip_picture,
    uses_picture,
)
from gridtide.study.hosting import hosting_document
from gridtide.study.hosting_told import hosting_picture

CHARGE, DISCHARGE, INK, QUIET, HERE = "#0072B2", "#D55E00", "#1A1A1A", "#6B6B6B", "#EFEFEF"
STEP_S = 900
PICTURE = Path(__file__).parent / "campus.svg"
REPOSITORY = Path(__file__).parents[2]
DEMO = ["run", "scenarios/campus.toml", "--out", "out/campus"]
# The README's table stands between the demo's command and the path of its report.
TABLE = re.compile(
    r"(?<=```sh\ngridtide run scenarios/campus\.toml\n```\n\n```text\n).*?(?=```)", re.S
)


def main() -> None:
    """Run, draw, write."""
    _renew_table(_demo())
    style = {
        "svg.fonttype": "none", "svg.hashsalt": "gridtide", "font.size": 9.0, "text.color": INK,
        "axes.linewidth": 0.6, "xtick.color": QUIET, "ytick.color": QUIET, "hatch.linewidth": 0.5,
    }  # fmt: skip
    with mpl.rc_context(style):
        PICTURE.write_text(_svg(_draw(REPOSITORY / "out" / "campus")), encoding="utf-8")
    uses_picture(compare_uses(), PICTURE.with_name("uses.svg"))
    round_trip_picture(RoundTrip(), PICTURE.with_name("round-trip.svg"))
    fleet = Droop(power_mw=300.0, delay_s=1.0, lag_s=0.5)
    frequency_picture(case_named("gb-2019"), fleet, PICTURE.with_name("gb-2019.svg"))
    front_picture(trace_front(_yard(), "cost", "variance"), PICTURE.with_name("front.svg"))
    street = draw_feeder(30, stream(1, "feeder"))
    told = hosting_document(street, share=0.8, charger_kw=11.0, seed=1, capacity=False)
    hosting_picture(told, PICTURE.with_name("hosting.svg"))
    print(f"wrote {PICTURE.name} ({PICTURE.stat().st_size / 1000:.0f} kB) and README.md")


def _yard() -> Problem:
    """Read the problem of the how-to page that shows its front."""
    page = (REPOSITORY / "docs" / "how-to" / "weigh-objectives.md").read_text(encoding="utf-8")
    found = re.search(r"```json file=yard.json\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return read_problem(found[1].encode())


def _demo() -> str:
    """Run the demo and return what it prints."""
    gridtide = Path(sys.executable).parent / "gridtide"
    environment = {**os.environ, "COLUMNS": "96"}
    done = subprocess.run(
        [gridtide, *DEMO], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout


def _renew_table(said: str) -> None:
    readme = REPOSITORY / "README.md"
    lines = [line.rstrip() for line in said.split("Report:")[0].splitlines()]
    # Computing time differs from run to run.
    lines = [re.sub(r"(Computing time +s CPU).*", r"\1  …", line) for line in lines]
    table = "\n".join(lines).strip() + "\n"
    text = readme.read_text(encoding="utf-8")
    assert TABLE.search(text), "README.md shows the demo's table"
    text = TABLE.sub(lambda _: table, text, count=1)
    readme.write_text(text, encoding="utf-8")


def _draw(folder: Path) -> Figure:
    zone = ZoneInfo(tomllib.loads((folder / "scenario.toml").read_text())["timezone"])
    run = json.loads((folder / "run.json").read_text())
    begin = int(datetime.fromisoformat(run["start"]).timestamp())
    steps = run["steps"] * run["step_minutes"] * 60 // STEP_S
    hours = np.arange(steps + 1) / 4
    cars, power, present = _fleet(folder / "v2g", begin, steps)
    _, wild, _ = _fleet(folder / "uncontrolled", begin, steps)
    currency = run["currency"]
    price = _columns(folder / "v2g" / "site.parquet")["price_import_micro_per_kwh"] / 1e6

    figure = Figure(figsize=(10, 6.4))
    grid = figure.add_gridspec(
        2, 1, height_ratios=[1, 1.55], left=0.075, right=0.985, top=0.86, bottom=0.06, hspace=0.14
    )
    tide, rows = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    for axes in (tide, rows):
        _shade_dear_hours(axes, price)
        axes.set_xlim(0, hours[-1])
        axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
        axes.tick_params(length=0)
    _tide(tide, hours, power.sum(axis=0), wild.sum(axis=0))
    _price_words(tide, price, currency)
    _rows(rows, hours, cars, power, present)
    _days(rows, begin, steps, zone)
    tide.set_xticks([])
    _words(figure, folder, len(cars), round(steps * STEP_S / 86_400))
    return figure


def _words(figure: Figure, folder: Path, cars: int, days: int) -> None:
    figures = json.loads((folder / "summary.json").read_text())["v2g"]
    figure.text(
        0.075, 0.95, "The tide of a car park: in while power is cheap, out while it is dear",
        fontsize=14, fontweight="bold",
    )  # fmt: skip
    met, due = figures["departures_met"], figures["departures"]
    figure.text(
        0.075, 0.908,
        f"{cars} parked cars over {days} days took {figures['energy_in_kwh']:,.0f} kWh and gave "
        f"{figures['energy_out_kwh']:,.0f} kWh back; "
        f"{met} of {due} who left as stated had what they asked for.",
        fontsize=10, color=QUIET,
    )  # fmt: skip


def _columns(path: Path) -> dict[str, Any]:
    table = read_table(path)
    return {name: np.array(table[name].to_pylist()) for name in table.column_names}


def _fleet(folder: Path, begin: int, steps: int) -> tuple[list[str], Any, Any]:
    """Vehicles in the order of their first arrival, their mean powers, and when they are here."""
    sessions, meter = (_columns(folder / f"{name}.parquet") for name in ("sessions", "intervals"))
    cars = list(dict.fromkeys(sessions["vehicle_id"][np.argsort(sessions["arrival_s"])].tolist()))
    row = np.array([cars.index(name) for name in sessions["vehicle_id"]])
    row_of = np.zeros(sessions["session"].max() + 1, dtype=int)
    row_of[sessions["session"]] = row
    power, present = np.zeros((2, len(cars), steps))
    step = (meter["interval_s"] - begin) // STEP_S
    net_kw = (meter["import_wh"] - meter["export_wh"]) * 3.6 / STEP_S
    np.add.at(power, (row_of[meter["session"]], step), net_kw)
    present[row_of[meter["session"]], step] = 1
    return cars, power, present


def _tide(axes: Any, hours: Any, power: Any, wild: Any) -> None:
    level = np.append(power, 0.0)
    shape = {"step": "post", "linewidth": 0}
    axes.fill_between(hours, np.maximum(level, 0), color=CHARGE, **shape)
    axes.fill_between(
        hours, np.minimum(level, 0), facecolor=DISCHARGE, edgecolor="white", hatch="////", **shape
    )
    axes.step(hours, np.append(wild, 0.0), where="post", color=INK, lw=0.9, ls=(0, (2, 1.5)))
    axes.axhline(0, color=INK, lw=0.6)
    top = int(np.argmax(wild))
    axes.annotate(
        "uncontrolled", (hours[top] + 0.4, wild[top]), xytext=(10, 2), textcoords="offset points",
        va="center", fontsize=8.5,
    )  # fmt: skip
    low = int(np.argmin(power))
    axes.annotate(
        f"gives back {-power[low]:.0f} kW", (hours[low], power[low]), xytext=(-6, -2),
        textcoords="offset points", ha="right", va="bottom", color=DISCHARGE, fontsize=9,
    )  # fmt: skip
    high = int(np.argmax(power))
    axes.annotate(
        f"takes {power[high]:.0f} kW", (hours[high], power[high]), xytext=(0, 3),
        textcoords="offset points", ha="left", color=CHARGE, fontsize=9,
    )  # fmt: skip
    axes.set_ylabel("all cars, at the plug [kW]", color=QUIET)


def _rows(axes: Any, hours: Any, cars: list[str], power: Any, present: Any) -> None:
    """One row a car: up is charging, down is discharging, grey is plugged in."""
    scale = 0.72 / max(np.abs(power).max(), 1e-9)
    for i in range(len(cars)):
        middle = -float(i)
        for start, stop in _runs(present[i] > 0):
            span = slice(start, stop)
            x = hours[start : stop + 1]
            axes.fill_between(x, middle - 0.04, middle + 0.04, color="#B5B5B5", lw=0)
            level = np.append(power[i, span], 0.0) * scale
            for color, part in ((CHARGE, np.maximum(level, 0)), (DISCHARGE, np.minimum(level, 0))):
                axes.fill_between(
                    x, middle, middle + part, step="post", color=color, lw=0, where=part != 0
                )
    axes.set_ylim(-len(cars) + 0.4, 0.8)
    axes.set_yticks([0.0, 1.0 - len(cars)], labels=["car 1", f"car {len(cars)}"])


def _runs(marked: Any) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], marked.astype(int), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _shade_dear_hours(axes: Any, price: Any) -> None:
    for start, stop in _runs(price >= price.max() - 1e-9):
        axes.axvspan(start / 4, stop / 4, color=HERE, lw=0, zorder=0)


def _price_words(axes: Any, price: Any, currency: str) -> None:
    start, stop = _runs(price >= price.max() - 1e-9)[0]
    axes.text(
        (start + stop) / 8, 1.0, f"{currency} {price.max():.2f} / kWh", fontsize=8.5, color=QUIET,
        ha="center", va="bottom", transform=axes.get_xaxis_transform(),
    )  # fmt: skip
    axes.text(
        start / 8, 1.0, f"{currency} {price.min():.2f} / kWh", fontsize=8.5, color=QUIET,
        ha="center", va="bottom", transform=axes.get_xaxis_transform(),
    )  # fmt: skip


def _days(axes: Any, begin: int, steps: int, zone: ZoneInfo) -> None:
    ticks, labels = [], []
    for step in range(steps + 1):
        local = datetime.fromtimestamp(begin + step * STEP_S, zone)
        if local.minute == 0 and local.hour in (9, 16, 21):
            ticks.append(step / 4)
            labels.append(f"{local:%a} {local.hour} h" if local.hour == 9 else f"{local.hour} h")
        if local.minute == 0 and local.hour == 0 and 0 < step < steps:
            axes.axvline(step / 4, color="#D0D0D0", lw=0.6)
    axes.set_xticks(ticks, labels=labels)


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    text = re.sub(r"<metadata>.*?</metadata>", "", out.getvalue(), flags=re.DOTALL)
    text = re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.1f}", text)
    text = text.replace("'DejaVu Sans', 'Bitstream Vera Sans', ", "")
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


if __name__ == "__main__":
    main()
