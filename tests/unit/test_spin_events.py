"""Events of the published workbook, and what is told where it cannot be read."""

from __future__ import annotations

import builtins

import pytest

from gridtide.core import InputError
from gridtide.signals import read_spin_events


def test_no_workbook_is_a_finding(tmp_path):
    path = tmp_path / "events.xls"
    with pytest.raises(InputError, match="no workbook"):
        read_spin_events(path)
    path.write_text("start,end\n")
    with pytest.raises(InputError, match="no workbook"):
        read_spin_events(path)


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *given, **named):
        if name == "xlrd":
            raise ImportError(name)
        return real(name, *given, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="extra xls"):
        read_spin_events(tmp_path / "events.xls")
