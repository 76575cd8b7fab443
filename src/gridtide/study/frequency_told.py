"""A frequency event with and without a fleet: figures and picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gridtide.grid import Case, Droop, Swing, permit, run_case
from gridtide.store import write_text
from gridtide.study._pictures_canvas import (
    CHARGE,
    DISCHARGE,
    HAIR,
    INK,
    QUIET,
    WIDTH_IN,
    drawing,
    to_svg,
)

PLAUSIBLE_LOW = 0.9
"""Share of nominal below which the model means nothing any more."""


def frequency_document(case: Case, fleet: Droop) -> dict[str, Any]:
    """Run a case without and with a fleet, and tell what both came to.

    Nadirs are told before the second series of losses, where delay counts, and over the whole run,
    whose end is a steady state. Below nine tenths of nominal the model means nothing any more.
    """
    without, with_fleet = run_case(case), run_case(case, fleet)
    slope = fleet.power_mw / case.demand_mw / (fleet.full_hz - fleet.deadband_hz)
    allowed = permit(min(fleet.delay_s + fleet.window_s / 2.0, 60.0))
    lowest = min(without.lowest_hz(), with_fleet.lowest_hz())
    return {
        "case": case.name,
        "model": "one mass, no secondary control",
        "ev_mw": fleet.power_mw,
        "delay_s": fleet.delay_s,
        "lag_s": fleet.lag_s,
        "first_rocof_hz_s": without.first_rocof_hz_s,
        "without": _told(case, without),
        "with_fleet": _told(case, with_fleet),
        "fleet_most_mw": float(with_fleet.fleet_mw.max()),
        "droop_pu_per_hz": slope,
        "droop_permitted_pu_per_hz": allowed.permitted_gain,
        "droop_permitted": bool(slope <= allowed.permitted_gain),
        "within_model": bool(lowest >= PLAUSIBLE_LOW * case.nominal_hz),
        "unverified": case.unverified,
        "sources": case.sources,
    }


def _told(case: Case, run: Swing) -> dict[str, Any]:
    return {
        "nadir_first_hz": run.lowest_hz(case.second_s),
        "nadir_hz": run.lowest_hz(),
        "seconds_below_shedding": run.seconds_below(case.shed_hz),
    }


def frequency_text(case: Case, told: dict[str, Any]) -> str:
    """Say what a fleet changed, in sentences."""
    without, with_fleet = told["without"], told["with_fleet"]
    shed = f"{case.shed_hz:g} Hz, where load is shed"
    lines = [
        case.title + ".",
        f"Without vehicles the frequency falls to {without['nadir_first_hz']:.3f} Hz at first "
        f"and to {without['nadir_hz']:.3f} Hz in the end; "
        f"{without['seconds_below_shedding']:.1f} s below {shed}.",
        f"With {told['ev_mw']:g} MW of vehicles that answer {told['delay_s']:g} s late it falls to "
        f"{with_fleet['nadir_first_hz']:.3f} Hz and to {with_fleet['nadir_hz']:.3f} Hz; "
        f"{with_fleet['seconds_below_shedding']:.1f} s below.",
        "In this model: one mass, no secondary control, no load shed. The last figures are steady "
        "states, so that they cannot depend on the delay.",
    ]
    if not told["droop_permitted"]:
        lines.append(
            f"That droop, {told['droop_pu_per_hz']:.3g} pu/Hz, may not be offered with this delay: "
            f"{told['droop_permitted_pu_per_hz']:.3g} at most in a two-area system."
        )
    lines.append("Unverified: " + ", ".join(told["unverified"]) + ".")
    return "\n".join(lines)


def frequency_picture(case: Case, fleet: Droop, path: Path) -> None:
    """Draw the event without and with a fleet; SVG or PNG by the name."""
    with drawing():
        figure = _figure(case, fleet)
        if path.suffix == ".png":
            figure.savefig(path)
            return
        write_text(path, to_svg(figure, "frequency", case.title))


def _figure(case: Case, fleet: Droop) -> Any:
    from matplotlib.figure import Figure

    without, with_fleet = run_case(case), run_case(case, fleet)
    figure = Figure(figsize=(WIDTH_IN, 4.6))
    above = figure.add_axes((0.075, 0.4, 0.74, 0.52))
    below = figure.add_axes((0.075, 0.11, 0.74, 0.22), sharex=above)
    end = f"with {fleet.power_mw:g} MW of vehicles,\n{fleet.delay_s:g} s late"
    for run, colour, dash, text, above_it in (
        (without, INK, (0, (4, 2)), "without vehicles", False),
        (with_fleet, CHARGE, "-", end, True),
    ):
        above.plot(run.time_s, run.frequency_hz, color=colour, linewidth=1.4, linestyle=dash)
        above.annotate(
            text, (run.time_s[-1], run.frequency_hz[-1]), xytext=(5, 0),
            textcoords="offset points", color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
        _mark_nadir(above, run, case.second_s, colour, above_it=above_it)
    above.axhline(case.shed_hz, color=INK, linewidth=0.7, linestyle=(0, (6, 3)))
    above.annotate(
        f"load is shed below {case.shed_hz:g} Hz", (0, case.shed_hz), xytext=(4, -10),
        textcoords="offset points", fontsize=7.5, color=QUIET,
    )  # fmt: skip
    lowest = min(run.lowest_hz() for run in (without, with_fleet))
    above.set_ylim(min(lowest, case.shed_hz) - 0.15, case.nominal_hz + 0.1)
    above.set_ylabel("Frequency [Hz]")
    above.set_title(case.title)
    above.tick_params(labelbottom=False)
    _powers(below, with_fleet)
    for axes in (above, below):
        axes.grid(visible=True, axis="y", color=HAIR, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_xlim(0, case.duration_s)
    below.set_xlabel("Time since the first loss [s]. Model: one mass, no secondary control")
    return figure


def _mark_nadir(axes: Any, run: Swing, before_s: float, colour: str, *, above_it: bool) -> None:
    """Mark the lowest point before the second series of losses."""
    inside = run.time_s < before_s
    k = int(np.argmin(run.frequency_hz[inside]))
    point = (float(run.time_s[k]), float(run.frequency_hz[k]))
    axes.plot(*point, "o", color=colour, markersize=4)
    axes.annotate(
        f"{point[1]:.2f} Hz", point, xytext=(2, 13) if above_it else (0, -12),
        textcoords="offset points", color=colour, fontsize=8, fontweight="bold",
        ha="left" if above_it else "right",
    )  # fmt: skip


def _powers(axes: Any, run: Swing) -> None:
    """Draw what reserve and vehicles give."""
    for power, colour, text in (
        (run.primary_mw, QUIET, "other response"),
        (run.fleet_mw, DISCHARGE, "vehicles"),
    ):
        axes.plot(run.time_s, power, color=colour, linewidth=1.2)
        axes.annotate(
            text, (run.time_s[-1], power[-1]), xytext=(5, 0), textcoords="offset points",
            color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_ylabel("Given [MW]")
