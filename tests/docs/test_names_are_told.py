"""Names that a reader meets in files and figures are told in the glossary and the how-to pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from doc_pages import REPOSITORY
from gridtide.core import SENTENCES
from gridtide.plan import OBJECTIVES
from gridtide.study import Result, comparison_rows, load, run, write_starter

GLOSSARY = (REPOSITORY / "docs" / "glossary.md").read_text(encoding="utf-8")
TABLES = (REPOSITORY / "docs" / "how-to" / "read-results.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    path: Path = write_starter("depot", tmp_path_factory.mktemp("depot") / "depot.toml")
    text = path.read_text(encoding="utf-8").replace("days = 3", "days = 1")
    path.write_text(text.replace('run = ["uncontrolled", "v1g", "v2g"]', 'run = ["v2g"]'))
    return run(load(path))


def test_every_reason_is_in_the_glossary_with_its_sentence() -> None:
    rows = [f"| {r.value} | `{r.name}` | {text} |" for r, text in SENTENCES.items()]
    assert [row for row in rows if row not in GLOSSARY] == []


def test_every_figure_is_in_the_glossary(result: Result) -> None:
    figures = {*result.summary()["v2g"], *(row.key for row in comparison_rows(result))}
    assert {name for name in figures if f"| `{name}` |" not in GLOSSARY} == set()


def test_every_column_of_every_table_is_told(result: Result) -> None:
    tables = result.strategies["v2g"].columns
    untold = {
        f"{table}.{column}"
        for table, columns in tables.items()
        for column in columns
        if f"**`{table}`**" not in TABLES or f"`{column}`" not in TABLES
    }
    assert untold == set()


def test_every_objective_is_in_the_glossary_and_the_how_to_page_with_its_units() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "weigh-objectives.md").read_text(encoding="utf-8")
    rows = [f"| `{o.name}` | {o.unit} | {o.weight_unit} | {o.told}" for o in OBJECTIVES.values()]
    assert [row for row in rows if row not in GLOSSARY or row not in page] == []
