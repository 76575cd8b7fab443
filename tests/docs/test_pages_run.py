"""Every page does what it says: its snippets run as pasted, its links lead somewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from doc_pages import PAGES, REPOSITORY, Reader, find, snippets

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
RUN = [page for page in PAGES if any(s.language != "text" for s in snippets(page))]


@pytest.mark.parametrize("page", RUN)
def test_snippets_run_as_pasted(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    # A reader of the README stands in the repository; nothing is written there.
    (tmp_path / "scenarios").symlink_to(REPOSITORY / "scenarios")
    reader = Reader(tmp_path)
    for snippet in snippets(page):
        reader.follow(snippet)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    folder = (REPOSITORY / page).parent
    for link in _LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = folder / path if path else REPOSITORY / page
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            headings = [_anchor(h) for h in _HEADING.findall(target.read_text(encoding="utf-8"))]
            assert anchor in headings, f"{page} links to {link}; there are {headings}"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_outputs_are_compared_not_waved_through() -> None:
    said = "saves EUR 12.50 of\nEUR 90.\nPeak of the site      kW   213   209 (gap 1e-16)\n"
    assert find("Peak of the site kW 213 210 (gap …)", said) == len(said) - 1
    assert find("saves EUR 12.4 of EUR 90.", said)
    assert find("Peak … 209 (gap 1e-16)", said)
    assert find("Peak of the site kW 213 250 (gap …)", said) is None
    assert find("Peak of the site kW 213 20", said) is None
    assert find("Peak of a site kW 213 209 (gap …)", said) is None


def test_every_page_is_found_from_the_index() -> None:
    index = (REPOSITORY / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {(REPOSITORY / "docs" / link).resolve() for link in _LINK.findall(index)}
    lost = [
        page
        for page in PAGES
        if page.startswith("docs/")
        and page != "docs/README.md"
        and (REPOSITORY / page).resolve() not in linked
    ]
    assert not lost


def test_picture_and_table_of_the_readme_are_of_one_run() -> None:
    picture = REPOSITORY / "docs" / "pictures" / "campus.svg"
    assert picture.stat().st_size < 300_000
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for row, words in (("took", r"took ([\d,]+) kWh"), ("gave", r"gave ([\d,]+) kWh back")):
        shown = re.search(rf"^Vehicles {row} .* ([\d,]+)$", readme, re.MULTILINE)
        drawn = re.search(words, picture.read_text(encoding="utf-8"))
        assert shown and drawn and shown[1] == drawn[1], "run: python docs/pictures/make.py"
