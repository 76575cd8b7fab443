"""Marginal emissions of the grid: the scenario's ``[carbon]`` table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError, TimeGrid
from gridtide.signals.price_files import read_csv_series, read_sgip
from gridtide.signals.series import on_grid

Floats = npt.NDArray[np.float64]


class Carbon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Marginal emission rate; the same for import and export. Exactly one of the two ways."""

    emission_kg_per_kwh: Annotated[
        float | None,
        msgspec.Meta(description="The same rate all the time [kg CO2/kWh]"),
    ] = None
    file: Annotated[
        str | None, msgspec.Meta(description="File with the rates, seen from the scenario [-]")
    ] = None
    format: Annotated[
        Literal["csv", "sgip"],
        msgspec.Meta(description="csv: time,value with offset; sgip: SGIP signal [-]"),
    ] = "csv"
    scale: Annotated[
        float, msgspec.Meta(gt=0, description="Factor from the file's unit to kg CO2/kWh [-]")
    ] = 1.0


def carbon_kg_per_kwh(
    stated: Carbon, grid: TimeGrid, find: Callable[[str], Path], where: str = "carbon"
) -> Floats:
    """Return the mean marginal rate of each step [kg CO2/kWh], shape (n,).

    Raises
    ------
    InputError
        If both or neither way is given, or the file cannot be read or leaves hours out.
    """
    if (stated.emission_kg_per_kwh is None) == (stated.file is None):
        mend = "Give either emission_kg_per_kwh or a file"
        raise InputError([Finding(where, "no rate, or two ways to get it", mend)])
    if stated.file is None:
        return np.full(grid.n, float(stated.emission_kg_per_kwh or 0.0))
    path = find(stated.file)
    values, findings = on_grid(
        read_sgip(path) if stated.format == "sgip" else read_csv_series(path), grid
    )
    if findings:
        raise InputError(findings)
    return values * stated.scale
