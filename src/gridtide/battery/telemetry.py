"""What vehicles and stations report about batteries, and what is declared of each vehicle."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from gridtide.battery.losses import DEFAULT_LAW
from gridtide.core import Finding, InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """Samples of n vehicles, m of each; every array has the shape (n, m).

    A live system hands over one column at a time (m = 1), a study a month of them; samples of
    one column are of about the same instant. What a station does not report is NaN.

    Parameters
    ----------
    time_s
        When the sample was taken, as the station says [s since 1970-01-01 UTC]; NaN: no sample.
    session
        Running number of the stay at a charger; -1 where the vehicle is not plugged in.
    soc
        State of charge of the present usable capacity, as the vehicle reports it [0..1].
    power_ac_kw, power_dc_kw
        Power at the plug and at the pack's terminals [kW], positive while charging.
    voltage_v
        Voltage of the **pack** at its terminals [V]. Where only a mean cell voltage is known,
        multiply it by the cells in series.
    current_a
        Current of the pack [A], positive while charging.
    temperature_c, ambient_c
        Of the pack and of the air around it [°C].
    energy_in_kwh, energy_out_kwh
        Registers at the plug, only going up [kWh].
    charge_limit_kw, discharge_limit_kw
        What the vehicle declares to be possible now at the plug [kW]; both >= 0.
    """

    time_s: Floats
    session: Ints
    soc: Floats
    power_ac_kw: Floats
    power_dc_kw: Floats
    voltage_v: Floats
    current_a: Floats
    temperature_c: Floats
    ambient_c: Floats
    energy_in_kwh: Floats
    energy_out_kwh: Floats
    charge_limit_kw: Floats
    discharge_limit_kw: Floats

    def __post_init__(self) -> None:
        shapes = {field.name: getattr(self, field.name).shape for field in fields(self)}
        if len(set(shapes.values())) != 1 or self.time_s.ndim != 2:
            raise ValueError(f"all arrays need one shape (vehicles, samples), got {shapes}")

    @classmethod
    def of(
        cls, time_s: npt.ArrayLike, session: npt.ArrayLike = 0, **reported: npt.ArrayLike
    ) -> Self:
        """Bring what is reported to one shape; the rest is NaN.

        Parameters
        ----------
        time_s
            Shape (n, m), or (n,) for one sample of n vehicles.
        session, reported
            Fields of the class by name; arrays of that shape or numbers.

        Raises
        ------
        ValueError
            If a name is not known, or a shape does not fit.
        """
        unknown = set(reported) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"telemetry has no {', '.join(sorted(unknown))}")
        time = np.asarray(time_s, dtype=np.float64)
        shape = time.shape if time.ndim == 2 else (time.size, 1)

        def column(name: str) -> Floats:
            values = np.asarray(reported.get(name, np.nan), dtype=np.float64)
            values = values.reshape(shape) if values.ndim == 1 and shape[1] == 1 else values
            return np.ascontiguousarray(np.broadcast_to(values, shape))

        stays = np.asarray(session, dtype=np.int64)
        stays = stays.reshape(shape) if stays.ndim == 1 and shape[1] == 1 else stays
        return cls(
            time_s=np.ascontiguousarray(time.reshape(shape)),
            session=np.ascontiguousarray(np.broadcast_to(stays, shape)),
            **{f.name: column(f.name) for f in fields(cls) if f.name not in ("time_s", "session")},
        )

    def between(self, first: int, end: int) -> Self:
        """Take the samples ``first`` to ``end`` (not included) of every vehicle."""
        return type(self)(
            **{
                field.name: np.ascontiguousarray(getattr(self, field.name)[:, first:end])
                for field in fields(self)
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameplate:
    """What is declared of each vehicle once; arrays of shape (n,).

    Parameters
    ----------
    capacity_kwh
        Usable capacity now, as declared [kWh].
    max_charge_kw, max_discharge_kw
        What charger and vehicle allow together, at the plug [kW]; both >= 0.
    cells_in_series
        Cells in series in the pack; NaN where unknown.
    chemistry
        Name of each vehicle's equivalent circuit; empty where unknown, shape (n,).
    loss_law
        ``a [kW], b [-], c [1/kW]`` of the charger, shape (n, 3).
    model
        Running number of the vehicle model; vehicles of one model are compared.
    """

    capacity_kwh: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats
    cells_in_series: Floats
    chemistry: tuple[str, ...]
    loss_law: Floats
    model: Ints

    def __post_init__(self) -> None:
        findings = [
            Finding(f"{name}[{i}]", f"{values[i]:g} is no {what}", f"Write a number {mend}")
            for name, values, right, what, mend in (
                ("capacity_kwh", self.capacity_kwh, self.capacity_kwh > 0, "capacity", "above 0"),
                ("max_charge_kw", self.max_charge_kw, self.max_charge_kw >= 0, "power", "from 0"),
                (
                    "max_discharge_kw",
                    self.max_discharge_kw,
                    self.max_discharge_kw >= 0,
                    "power",
                    "from 0",
                ),
            )
            for i in np.flatnonzero(~(right & np.isfinite(values)))
        ]
        if findings:
            raise InputError(findings)

    def __len__(self) -> int:
        """Count the vehicles."""
        return int(self.capacity_kwh.size)

    @classmethod
    def of(
        cls,
        capacity_kwh: npt.ArrayLike,
        *,
        max_charge_kw: npt.ArrayLike = 11.0,
        max_discharge_kw: npt.ArrayLike = 11.0,
        cells_in_series: npt.ArrayLike = np.nan,
        chemistry: str | tuple[str, ...] = "",
        loss_law: npt.ArrayLike = DEFAULT_LAW,
        model: npt.ArrayLike = 0,
    ) -> Self:
        """Bring what is declared to one length; a single value holds for all vehicles."""
        capacity = np.atleast_1d(np.asarray(capacity_kwh, dtype=np.float64))
        n = capacity.size

        def each(value: npt.ArrayLike) -> Floats:
            return np.ascontiguousarray(np.broadcast_to(np.asarray(value, dtype=np.float64), (n,)))

        return cls(
            capacity_kwh=capacity,
            max_charge_kw=each(max_charge_kw),
            max_discharge_kw=each(max_discharge_kw),
            cells_in_series=each(cells_in_series),
            chemistry=(chemistry,) * n if isinstance(chemistry, str) else chemistry,
            loss_law=np.ascontiguousarray(np.broadcast_to(np.asarray(loss_law, float), (n, 3))),
            model=np.ascontiguousarray(np.broadcast_to(np.asarray(model, np.int64), (n,))),
        )
