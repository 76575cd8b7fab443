"""Write the reference pages of the file formats from their schemas.

    python docs/reference/make.py

`tests/docs/test_reference_pages.py` fails where a page differs from its schema.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

HERE = Path(__file__).parent
Schema = dict[str, Any]

SCENARIO_HEAD = """\
# The scenario file

<!-- Written by docs/reference/make.py from the schema. Do not edit. -->

A scenario is one TOML file. `gridtide new campus` writes one to start from, `gridtide check FILE`
lists everything that is wrong with it, and `gridtide schema` prints this page as JSON Schema, for
editors that complete and check while you type.

**Signs.** Positive power is drawn from the grid, or goes into a vehicle. Limits are positive
numbers both ways. **Shares** and states of charge are fractions from 0 to 1. **Times** in the file
are local, in the scenario's `timezone`. **Currency** is the tariff's; one run has one. **File
names** are seen from the scenario's folder; `${GRIDTIDE_DATA}` in a name stands for the folder of
published data.
"""

PROBLEM_HEAD = """\
# The planning problem

<!-- Written by docs/reference/make.py from the schema. Do not edit. -->

A planning problem is one JSON file that stands alone: prices, limits, vehicles, and no scenario
around it. `gridtide plan PROBLEM.json` solves it, and `gridtide schema problem` prints this page
as JSON Schema. [Plan a problem](../how-to/plan-a-problem.md) works one out with a pencil.

**Signs.** Positive power is charging, or drawn from the grid. Powers are at the plug. A **series**
is a number, a list of one number, or a list of `steps` numbers.
"""


SERVICES_HEAD = """\
# Grid services

<!-- Written by docs/reference/make.py from the catalogue. Do not edit. -->

The products that `gridtide service` knows, by the schedules of FERC Order 888. Rules are data: an
entry in `src/gridtide/services/catalogue`. A rule that could not be checked against the text of its
market is marked unverified: it is a default, not a claim of conformance. [Score and settle a
service](../how-to/score-a-service.md) uses them.

| rule | meaning |
|---|---|
"""

SCHEDULES = {
    1: "Schedule 1: scheduling and dispatch",
    2: "Schedule 2: reactive supply and voltage control",
    3: "Schedule 3: regulation and frequency response",
    4: "Schedule 4: energy imbalance",
    5: "Schedule 5: spinning reserve",
    6: "Schedule 6: supplemental reserve",
    0: "Behind the meter",
}


def scenario_page() -> str:
    """Return the reference page of the scenario file."""
    from gridtide.study import Scenario, scenario_schema

    schema = scenario_schema()
    _add_made_defaults(schema, Scenario, set())
    return _page(SCENARIO_HEAD, schema, _toml_heading)


def problem_page() -> str:
    """Return the reference page of the planning problem."""
    from gridtide.plan import problem_schema

    return _page(PROBLEM_HEAD, problem_schema(), _json_heading)


CELLS_HEAD = """\
# Cell models

<!-- Written by docs/reference/make.py from the cards in gridtide.battery. Do not edit. -->

Fourteen cells whose ageing was tested, fitted and published. `gridtide battery models` prints
this page as text or JSON, `gridtide battery age` runs one of them, [Age a
battery](../how-to/age-a-battery.md) shows how. The choice of the cell decides more than anything
that is done with it: always look at the band that `gridtide battery compare` draws over all of
them.

**How they are computed.** A day's states of charge and temperatures become rates: laws of state
of charge and temperature are averaged over the day (trapezoid; tables of 0.001 and 0.5 K, right
to 2e-4 of a rate), laws of depth and rate of charge take the day's depth and its mean rates,
averaged over the day's temperatures. Losses then follow their laws *exactly*, whatever the length
of a step: where `y = k x^p`, `y^(1/p)` is a sum. States of charge are relative to the new
battery, so the kWh moved stay the same while it ages. A mean rate counts changes below 0.01/h as
rest, is stamped at the end of each interval and divided by the whole day (C) or by the charging
or discharging time (Cchg, Cdis): the convention the parameters were fitted with.

**How they are checked.** Capacity and resistance against BLAST-Lite 1.1.1 (BSD-3-Clause), from
which most parameters come, in `tests/reference/test_ageing_against_blast.py`: 50 profiles for
each of its thirteen models, ten years each. `lmo_xu` is not in it and is checked by hand.

**Outside the tests.** V2G practice, 0.05 to 0.3 C at depths of 0.1 to 0.5, is outside the tested
depths of most models. Answers name each stressor that was outside for more than 5 % of its time
(`outside_range`):
"""


def cells_page() -> str:
    """Return the cards of all cell models."""
    from gridtide.battery import STRESSORS, model_cards

    parts = [CELLS_HEAD, ", ".join(f"`{name}`" for name in STRESSORS), ".\n"]
    for card in model_cards():
        parts.append(f"\n## {card.title}\n\n`{card.name}` · {card.chemistry} · ")
        parts.append(f"{card.capacity_ah:g} Ah\n\n**Source.** {card.source}.\n\n")
        parts.append(f"**Tested.** {_sentence(card.data)}\n\n| tested range | |\n|---|---|\n")
        parts += [f"| {key} | {text} |\n" for key, text in _ranges(card)]
        resistance = "capacity and resistance" if card.has_resistance else "capacity"
        parts.append(f"\n**Gives** {resistance}.\n\n```math\n")
        parts += [f"{line}\n" for line in card.equations]
        parts.append("```\n\n")
        parts += [f"- {limit}\n" for limit in card.limits]
    return "".join(parts)


def services_page() -> str:
    """Return the catalogue of grid services, and what the settlement of each asks for."""
    from gridtide.services import Product, catalogue, inputs_of

    described = {
        name: field.get("description", "")
        for name, field in msgspec.json.schema(Product)["$defs"]["Product"]["properties"].items()
    }
    parts = [SERVICES_HEAD]
    parts += [f"| `{name}` | {text} |\n" for name, text in described.items()]
    schedule = None
    for product in catalogue().values():
        if product.schedule != schedule:
            schedule = product.schedule
            parts.append(f"\n## {SCHEDULES[schedule]}\n")
        parts.append(f"\n### `{product.name}`\n\n{product.title}, {product.region}. ")
        parts.append(f"{product.edition}.\n\n| rule | |\n|---|---|\n")
        parts += [f"| {name} | {text} |\n" for name, text in _rules(product)]
        parts.append(f"\n{product.notes}\n" if product.notes else "")
        parts.append(f"\nSources: {'; '.join(product.sources)}. ")
        asked = ", ".join(f"`{name}` ({text})" for name, text in inputs_of(product).items())
        parts.append(f"Settling asks for {asked or 'nothing'}.\n")
    return "".join(parts)


def _rules(product: Any) -> list[tuple[str, str]]:
    """Rules that a product states, with a mark at those that were not checked."""
    left_out = {"name", "title", "schedule", "region", "edition", "notes", "sources", "unverified"}
    rows = []
    for name in product.__struct_fields__:
        value = getattr(product, name)
        if name in left_out or value in (None, "", {}, []):
            continue
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        doubts = [d for d in product.unverified if d.split(".")[0] == name]
        mark = " (unverified)" if doubts else ""
        rows.append(
            (f"`{name}`", f"{text:g}{mark}" if isinstance(text, float) else f"{text}{mark}")
        )
    return rows


def _ranges(card: Any) -> list[tuple[str, str]]:
    years = "" if card.tested_years is None else f", {card.tested_years:g} years at most"
    return [
        ("storage", "{:g} to {:g} °C".format(*card.calendar_c) + years),
        ("cycling", "{:g} to {:g} °C".format(*card.cycling_c)),
        ("state of charge", "{:g} to {:g}".format(*card.soc)),
        ("depth", "{:g} to {:g}".format(*card.depth)),
        ("rates", f"charge up to {card.charge_c:g}C, discharge up to {card.discharge_c:g}C"),
    ]


def _page(head: str, schema: Schema, heading: Any) -> str:
    parts = [head]
    for paths, table in _tables(schema):
        parts.append(f"\n## {heading(paths)}\n\n{_sentence(table.get('description', ''))}\n")
        parts.append("\n| key | kind | unit | default | meaning |\n|---|---|---|---|---|\n")
        required = table.get("required", [])
        for key, field in table.get("properties", {}).items():
            parts.append(_row(key, field, key in required, schema))
    return "".join(parts)


def _row(key: str, field: Schema, required: bool, schema: Schema) -> str:
    text = field.get("description", "")
    units = re.findall(r"\[([^\]]+)\]", text)
    unit = units[0] if len(units) == 1 else ""
    meaning = re.sub(r"\s*\[[^\]]+\]", "", text) if unit else text
    cells = [
        f"`{key}`",
        _kind(field, schema),
        unit.removeprefix("-"),
        "**required**" if required else _default(field),
        meaning,
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(field: Schema) -> str:
    if "default" not in field or field["default"] is None or field["default"] in ([], {}):
        return ""
    return f"`{json.dumps(field['default'], ensure_ascii=False)}`"


def _kind(field: Schema, schema: Schema) -> str:
    options = [f for f in field.get("anyOf", [field]) if f.get("type") != "null"]
    return " or ".join(dict.fromkeys(_one_kind(option, schema) for option in options))


def _one_kind(field: Schema, schema: Schema) -> str:
    if "$ref" in field:
        target = _follow(field, schema)
        return "table" if "properties" in target else _kind(target, schema)
    if "enum" in field:
        return ", ".join(f"`{json.dumps(v, ensure_ascii=False)}`" for v in field["enum"])
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    kind = field.get("type", "any")
    if kind == "array":
        items = field.get("items") or {}
        length = _length(field)
        inner = _kind(items, schema) if items else "values"
        return "tables" if inner == "table" else f"list of {length}{inner}"
    words = {"boolean": "`true` or `false`", "integer": "whole number", "string": "text"}
    return f"{words.get(kind, kind)}{_bounds(field)}"


def _length(field: Schema) -> str:
    low, high = field.get("minItems"), field.get("maxItems")
    return f"{low} × " if low is not None and low == high else ""


def _bounds(field: Schema) -> str:
    bounds = []
    for key, sign in (
        ("minimum", "≥"),
        ("exclusiveMinimum", ">"),
        ("maximum", "≤"),
        ("exclusiveMaximum", "<"),
    ):
        if key in field:
            bounds.append(f"{sign} {field[key]:g}")
    return f" {', '.join(bounds)}" if bounds else ""


def _sentence(text: str) -> str:
    text = " ".join(text.replace("``", "`").split())
    return text if not text or text.endswith(".") else f"{text}."


def _toml_heading(paths: list[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths) if paths != [""] else "At the top of the file"


def _json_heading(paths: list[str]) -> str:
    return _toml_heading([path.strip("[]") for path in paths])


def _follow(field: Schema, schema: Schema) -> Schema:
    target: Any = schema
    for part in field["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return dict(target)


def _tables(schema: Schema) -> list[tuple[list[str], Schema]]:
    """Every table with the paths that lead to it, in the order of the file."""
    found: dict[str, tuple[list[str], Schema]] = {}
    root = _follow(schema, schema) if "$ref" in schema else schema
    found["root"] = ([""], root)
    _walk(root, "", schema, found)
    return list(found.values())


def _walk(table: Schema, path: str, schema: Schema, found: dict[str, Any]) -> None:
    for key, field in table.get("properties", {}).items():
        for option in field.get("anyOf", [field]):
            inner = option.get("items") or {} if option.get("type") == "array" else option
            if not isinstance(inner, dict) or not ("$ref" in inner or "properties" in inner):
                continue
            target = _follow(inner, schema) if "$ref" in inner else inner
            if "properties" not in target:
                continue
            below = f"{path}.{key}".strip(".")
            shown = f"[[{below}]]" if option.get("type") == "array" else f"[{below}]"
            name = inner.get("$ref", below)
            if name in found:
                found[name][0].append(shown)
                continue
            found[name] = ([shown], target)
            _walk(target, below, schema, found)


def _add_made_defaults(schema: Schema, cls: Any, seen: set[Any]) -> None:
    """Add to the schema the defaults that a struct makes anew for each record."""
    if cls in seen:
        return
    seen.add(cls)
    properties = schema["$defs"][cls.__name__]["properties"]
    for field in msgspec.structs.fields(cls):
        if field.default_factory is not msgspec.NODEFAULT:
            value = msgspec.to_builtins(field.default_factory())
            if not _has_tables(value):
                properties[field.encode_name]["default"] = value
    for hint in get_type_hints(cls).values():
        for inner in _structs_in(hint):
            _add_made_defaults(schema, inner, seen)


def _has_tables(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_tables, value)))


def _structs_in(hint: Any) -> list[Any]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [found for inner in get_args(hint) for found in _structs_in(inner)]


if __name__ == "__main__":
    for name, page in (
        ("scenario.md", scenario_page()),
        ("problem.md", problem_page()),
        ("../models/cells.md", cells_page()),
        ("services.md", services_page()),
    ):
        (HERE / name).write_text(page, encoding="utf-8")
        print(f"wrote {name}")
