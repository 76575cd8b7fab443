"""Pieces of the page: escaping, tables, the style sheet."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

STYLE = """
:root { color-scheme: light; --ink: #1a1a1a; --quiet: #5c5c5c; --hair: #d9d9d9; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink);
  font: 16px/1.55 "Helvetica Neue", Arial, "Liberation Sans", sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
header p { margin: 0; color: var(--quiet); font-size: .9rem; }
h1 { font-size: 1.65rem; line-height: 1.28; font-weight: 650; margin: .5rem 0 1rem;
  text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.8rem 0 .4rem; padding-top: .7rem;
  border-top: 1px solid var(--hair); }
h3 { font-size: 1rem; margin: 1.6rem 0 .3rem; }
p { margin: .4rem 0 .8rem; max-width: 72ch; overflow-wrap: anywhere; }
.lead { font-size: 1.05rem; }
.warning { border-left: 5px solid #d55e00; padding: .5rem .9rem; background: #fdf1e8;
  font-weight: 600; max-width: none; }
.empty { border: 1px dashed #b0b0b0; border-radius: 6px; padding: 1.1rem; color: var(--quiet);
  text-align: center; max-width: none; }
.note, figcaption { color: var(--quiet); font-size: .86rem; max-width: 80ch; }
figure { margin: .8rem 0 1.4rem; }
.scroll { overflow-x: auto; }
.picture svg { display: block; width: 100%; min-width: 620px; height: auto; }
svg text { font-family: "Helvetica Neue", Arial, "Liberation Sans", sans-serif !important; }
svg image { image-rendering: pixelated; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums;
  margin: .6rem 0 1rem; width: 100%; }
th, td { padding: .28rem .7rem; text-align: right; vertical-align: baseline; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th { font-weight: 600; } thead th { border-bottom: 1px solid var(--ink); }
tbody th { font-weight: 400; }
td.text, th.text { text-align: left; }
.unit { color: var(--quiet); font-size: .84em; white-space: nowrap; }
tr.group th { padding-top: .9rem; color: var(--quiet); font-size: .84em; }
tr.strong th, tr.strong td { font-weight: 700; }
tr.sum th, tr.sum td { border-top: 1px solid var(--ink); font-weight: 600; }
small { color: var(--quiet); font-weight: 400; white-space: nowrap; }
ul { padding-left: 1.2rem; max-width: 78ch; } li { margin: .2rem 0; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .82rem; }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; }
summary { cursor: pointer; }
footer { margin-top: 3rem; color: var(--quiet); font-size: .82rem; }
@media (max-width: 480px) { main { padding: 1.2rem .9rem 3rem; } h1 { font-size: 1.3rem; }
  th, td { padding: .25rem .4rem; } }
@media print { @page { size: A4; margin: 15mm; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; }
  .scroll { overflow: visible; } .picture svg { min-width: 0; }
  figure, tr, .warning { break-inside: avoid; }
  h2, h3, h2 + p, h3 + p, tr.group { break-after: avoid; }
  p { break-inside: avoid; }
  th, td { padding-top: .1rem; padding-bottom: .1rem; } h2 { margin-top: 1.4rem; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } details { display: none; } }
"""


def escape(text: object) -> str:
    """Escape a text for an element or an attribute."""
    return html.escape(str(text), quote=True)


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of escaped text."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{escape(text)}</p>\n"


def section(title: str, *parts: str) -> str:
    """Return a section with its heading; parts are markup."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{''.join(parts)}</section>\n"


def picture(svg: str, caption: str = "") -> str:
    """Return a figure; at small widths it can be scrolled."""
    told = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="picture"><div class="scroll">{svg}</div>{told}</figure>\n'


def bullets(texts: Iterable[str]) -> str:
    """Return a list of escaped sentences."""
    items = "".join(f"<li>{escape(text)}</li>\n" for text in texts)
    return f"<ul>\n{items}</ul>\n" if items else ""


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    text_columns: Sequence[int] = (),
    kinds: Sequence[str] = (),
) -> str:
    """Return a table of escaped cells.

    Parameters
    ----------
    head
        Heads of the columns.
    rows
        Cells; the first of each row is its head.
    text_columns
        Columns set to the left.
    kinds
        Class of each row: ``sum``, ``strong``, ``group`` or nothing.
    """
    left = set(text_columns)

    def cell(tag: str, column: int, text: str, scope: str = "") -> str:
        kind = ' class="text"' if column in left else ""
        return f"<{tag}{kind}{scope}>{escape(text)}</{tag}>"

    top = "".join(cell("th", i, text, ' scope="col"') for i, text in enumerate(head))
    body = []
    for number, row in enumerate(rows):
        kind = kinds[number] if number < len(kinds) else ""
        attribute = f' class="{kind}"' if kind else ""
        first = cell("th", 0, row[0], ' scope="row"')
        rest = "".join(cell("td", i, text) for i, text in enumerate(row[1:], start=1))
        body.append(f"<tr{attribute}>{first}{rest}</tr>\n")
    return (
        f'<div class="scroll"><table>\n<thead><tr>{top}</tr></thead>\n'
        f"<tbody>\n{''.join(body)}</tbody></table></div>\n"
    )


def page(title: str, body: str) -> str:
    """Return the whole document; it needs nothing from outside."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
