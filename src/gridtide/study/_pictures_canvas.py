"""What all pictures share: colours, type, the local time axis, and the way to SVG.

Colours are from M. Okabe and K. Ito, "Color Universal Design" (2008),
https://jfly.uni-koeln.de/color/. No colour stands alone: bands carry hatches, lines their own
dash, and every item its name.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gridtide.study._report_words import DAYS, MONTHS

CHARGE = "#0072B2"
DISCHARGE = "#D55E00"
BUILDING = "#BDBDBD"
SUN = "#F0E442"
SAVING = "#009E73"
EXTRA = "#E69F00"
IDLE = "#E3E3E3"
INK = "#1A1A1A"
QUIET = "#6B6B6B"
HAIR = "#D0D0D0"
TOTAL = "#7F7F7F"

WIDTH_IN = 9.0
# Words to the right of a panel stand in this margin.
RIGHT_IN = 1.25
LEFT_IN = 0.95
# From this many intervals on, bands are drawn as pixels: paths would weigh megabytes.
PIXELS_FROM = 700

_RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gridtide",
    "font.family": ["DejaVu Sans"],
    "font.size": 8.0,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "hatch.linewidth": 0.6,
    "lines.solid_capstyle": "butt",
    "figure.dpi": 72.0,
    "savefig.dpi": 220.0,
    "axes.unicode_minus": True,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in this project's type, whatever the user's own settings of matplotlib are."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def panels(heights_in: list[float], gap_in: float = 0.42, top_in: float = 0.3) -> tuple[Any, Any]:
    """Return a figure and its panels, one above the other, with a common time axis."""
    from matplotlib.figure import Figure

    bottom_in = 0.45
    height = top_in + bottom_in + sum(heights_in) + gap_in * (len(heights_in) - 1)
    figure = Figure(figsize=(WIDTH_IN, height))
    axes: list[Any] = []
    y = height - top_in
    for panel_in in heights_in:
        box = (
            LEFT_IN / WIDTH_IN, (y - panel_in) / height,
            (WIDTH_IN - LEFT_IN - RIGHT_IN) / WIDTH_IN, panel_in / height,
        )  # fmt: skip
        axes.append(figure.add_axes(box, sharex=axes[0] if axes else None))
        y -= panel_in + gap_in
    return figure, axes


def to_svg(figure: Any, name: str, title: str) -> str:
    """Return a figure as an SVG element that can stand beside others in one page.

    Parameters
    ----------
    figure
        Drawn inside :func:`drawing`.
    name
        Prefix of all identifiers in the picture, unique in the page.
    title
        What is to be seen, for those who listen to the page.
    """
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    # Places need no more; what is written keeps its digits.
    text = re.sub(r"\d+\.\d{3,}(?![^<>]*</text>)", lambda found: f"{float(found[0]):.2f}", text)
    # Measured with a wide typeface, shown in the page's own: words never run into each other.
    text = text.replace("'DejaVu Sans'", "sans-serif")
    text = re.sub(r'<svg ([^>]*?)height="[^"]*"', r"<svg \1", text, count=1)
    text = re.sub(r'(<svg [^>]*?)width="[^"]*"', r"\1", text, count=1)
    label = html.escape(title, quote=True)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def time_axis(axes: Any, start_s: float, end_s: float, zone: ZoneInfo, labels: bool) -> None:
    """Mark local midnights, and local hours where days are few; 23- and 25-hour days are right.

    Parameters
    ----------
    axes
        Panel whose x axis counts seconds since 1970.
    start_s, end_s
        Shown span [s].
    zone
        Local time zone.
    labels
        Whether days and hours are written below this panel.
    """
    days = local_midnights(start_s, end_s, zone)
    inner = [s for s in days if start_s <= s <= end_s]
    hours = _hour_marks(days, end_s, zone) if len(days) <= 5 else []
    hours = [(s, hour) for s, hour in hours if start_s < s < end_s]
    if len(days) > 16:
        inner = [s for s in inner if datetime.fromtimestamp(s, zone).weekday() == 0]
    axes.set_xlim(start_s, end_s)
    axes.set_xticks(inner, labels=[""] * len(inner))
    axes.set_xticks([s for s, _ in hours], labels=[h for _, h in hours] if labels else None,
                    minor=True)  # fmt: skip
    axes.tick_params(axis="x", which="major", length=9 if labels else 0, labelbottom=False)
    axes.tick_params(axis="x", which="minor", length=2, labelbottom=labels, labelsize=7)
    axes.grid(visible=True, axis="x", which="major", color=HAIR, linewidth=0.5)
    axes.set_axisbelow(True)
    if labels and hours:
        axes.annotate(
            "local time [h]", (1.0, 0.0), xycoords="axes fraction", xytext=(6, -5),
            textcoords="offset points", va="top", fontsize=7, color=QUIET,
            annotation_clip=False,
        )  # fmt: skip
    if labels:
        _write_days(axes, days, end_s, zone, below=14 if hours else 4)


def day_axis(axes: Any, labels: bool) -> None:
    """Mark the hours of a typical day; the x axis counts seconds since local midnight."""
    hours = range(0, 25, 3)
    axes.set_xlim(0, 86_400)
    axes.set_xticks([3600 * h for h in hours], labels=[f"{h}" for h in hours])
    axes.tick_params(axis="x", labelbottom=labels)
    if labels:
        axes.set_xlabel("Local time, all days together [h]")


def local_midnights(start_s: float, end_s: float, zone: ZoneInfo) -> list[float]:
    """Return the instants at which the local days begin that touch the span [s]."""
    day = datetime.fromtimestamp(start_s, zone).date()
    found: list[float] = []
    while True:
        at = datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
        if at >= end_s:
            return found
        found.append(at)
        day += timedelta(days=1)


def _hour_marks(days: list[float], end_s: float, zone: ZoneInfo) -> list[tuple[float, str]]:
    marks = []
    every = 3 if len(days) <= 2 else 6
    for midnight in days:
        day = datetime.fromtimestamp(midnight, zone)
        for hour in range(every, 24, every):
            at = day.replace(hour=hour).timestamp()
            if at < end_s:
                marks.append((at, f"{hour}"))
    return marks


def _write_days(axes: Any, days: list[float], end_s: float, zone: ZoneInfo, below: int) -> None:
    start_s = axes.get_xlim()[0]
    many = len(days) > 8
    for i, midnight in enumerate(days):
        at = datetime.fromtimestamp(midnight, zone)
        if len(days) > 16 and at.weekday() != 0 and i > 0:
            continue
        until = days[i + 1] if i + 1 < len(days) else end_s
        month = f" {MONTHS[at.month - 1]}" if i == 0 or at.day == 1 or not many else ""
        weekday = "" if 8 < len(days) <= 16 else f"{DAYS[at.weekday()]} "
        left = len(days) > 16
        x = max(midnight, start_s) if left else (max(midnight, start_s) + until) / 2
        axes.annotate(
            f"{weekday}{at.day}{month}", (x, 0), xycoords=("data", "axes fraction"),
            xytext=(3 if left else 0, -below), textcoords="offset points", va="top",
            ha="left" if left else "center", fontsize=7.5, color=INK, annotation_clip=False,
        )  # fmt: skip


def margin_words(axes: Any, words: list[tuple[float, str, str]], size: float = 7.5) -> None:
    """Write words beside a panel at heights in its own units, apart from each other.

    Parameters
    ----------
    axes
        The panel; its limits must be final.
    words
        Height, text and colour of each.
    size
        Of the type [pt].
    """
    low, high = axes.get_ylim()
    points = axes.get_position().height * axes.figure.get_figheight() * 72.0
    line = (size + 2.0) * (high - low) / max(points, 1.0)
    ordered = sorted(words, key=lambda word: word[0])
    heights: list[float] = []
    for height, _, _ in ordered:
        y = min(max(height, low), high)
        heights.append(max(y, heights[-1] + line) if heights else y)
    over = (heights[-1] - high) if heights else 0.0
    if over > 0:
        heights = [y - over for y in heights]
        for i in range(len(heights) - 1, 0, -1):
            heights[i - 1] = min(heights[i - 1] + over, heights[i] - line)
    for y, (_, text, colour) in zip(heights, ordered, strict=True):
        axes.annotate(
            text, (1.0, y), xycoords=("axes fraction", "data"), xytext=(5, 0),
            textcoords="offset points", va="center", ha="left", color=colour, fontsize=size,
            annotation_clip=False,
        )  # fmt: skip
