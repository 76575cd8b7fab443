"""The front of two objectives in words, as a document, and as a picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.plan import OBJECTIVES, Front, FrontPoint
from gridtide.store import write_text
from gridtide.study._pictures_canvas import (
    CHARGE,
    HAIR,
    IDLE,
    INK,
    QUIET,
    WIDTH_IN,
    drawing,
    to_svg,
)
from gridtide.study._report_words import MINUS, SPACE, number

Floats = npt.NDArray[np.float64]


def front_sentence(front: Front) -> str:
    """Say what one objective costs in the other, and where most of it is cheap."""
    of, against = front.of, front.against
    first, last = front.points[0], front.points[-1]
    if len(front.points) == 1:
        return (
            f"{_head(of)} and {_word(against)} do not conflict here: one schedule is best in "
            f"both, at {_told(front, first, of)} and {_told(front, first, against)}."
        )
    ends = {name: [_told(front, end, name) for end in (first, last)] for name in (of, against)}
    text = (
        f"{_head(against)} can go from {ends[against][0]} to {ends[against][1]}; "
        f"{_word(of)} then goes from {ends[of][0]} to {ends[of][1]}."
    )
    knee = find_knee(front)
    if knee is None:
        return text
    price, won = (
        abs(front.points[knee].value(name) - first.value(name))
        / abs(last.value(name) - first.value(name))
        for name in (of, against)
    )
    return f"{text} {won:.0%} of the way costs {price:.0%} of that: point {knee + 1}."


def find_knee(front: Front) -> int | None:
    """Return the inner point that lies farthest below the straight line between the ends."""
    if len(front.points) < 3:
        return None
    at = np.array([[p.value(front.of), p.value(front.against)] for p in front.points])
    share = np.abs(at - at[0]) / np.abs(at[-1] - at[0])
    return int(np.argmax(share[1:-1, 1] - share[1:-1, 0])) + 1


def front_text(front: Front) -> str:
    """Return sentence and table for a terminal."""
    names = (front.of, front.against)
    heads = [f"{name} [{_unit(name)}]" for name in names]
    heads += [f"weight {name} [{OBJECTIVES[name].weight_unit}]" for name in names]
    rows = [["point", *heads]]
    for k, point in enumerate(front.points):
        values = [_told(front, point, name).split(SPACE)[0] for name in names]
        rows.append([str(k + 1), *values, *(f"{point.weights[name]:.3g}" for name in names)])
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    table = ["  ".join(cell.rjust(w) for cell, w in zip(r, widths, strict=True)) for r in rows]
    told = f"{len(front.supports)} plans in {front.cpu_s:.2g} s CPU; {'; '.join(front.notes)}."
    return "\n".join([front_sentence(front), "", *table, "", told])


def front_document(front: Front) -> dict[str, Any]:
    """Return everything but the schedules as plain values."""
    knee = find_knee(front)
    return {
        "sentence": front_sentence(front),
        "of": _axis(front.of),
        "against": _axis(front.against),
        "points": [
            {
                "weights": dict(point.weights),
                "values": dict(point.values),
                "status": point.plan.status,
                "gap": point.plan.gap,
            }
            for point in front.points
        ],
        "knee": None if knee is None else knee + 1,
        "plans": len(front.supports),
        "cpu_s": front.cpu_s,
        "notes": list(front.notes),
    }


def _axis(name: str) -> dict[str, Any]:
    known = OBJECTIVES[name]
    return {"name": name, "unit": known.unit, "better": "more" if known.more_is_better else "less"}


def front_picture(front: Front, path: Path) -> None:
    """Draw the front, and the region that no schedule reaches; SVG or PNG by the name."""
    with drawing():
        figure = _figure(front)
        if path.suffix == ".png":
            figure.savefig(path)
            return
        write_text(path, to_svg(figure, "front", front_sentence(front)))


def _figure(front: Front) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, 4.2))
    axes = figure.add_axes((0.09, 0.12, 0.86, 0.78))
    at = _places(front)
    low, high = _limits(front, at)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    _draw_unreached(axes, front, low, high)
    axes.plot(at[:, 0], at[:, 1], color=CHARGE, linewidth=1.4, zorder=3)
    axes.plot(at[:, 0], at[:, 1], "o", color=CHARGE, markersize=4.5, zorder=4)
    _draw_labels(axes, front, at)
    axes.grid(visible=True, color=HAIR, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(_axis_label(front.of))
    axes.set_ylabel(_axis_label(front.against))
    axes.set_title(f"The best that can be had in {_word(front.of)} and {_word(front.against)}")
    return figure


def _places(front: Front) -> Floats:
    """Return the points as they are drawn, shape (points, 2)."""
    at = np.array([[p.value(front.of), p.value(front.against)] for p in front.points])
    places: Floats = at * _factors(front)
    return places


def _factors(front: Front) -> Floats:
    """Shares are drawn in percent, shape (2,)."""
    names = (front.of, front.against)
    return np.array([100.0 if OBJECTIVES[name].unit == "share" else 1.0 for name in names])


def _limits(front: Front, at: Floats) -> tuple[Floats, Floats]:
    """Leave room around the points: for the region beside the front, and more for the words."""
    low, high = at.min(axis=0), at.max(axis=0)
    span = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    words = np.array([0.24, 0.16])
    less = _signs(front) > 0
    return low - np.where(less, 0.12, words) * span, high + np.where(less, words, 0.12) * span


def _draw_unreached(axes: Any, front: Front, low: Floats, high: Floats) -> None:
    """Shade what the plans prove that no schedule reaches."""
    sign, factor = _signs(front), _factors(front)
    x = np.linspace(low[0], high[0], 801)
    a, b, c = (front.supports[:, k, None] for k in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(b > 0, (c - a * sign[0] * x / factor[0]) / b, -np.inf)
    beyond = np.where((b <= 0) & (a * sign[0] * x / factor[0] < c - 1e-12), np.inf, above)
    edge = np.clip(sign[1] * factor[1] * beyond.max(axis=0), low[1], high[1])
    axes.fill_between(
        x, edge, (low if sign[1] > 0 else high)[1], facecolor=IDLE, alpha=0.55, edgecolor=HAIR,
        hatch="//", linewidth=0,
    )  # fmt: skip
    axes.text(
        0.02 if sign[0] > 0 else 0.98, 0.03 if sign[1] > 0 else 0.97, "no schedule gets here",
        transform=axes.transAxes, color=QUIET, ha="left" if sign[0] > 0 else "right",
        va="bottom" if sign[1] > 0 else "top",
        bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5},
    )  # fmt: skip


def _signs(front: Front) -> Floats:
    """+1 where less is better, shape (2,)."""
    names = (front.of, front.against)
    return np.array([-1.0 if OBJECTIVES[name].more_is_better else 1.0 for name in names])


def _draw_labels(axes: Any, front: Front, at: Floats) -> None:
    """Name the ends and the bend beside their points, on the side that schedules reach."""
    sign, last = _signs(front), len(front.points) - 1
    labels = {0: f"best {_word(front.of)}", last: f"best {_word(front.against)}"}
    knee = find_knee(front)
    if knee is not None:
        labels[knee] = f"point {knee + 1}: the bend"
        axes.plot(*at[knee], "o", color=CHARGE, markersize=10, fillstyle="none", zorder=4)
    if last == 0:
        labels = {0: "best in both"}
    for k, words in labels.items():
        values = (_told(front, front.points[k], name) for name in (front.of, front.against))
        axes.annotate(
            f"{words}\n{', '.join(values)}", at[k], xytext=(8 * sign[0], 7 * sign[1]),
            textcoords="offset points", fontsize=8, color=INK, zorder=5,
            fontweight="bold" if k == knee else "normal",
            ha="left" if sign[0] > 0 else "right", va="bottom" if sign[1] > 0 else "top",
        )  # fmt: skip


def _told(front: Front, point: FrontPoint, name: str) -> str:
    """Write a value with its unit, with digits enough to tell the ends of the front apart."""
    factor = 100.0 if OBJECTIVES[name].unit == "share" else 1.0
    first, last, value = (
        factor * p.value(name) for p in (front.points[0], front.points[-1], point)
    )
    unit = {"share": "%", "currency": ""}.get(OBJECTIVES[name].unit, OBJECTIVES[name].unit)
    span = abs(last - first)
    text = number(value)
    if 0 < span < 0.02 * max(abs(first), abs(last)):
        text = f"{value:,.{min(max(0, 1 - math.floor(math.log10(span))), 6)}f}".replace("-", MINUS)
    return f"{text}{SPACE}{unit}" if unit else text


def _axis_label(name: str) -> str:
    return f"{_head(name)} [{_unit(name)}]"


def _unit(name: str) -> str:
    unit = OBJECTIVES[name].unit
    return "%" if unit == "share" else unit


_WORDS = {
    "carbon": "emission",
    "variance": "load variance",
    "valley": "distance from filled valleys",
    "losses": "line losses",
    "self_consumption": "self-consumption",
    "fairness": "unfairness",
}


def _word(name: str) -> str:
    return _WORDS.get(name, name)


def _head(name: str) -> str:
    word = _word(name)
    return word[0].upper() + word[1:]
