"""Reads the pages of the documentation and runs what they show, as a newcomer would.

A page's snippets share one folder and one Python namespace, in the order of the page. The info
string of a fence says what happens to it:

- ``python``: executed. ``sh``: each line is run with the ``gridtide`` command on the path;
  ``make`` targets are looked up and not run, and so are ``pip``, ``git``, ``cd``.
- ``sh exit=2``: the last line must end with this code. ``sh norun``: the command must exist.
- ``… file=NAME``: written to NAME in the folder instead.
- ``diff file=NAME``: lines with ``-`` stand in the file once and become those with ``+``.
- ``toml``: read as a part of a scenario. ``json``: read.
- ``text`` after ``python`` or ``sh``: its lines appear in the output, in this order; ``…``
  stands for anything, numbers may differ by a fiftieth. ``text like``: numbers are not compared.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
)
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
_NOT_RUN = ("pip", "git", "cd", "python3.11")
_TOLERANCE = 0.02


@dataclass(frozen=True)
class Snippet:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    options: dict[str, str]
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def snippets(page: str) -> list[Snippet]:
    """Return the fenced blocks of a page in their order."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        options = dict(part.partition("=")[::2] for part in match[2].split())
        line = text[: match.start()].count("\n") + 1
        found.append(Snippet(page, line, match[1], options, match[3]))
    return found


@dataclass
class Reader:
    """Someone who pastes a page's snippets one after another."""

    folder: Path
    said: str = ""
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__page__"})

    def follow(self, snippet: Snippet) -> None:
        """Do what a snippet says."""
        if "file" in snippet.options and snippet.language != "diff":
            (self.folder / snippet.options["file"]).write_text(snippet.text, encoding="utf-8")
            return
        action = getattr(self, f"_{snippet.language}", None)
        assert action is not None, f"{snippet}: nobody knows what to do with {snippet.language}"
        action(snippet)

    def _python(self, snippet: Snippet) -> None:
        heard = io.StringIO()
        code = compile("\n" * snippet.line + snippet.text, snippet.page, "exec")
        with contextlib.redirect_stdout(heard):
            exec(code, self.names)
        self.said = heard.getvalue()

    def _sh(self, snippet: Snippet) -> None:
        self.said = ""
        lines = [line for line in snippet.text.splitlines() if line.strip()]
        if "norun" in snippet.options:
            lines = [f"{' '.join(line.split()[:2])} --help" for line in lines]
        for line in lines:
            code = self._run(line, snippet)
            expected = int(snippet.options.get("exit", 0)) if line is lines[-1] else 0
            assert code == expected, f"{snippet}: {line!r} ended with {code}:\n{self.said}"

    def _run(self, line: str, snippet: Snippet) -> int:
        words = shlex.split(line, comments=True)
        if not words or words[0] in _NOT_RUN:
            return 0
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
            return 0
        assert words[0] in ("gridtide", "python"), f"{snippet}: {words[0]} is not checked"
        if words[0] == "python" and words[1].startswith("docs/"):
            assert (REPOSITORY / words[1]).is_file(), f"{snippet}: there is no {words[1]}"
            return 0
        scripts = sysconfig.get_path("scripts")
        path = os.pathsep.join([str(Path(sys.executable).parent), scripts, os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "COLUMNS": "200"}
        done = subprocess.run(
            words, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        self.said += done.stdout + done.stderr
        return done.returncode

    def _diff(self, snippet: Snippet) -> None:
        path = self.folder / snippet.options["file"]
        lines = snippet.text.splitlines()
        before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
        after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{snippet}: {before!r} is not once in {path.name}"
        path.write_text(text.replace(before, after), encoding="utf-8")

    def _toml(self, snippet: Snippet) -> None:
        from gridtide.core import read_record
        from gridtide.study import Scenario

        _, findings = read_record(Scenario, tomllib.loads(snippet.text), lambda path: path)
        wrong = [f for f in findings if not f.what.endswith("is missing")]
        assert not wrong, f"{snippet}: {wrong}"

    def _json(self, snippet: Snippet) -> None:
        json.loads(snippet.text)

    def _math(self, snippet: Snippet) -> None:
        """Equations are read, not run."""

    def _text(self, snippet: Snippet) -> None:
        within = math.inf if "like" in snippet.options else _TOLERANCE
        said = self.said
        for line in filter(str.strip, snippet.text.splitlines()):
            end = find(line, said, within)
            assert end is not None, (
                f"{snippet}: {line!r} is not said, or not in this order:\n{said}"
            )
            said = said[end:]


def find(expected: str, said: str, within: float = _TOLERANCE) -> int | None:
    """Find a line in what was said, and return where it ends.

    Spaces and line breaks do not count, … is anything in a line, numbers may differ a little.
    """
    numbers = [float(n.replace(",", "")) for n in _NUMBER.findall(expected)]
    words = [_pattern(part) for part in _NUMBER.split(" ".join(expected.split()))]
    pattern = rf"(?<![\d.])({_NUMBER.pattern})(?![\d])".join(words)
    for match in re.finditer(pattern, said):
        found = [float(n.replace(",", "")) for n in match.groups()]
        if all(
            abs(a - b) <= within * max(abs(a), 1e-12) for a, b in zip(numbers, found, strict=True)
        ):
            return match.end()
    return None


def _pattern(words: str) -> str:
    return r".*?".join(
        re.sub(r"(\\\s|\s)+", lambda _: r"\s+", re.escape(part)) for part in words.split("…")
    )
