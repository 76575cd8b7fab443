"""The reference of the file formats is the schema's own, and the schema is told in full."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from doc_pages import REPOSITORY

FOLDER = REPOSITORY / "docs" / "reference"


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", FOLDER / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["scenario", "problem", "cells", "services"])
def test_page_is_what_the_schema_gives(make: ModuleType, name: str) -> None:
    page: str = getattr(make, f"{name}_page")()
    place = "../models" if name == "cells" else "."
    assert (FOLDER / place / f"{name}.md").read_text(encoding="utf-8") == page, (
        "run: python docs/reference/make.py"
    )


@pytest.mark.parametrize("name", ["scenario", "problem"])
def test_every_field_is_described(name: str) -> None:
    missing = [
        f"{table}.{key}"
        for table, key, field in _fields(_schema(name))
        if not field.get("description")
    ]
    assert not missing


@pytest.mark.parametrize("name", ["scenario", "problem"])
def test_every_field_with_a_unit_names_it(name: str) -> None:
    units = {"_kw": "[kW", "_kwh": "kWh]", "_a": "[A]", "_v": "[V]", "_deg": "[°]",
             "_minutes": "[min]", "_hours": "[h]", "_per_kw": "/kW]", "_per_day": "/day]",
             "_per_month": "/month]"}  # fmt: skip
    longest_first = sorted(units.items(), key=lambda item: -len(item[0]))
    missing = []
    for table, key, field in _fields(_schema(name)):
        unit = next((u for ending, u in longest_first if key.endswith(ending)), "")
        if unit not in field["description"] and "$ref" not in field:
            missing.append(f"{table}.{key}: {field['description']}")
    assert not missing


def test_defaults_made_anew_are_told_too(make: ModuleType) -> None:
    line = next(x for x in make.scenario_page().splitlines() if x.startswith("| `charge_loss`"))
    assert "[0.232, 0.06, 0.0]" in line


def _schema(name: str) -> dict[str, Any]:
    if name == "problem":
        from gridtide.plan import problem_schema

        return problem_schema()
    from gridtide.study import scenario_schema

    return scenario_schema()


def _fields(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (name, key, field)
        for name, table in schema["$defs"].items()
        for key, field in table.get("properties", {}).items()
    ]


def test_pages_stand_in_their_folder() -> None:
    pages = {"cli.md", "problem.md", "scenario.md", "services.md"}
    assert {p.name for p in Path(FOLDER).glob("*.md")} == pages
