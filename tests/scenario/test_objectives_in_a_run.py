"""Weights of a scenario reach its plans: a run with a weight on flatness has a flatter load."""

from __future__ import annotations

import numpy as np
import pytest

from gridtide.core import InputError
from gridtide.study import load, run, write_starter


def ran(folder, objective):
    path = write_starter("depot", folder / f"depot{len(objective)}.toml")
    text = path.read_text(encoding="utf-8").replace("days = 3", "days = 1")
    text = text.replace('run = ["uncontrolled", "v1g", "v2g"]', 'run = ["v2g"]')
    path.write_text(text.replace("[objective]\n", f"[objective]\n{objective}\n"))
    return run(load(path)).strategies["v2g"]


def power_kw(strategy):
    site = strategy.columns["site"]
    return (site["import_wh"].astype(float) - site["export_wh"]) * 4 / 1000


def test_a_weight_on_variance_flattens_the_day(tmp_path):
    plain, flat = ran(tmp_path, ""), ran(tmp_path, "variance = 0.02")
    assert np.var(power_kw(flat)) < 0.9 * np.var(power_kw(plain))
    assert flat.summary["energy_cost"] > plain.summary["energy_cost"]
    assert flat.summary["shortfall_kwh"] <= plain.summary["shortfall_kwh"] + 1e-6


def test_a_negative_weight_is_a_finding(tmp_path):
    with pytest.raises(InputError, match="variance"):
        ran(tmp_path, "variance = -1.0")
