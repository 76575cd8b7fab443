"""Round trip against power: rows, words and a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gridtide.battery import (
    RoundTrip,
    coulombic_efficiency,
    energy_efficiency,
    one_way_efficiency,
    round_trip_efficiency,
)
from gridtide.store import write_text
from gridtide.study._pictures_canvas import (
    CHARGE,
    DISCHARGE,
    HAIR,
    INK,
    QUIET,
    TOTAL,
    WIDTH_IN,
    drawing,
    to_svg,
)
from gridtide.study._report_words import MINUS

POWERS_KW = (1.38, 2.3, 3.7, 7.4, 11.0, 22.0)
COLD_C = -10.0
# Powers at which frequency regulation of an 11 kW charger runs most of the time.
REGULATION_KW = (1.1, 2.2)


def efficiency_rows(cycle: RoundTrip) -> list[dict[str, float | None]]:
    """Return the efficiencies of a cycle at some powers; None where the pack cannot carry it."""
    power = np.array(POWERS_KW)
    columns = {
        "power_kw": power,
        "one_way_charging": one_way_efficiency(power, cycle.law),
        "one_way_discharging": one_way_efficiency(-power, cycle.law),
        "coulombic": coulombic_efficiency(cycle, power),
        "energy_dc": energy_efficiency(cycle, power),
        "round_trip_plug": round_trip_efficiency(cycle, power),
    }
    return [
        {name: float(v[k]) if np.isfinite(v[k]) else None for name, v in columns.items()}
        for k in range(power.size)
    ]


def efficiency_text(cycle: RoundTrip, rows: list[dict[str, Any]]) -> str:
    """Return a table with its boundaries for a terminal."""
    head = (
        f"A {cycle.capacity_kwh:g} kWh pack ({cycle.circuit.name}) at {cycle.temperature_c:g} °C, "
        f"from {cycle.soc_min:.0%} to {cycle.soc_max:.0%} and back"
    )
    lines = [head, ""]
    lines.append(
        f"{'power':>8} {'converter in':>13} {'out':>7} {'Ah (cells)':>11} {'kWh (DC)':>9} "
        f"{'kWh (plug)':>11}"
    )
    for row in rows:
        power, *shares = row.values()
        texts = ["–" if share is None else f"{share:.1%}" for share in shares]
        lines.append("{:>5.2f} kW {:>13} {:>7} {:>11} {:>9} {:>11}".format(power, *texts))
    lines += [
        "",
        "Converter: cells over plug charging, plug over cells discharging, standby included.",
        "Ah, kWh: out over in for a whole cycle, at the boundary named. Standstill is not counted.",
    ]
    return "\n".join(lines)


def round_trip_picture(cycle: RoundTrip, path: Path) -> None:
    """Draw the round trip over power at three temperatures; SVG or PNG by the name."""
    with drawing():
        figure = _figure(cycle)
        if path.suffix == ".png":
            figure.savefig(path)
            return
        write_text(path, to_svg(figure, "roundtrip", "Round-trip efficiency against power"))


def _figure(cycle: RoundTrip) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, 3.7))
    axes = figure.add_axes((0.075, 0.13, 0.72, 0.8))
    power = np.linspace(0.5, 22.0, 200)
    axes.axvspan(*REGULATION_KW, color=HAIR, alpha=0.5, linewidth=0)
    axes.annotate(
        "regulation with\n10 to 20 % of 11 kW", (REGULATION_KW[1], 33), xytext=(5, 0),
        textcoords="offset points", fontsize=7.5, color=QUIET, va="bottom",
    )  # fmt: skip
    for temperature, colour, width in (
        (cycle.temperature_c, INK, 2.4), (0.0, CHARGE, 1.2), (COLD_C, DISCHARGE, 1.2),
    ):  # fmt: skip
        shares = 100.0 * round_trip_efficiency(replace(cycle, temperature_c=temperature), power)
        axes.plot(power, shares, color=colour, linewidth=width)
        _label(axes, power, shares, f"plug, {temperature:g} °C".replace("-", MINUS), colour)
    dc = 100.0 * energy_efficiency(cycle, power)
    axes.plot(power, dc, color=TOTAL, linewidth=1.2, linestyle=(0, (5, 2)))
    _label(axes, power, dc, f"DC terminals, {cycle.temperature_c:g} °C", QUIET)
    for kw in (2.3, 7.4, 11.0):
        share = 100.0 * float(round_trip_efficiency(cycle, kw))
        axes.plot(kw, share, "o", color=INK, markersize=4)
        axes.annotate(
            f"{kw:g} kW: {share:.0f} %", (kw, share), xytext=(3, -12), color=INK,
            textcoords="offset points", fontsize=8, fontweight="bold",
        )  # fmt: skip
    axes.set_xlim(0, 22)
    axes.set_ylim(30, 101)
    axes.grid(visible=True, axis="y", color=HAIR, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xticks([0, 5, 10, 15, 20])
    axes.set_xlabel("Power in and out [kW]: at the plug; for the dashes at the DC terminals")
    axes.set_ylabel("Energy out over energy in [%]")
    axes.set_title("What comes back of a kWh depends on how fast it goes")
    return figure


def _label(axes: Any, power: Any, shares: Any, text: str, colour: str) -> None:
    """Write beside the end of a line; labels that would meet are moved by their order."""
    known = np.flatnonzero(np.isfinite(shares))
    if known.size == 0:
        return
    last = known[-1]
    taken = [note.xy[1] for note in axes.texts if note.xy[0] == power[last]]
    y = float(shares[last])
    while any(abs(y - other) < 3.6 for other in taken):
        y -= 1.2
    axes.annotate(
        text, (power[last], y), xytext=(5, 0), textcoords="offset points", color=colour,
        fontsize=8, va="center", annotation_clip=False,
    )  # fmt: skip
