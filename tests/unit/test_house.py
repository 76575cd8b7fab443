"""The house keeps its own rules."""

import importlib
import re
import subprocess
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    "core",
    "battery",
    "grid",
    "signals",
    "store",
    "fleet",
    "plan",
    "control",
    "market",
    "sim",
    "study",
)


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_offers_is_listed_exactly(room):
    module = importlib.import_module(f"gridtide.{room}")
    borrowed = {"annotations", "Any", "Path", "Mapping"}
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert module.__all__ == sorted(
        module.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n)
    )
    assert set(module.__all__) == public - borrowed
    assert module.__doc__


def test_no_file_is_longer_than_500_lines():
    long = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src").rglob("*.py")
        if len(path.read_text().splitlines()) > 500
    ]
    assert long == []


def test_the_lock_file_holds_names_and_versions_only():
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line), line


def test_every_dependency_is_locked():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    locked = {
        line.split("==")[0].lower()
        for line in (ROOT / "requirements.lock").read_text().splitlines()
    }
    assert {re.split(r"[<>=]", name)[0].lower() for name in wanted} <= locked


def test_no_published_data_and_no_large_file_is_tracked():
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        path = ROOT / name
        assert not name.endswith((".csv.gz", ".xls", ".dss")), name
        assert not path.is_file() or path.stat().st_size < 1_000_000, name
