"""Where in a TOML file a value stands, so that a finding can name its line."""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-\"'.]+)\s*=")


class TomlPlaces:
    """Line numbers of keys in a TOML text.

    Parameters
    ----------
    text
        The file's text.
    source
        Name of the file, as the user gave it.
    """

    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._lines: dict[str, int] = {}
        counts: dict[str, int] = {}
        table = ""
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.match(line):
                table = _table_path(header[2], header[1] == "[[", counts)
                self._lines.setdefault(table, number)
            elif key := _KEY.match(line):
                name = key[1].strip("\"'")
                self._lines.setdefault(f"{table}.{name}" if table else name, number)

    def __call__(self, path: str) -> str:
        """Return ``file:line path``; the line of the nearest enclosing key where there is none."""
        at = path
        while at and at not in self._lines:
            shorter = re.sub(r"(\.[^.\[\]]+|\[\d+\])$", "", at)
            at = "" if shorter == at else shorter
        line = self._lines.get(at)
        where = self._source if line is None else f"{self._source}:{line}"
        return f"{where} {path}" if path else where


def _table_path(name: str, is_array: bool, counts: dict[str, int]) -> str:
    """Dotted path of a table header, with the index of each array of tables."""
    path = ""
    parts = [part.strip().strip("\"'") for part in name.split(".")]
    for position, part in enumerate(parts):
        path = f"{path}.{part}" if path else part
        if position == len(parts) - 1 and is_array:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = f"{path}[{counts[path]}]"
    return path
