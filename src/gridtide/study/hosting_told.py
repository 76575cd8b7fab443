"""How many vehicles a feeder bears, in a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gridtide.store import write_text
from gridtide.study._pictures_canvas import (
    CHARGE,
    DISCHARGE,
    HAIR,
    QUIET,
    WIDTH_IN,
    drawing,
    to_svg,
)

SHOWN = ("uncontrolled", "v2g + volt-var")
HOURS_FROM = 12.0


def hosting_text(told: dict[str, Any]) -> str:
    """Say what every way came to."""
    lines = [
        f"{told['feeder']}: {told['vehicles']} vehicles at {told['connection_points']} points, "
        f"{told['ev_kw']:g} kW each, source at {told['source_pu']:g} pu; "
        f"{told['without_vehicles']:,} violations without vehicles. {told['note'].capitalize()}.",
        f"{'':16}{'violations':>11}{'lowest':>9}{'highest':>9}{'lines':>7}{'missing':>10}"
        f"{'rounds':>8}" + (f"{'bears':>8}" if "bears" in told["ways"][0] else ""),
    ]
    for row in told["ways"]:
        if "collapse" in row:
            lines.append(f"{row['way']:16}{row['collapse']}")
            continue
        bears = row.get("bears")
        share = "" if "bears" not in row else "–" if bears is None else f"{bears:.0%}"
        lines.append(
            f"{row['way']:16}{row['violations']:11,}"
            f"{row['lowest_v']:7.1f} V{row['highest_v']:7.1f} V"
            f"{row['line_loading']:7.0%}{row['missing_kwh']:6.1f} kWh{row['rounds']:8}"
            + (f"{share:>8}" if share else "")
        )
    return "\n".join(lines)


def hosting_picture(told: dict[str, Any], path: Path) -> None:
    """Draw lowest and highest voltages of a night; SVG or PNG by the name."""
    with drawing():
        figure = _figure(told)
        if path.suffix == ".png":
            figure.savefig(path)
            return
        write_text(path, to_svg(figure, "hosting", "Voltages of a feeder over a night"))


def _figure(told: dict[str, Any]) -> Any:
    from matplotlib.figure import Figure

    rows = [row for row in told["ways"] if row["way"] in SHOWN and "collapse" not in row]
    figure = Figure(figsize=(WIDTH_IN, 3.4))
    axes = figure.add_axes((0.075, 0.14, 0.7, 0.74))
    low, high = told["limits_v"]
    for limit in (low, high):
        axes.axhline(limit, color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)))
        axes.annotate(
            f"limit {limit:.0f} V", (0.005, limit), xycoords=("axes fraction", "data"),
            xytext=(0, 2), textcoords="offset points", fontsize=7, color=QUIET,
        )  # fmt: skip
    for row, colour in zip(rows, (DISCHARGE, CHARGE), strict=False):
        least, most = (np.array(row[f"{end}_v_by_step"]) for end in ("lowest", "highest"))
        hour = HOURS_FROM + 24.0 * np.arange(least.size) / least.size
        axes.fill_between(hour, least, most, step="post", color=colour, alpha=0.25, linewidth=0)
        axes.step(hour, least, where="post", color=colour, linewidth=1.2)
        axes.step(hour, most, where="post", color=colour, linewidth=1.2)
        axes.annotate(
            f"{row['way']},\n{row['violations']:,} violations", (1.0, float(least[-1])),
            xycoords=("axes fraction", "data"),
            xytext=(6, 14 if colour == DISCHARGE else -14), textcoords="offset points",
            fontsize=7.5, color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(HOURS_FROM, HOURS_FROM + 24.0)
    axes.set_xticks(np.arange(12, 37, 3), labels=[f"{h % 24}" for h in range(12, 37, 3)])
    axes.grid(visible=True, axis="x", color=HAIR, linewidth=0.5)
    axes.set_xlabel("hour")
    axes.set_ylabel("lowest and highest voltage [V]")
    axes.set_title(f"{told['vehicles']} vehicles at {told['connection_points']} points")
    return figure
