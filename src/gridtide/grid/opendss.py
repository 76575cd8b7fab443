"""A reader of feeders in OpenDSS text, as the IEEE European low-voltage feeder is published.

It reads what such a feeder has: a source, line codes, lines, one delta-wye transformer, loads at
one or three phases, load shapes in files, and coordinates. What it does not know it tells, with
file and line, unless it is known to change nothing: monitors, plots, solving.

References
----------
.. [1] EPRI, OpenDSS manual: defaults of its elements. IEEE PES, European low voltage test feeder.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gridtide.core import Finding, InputError
from gridtide.grid.feeder import THREE_PHASE, Feeder

METRES = {"m": 1.0, "km": 1000.0, "ft": 0.3048, "mi": 1609.344}
# Defaults of OpenDSS where the text says nothing.
RATED_A, WINDING_R_PERCENT, SOURCE_X_OVER_R = 400.0, 0.2, 4.0
IGNORED = (
    "clear", "set", "calcvoltagebases", "solve", "batchedit", "plot", "show", "closedi", "export",
)  # fmt: skip
IGNORED_CLASSES = ("monitor", "energymeter")
_PAIR = re.compile(r"(%?[\w]+)\s*=\s*(\[[^\]]*\]|\([^)]*\)|\S+)")


@dataclass(slots=True)
class _Text:
    """What was read so far, by class of element and name."""

    folder: Path
    elements: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    where: dict[tuple[str, str], str] = field(default_factory=dict)
    coordinates: dict[str, tuple[float, float]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def of(self, kind: str) -> dict[str, dict[str, str]]:
        return self.elements.get(kind, {})


def read_opendss(folder: Path | str) -> Feeder:
    """Read a feeder from a folder with ``Master.dss``.

    Raises
    ------
    InputError
        With file and line of everything that cannot be read or used.
    """
    folder = Path(folder)
    text = _Text(folder)
    _read(text, folder / "Master.dss")
    if not text.findings:
        _check(text)
    if text.findings:
        raise InputError(text.findings)
    return _feeder(text)


def _read(text: _Text, path: Path) -> None:
    if not path.is_file():
        text.findings.append(Finding(str(path), "there is no such file", "Correct the path"))
        return
    for number, raw in enumerate(path.read_text(encoding="latin-1").splitlines(), 1):
        line = re.split(r"!|//", raw)[0].strip()
        if line:
            _obey(text, line, path, f"{path.name}:{number}")


def _obey(text: _Text, line: str, path: Path, where: str) -> None:
    """Do what one line says."""
    words = line.split(None, 2)
    command = words[0].lower()
    if command == "redirect":
        _read(text, path.parent / words[1])
    elif command == "buscoords":
        _coordinates(text, path.parent / words[1])
    elif command in ("new", "edit"):
        _element(text, line.split(None, 1)[1], where)
    elif command not in IGNORED:
        mend = "Remove it, or give the feeder in another format"
        text.findings.append(Finding(where, f"{command} is not known here", mend))


def _element(text: _Text, said: str, where: str) -> None:
    """Note an element and its properties."""
    first, _, rest = said.partition(" ")
    kind, _, name = first.partition(".")
    kind, name = kind.lower(), name.lower()
    if kind in IGNORED_CLASSES:
        return
    known = ("circuit", "vsource", "linecode", "line", "transformer", "load", "loadshape")
    if kind not in known:
        mend = f"Known here: {', '.join(known)}"
        text.findings.append(Finding(where, f"a {kind} is not known here", mend))
        return
    given = {key.lower(): value.strip("[]()") for key, value in _PAIR.findall(rest)}
    kind = "vsource" if kind == "circuit" else kind
    name = "source" if kind == "vsource" else name
    text.elements.setdefault(kind, {}).setdefault(name, {}).update(given)
    text.where[kind, name] = where


def _coordinates(text: _Text, path: Path) -> None:
    for line in path.read_text(encoding="latin-1").splitlines():
        cells = re.split(r"[\s,]+", line.strip())
        if len(cells) >= 3:
            text.coordinates[cells[0].lower()] = (float(cells[1]), float(cells[2]))


def _check(text: _Text) -> None:
    """Find what a feeder lacks, and what cannot be used."""
    place = str(text.folder)
    for kind, most in (("vsource", 1), ("transformer", 1)):
        if len(text.of(kind)) != most:
            what = f"has {len(text.of(kind))} elements of class {kind}"
            text.findings.append(Finding(place, what, f"Give {most}"))
    wanted = {
        "line": ("bus1", "bus2", "linecode", "length"),
        "linecode": ("r1", "x1", "r0", "x0"),
        "transformer": ("buses", "kvs", "kvas", "xhl"),
        "load": ("bus1", "kw"),
    }
    for kind, names in wanted.items():
        for element, given in text.of(kind).items():
            missing = [name for name in names if name not in given]
            if missing:
                what = f"{kind} {element} lacks {', '.join(missing)}"
                text.findings.append(Finding(text.where[kind, element], what, "Add it"))
    codes = text.of("linecode")
    for element, given in text.of("line").items():
        if "linecode" in given and given["linecode"].lower() not in codes:
            what = f"there is no line code {given['linecode']}"
            text.findings.append(Finding(text.where["line", element], what, "Define it before"))


def _feeder(text: _Text) -> Feeder:
    """Put the arrays together."""
    transformer = next(iter(text.of("transformer").values()))
    supply, feeding = (bus.lower() for bus in transformer["buses"].split())
    lines = text.of("line")
    ends = [(_bus(g["bus1"])[0], _bus(g["bus2"])[0]) for g in lines.values()]
    names = list(dict.fromkeys([supply, feeding, *(bus for pair in ends for bus in pair)]))
    place = {name: k for k, name in enumerate(names)}
    high_kv, low_kv = (float(v) for v in transformer["kvs"].split())
    nowhere = (math.nan, math.nan)
    at = np.array([text.coordinates.get(name, nowhere) for name in names])
    return Feeder(
        source=f"OpenDSS text in {text.folder.name}",
        nodes=tuple(names),
        rated_v=np.array([1000.0 * (high_kv if n == supply else low_kv) for n in names]),
        x_m=at[:, 0],
        y_m=at[:, 1],
        lines=tuple(lines),
        from_node=np.array([place[a] for a, _ in ends], dtype=np.int64),
        to_node=np.array([place[b] for _, b in ends], dtype=np.int64),
        **_impedances(text),
        supply_node=place[supply],
        feeding_node=place[feeding],
        **_transformer(transformer),
        **_source(text.of("vsource")["source"]),
        **_points(text, place),
    )


def _bus(said: str) -> tuple[str, int]:
    """Name of a bus and its phase: ``34.1`` is phase L1 of bus 34; no suffix is all three."""
    name, *phases = said.lower().split(".")
    return name, int(phases[0]) - 1 if len(phases) == 1 else THREE_PHASE


def _impedances(text: _Text) -> dict[str, Any]:
    """Whole impedances: a code's unit and a line's are not the same as a rule."""
    codes, rows = text.of("linecode"), []
    for given in text.of("line").values():
        code = codes[given["linecode"].lower()]
        metres = float(given["length"]) * METRES[given.get("units", "m").lower()]
        units = metres / METRES[code.get("units", "km").lower()]
        ohms = [units * float(code[name]) for name in ("r1", "x1", "r0", "x0")]
        farads = [1e-9 * units * float(code.get(name, 0.0)) for name in ("c1", "c0")]
        rows.append([metres, *ohms, *farads, float(code.get("normamps", RATED_A))])
    names = ("length_m", "r1_ohm", "x1_ohm", "r0_ohm", "x0_ohm", "c1_f", "c0_f", "rated_a")
    return dict(zip(names, np.array(rows).T, strict=True))


def _transformer(given: dict[str, str]) -> dict[str, Any]:
    """Rating and impedance; OpenDSS gives reactance, and resistance of each winding."""
    va = 1000.0 * float(given["kvas"].split()[0])
    r_percent = 2.0 * WINDING_R_PERCENT
    if "%rs" in given:
        r_percent = sum(float(v) for v in given["%rs"].split())
    return {
        "transformer_va": va,
        "short_circuit": math.hypot(float(given["xhl"]), r_percent) / 100.0,
        "loss_w": r_percent / 100.0 * va,
    }


def _source(given: dict[str, str]) -> dict[str, Any]:
    kv = float(given.get("basekv", 115.0))
    va = math.sqrt(3.0) * 1000.0 * kv * float(given.get("isc3", 10_000.0))
    rx = 1.0 / float(given.get("x1r1", SOURCE_X_OVER_R))
    return {"source_pu": float(given.get("pu", 1.0)), "source_va": va, "source_rx": rx}


def _points(text: _Text, place: dict[str, int]) -> dict[str, Any]:
    loads, shapes = text.of("load"), text.of("loadshape")
    files: list[Path | None] = []
    for given in loads.values():
        shape = shapes.get(given.get("yearly", "").lower(), {})
        found = re.search(r"file=([^)\s]+)", shape.get("mult", ""))
        files.append(text.folder / found[1] if found else None)
    buses = [_bus(given["bus1"]) for given in loads.values()]
    return {
        "points": tuple(loads),
        "node": np.array([place[bus] for bus, _ in buses], dtype=np.int64),
        "phase": np.array([phase for _, phase in buses], dtype=np.int64),
        "load_kw": np.array([float(given["kw"]) for given in loads.values()]),
        "power_factor": np.array([float(given.get("pf", 0.88)) for given in loads.values()]),
        "profile": tuple(files),
    }
