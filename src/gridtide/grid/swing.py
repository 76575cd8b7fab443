"""What a loss of generation does to the frequency, with and without a fleet.

One mass for a whole system: no secondary control, no network. In the long run the deviation is
what damping and reserves leave, ``f0 - (loss - response)/D``: that is a steady state, not a nadir.
Model card: ``docs/models/frequency.md``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from gridtide.core import Finding, InputError, read_record
from gridtide.grid._kernel_swing import Reserve, swing

Floats = npt.NDArray[np.float64]

STEP_S = 0.01


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A loss of generation."""

    at_s: Annotated[float, Meta(ge=0, description="When [s]")]
    loss_mw: Annotated[float, Meta(description="How much is missing from then on [MW]")]
    what: Annotated[str, Meta(description="What was lost")]


class Droop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reserve that answers the frequency."""

    power_mw: Annotated[float, Meta(ge=0, description="At full deviation [MW]")]
    deadband_hz: Annotated[float, Meta(ge=0, description="No answer within [Hz]")] = 0.015
    full_hz: Annotated[float, Meta(gt=0, description="Deviation of full power [Hz]")] = 0.5
    window_s: Annotated[float, Meta(ge=0, description="Mean that is measured over [s]")] = 0.0
    delay_s: Annotated[float, Meta(ge=0, description="Pure delay [s]")] = 0.0
    lag_s: Annotated[float, Meta(ge=0, description="First-order lag [s]")] = 0.0
    rate_mw_s: Annotated[float, Meta(gt=0, description="Largest change of power [MW/s]")] = 1e12
    stairs: Annotated[
        int, Meta(ge=0, description="Levels of a droop in whole amperes; 0 for a smooth one")
    ] = 0
    energy_mwh: Annotated[float, Meta(ge=0, description="What it can give [MWh]")] = 1e9

    def compiled(self) -> Reserve:
        """Return what compiled code takes."""
        return Reserve(
            power=self.power_mw,
            deadband_hz=self.deadband_hz,
            full_hz=self.full_hz,
            window_s=self.window_s,
            delay_s=self.delay_s,
            lag_s=self.lag_s,
            rate_mw_s=self.rate_mw_s,
            stairs=float(self.stairs),
            energy_mws=3600.0 * self.energy_mwh,
        )


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A system and what it lost."""

    name: Annotated[str, Meta(description="Name on the command line")]
    title: Annotated[str, Meta(description="What happened")]
    nominal_hz: Annotated[float, Meta(gt=0, description="[Hz]")]
    stored_mws: Annotated[float, Meta(gt=0, description="Kinetic energy [MW·s]")]
    demand_mw: Annotated[float, Meta(gt=0, description="Load [MW]")]
    damping_per_hz: Annotated[
        float, Meta(ge=0, description="Load that falls with each Hz, in parts of it [1/Hz]")
    ]
    primary: Annotated[Droop, Meta(description="Response that was there")]
    events: Annotated[list[Event], Meta(min_length=1, description="What was lost when")]
    shed_hz: Annotated[float, Meta(gt=0, description="Where load is shed [Hz]")]
    second_s: Annotated[
        float, Meta(gt=0, description="When the second series of losses begins [s]")
    ]
    duration_s: Annotated[float, Meta(gt=0, description="How long is looked at [s]")]
    sources: Annotated[list[str], Meta(min_length=1, description="Where it was read")]
    unverified: Annotated[list[str], Meta(description="What could not be checked")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """A run; arrays of shape (steps + 1,).

    Parameters
    ----------
    time_s, frequency_hz
        [s], [Hz].
    primary_mw, fleet_mw
        What both reserves gave, + is into the grid [MW].
    """

    time_s: Floats
    frequency_hz: Floats
    primary_mw: Floats
    fleet_mw: Floats

    def lowest_hz(self, before_s: float = np.inf) -> float:
        """Lowest frequency, of the time before an instant [Hz]."""
        return float(self.frequency_hz[self.time_s < before_s - 1e-9].min())

    def seconds_below(self, frequency_hz: float) -> float:
        """Time spent below a frequency [s]."""
        step = float(self.time_s[1] - self.time_s[0])
        return float((self.frequency_hz[1:] < frequency_hz).sum()) * step

    @property
    def first_rocof_hz_s(self) -> float:
        """Rate of change of the frequency in the first tenth of a second [Hz/s]."""
        steps = max(round(0.1 / float(self.time_s[1] - self.time_s[0])), 1)
        return float((self.frequency_hz[steps] - self.frequency_hz[0]) / self.time_s[steps])


@cache
def cases() -> dict[str, Case]:
    """Read the cases that come with gridtide, by name."""
    folder = resources.files("gridtide.grid") / "cases"
    found: dict[str, Case] = {}
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            data = tomllib.loads(file.read_text(encoding="utf-8"))
            case, findings = read_record(Case, data, str)
            if case is None or findings:
                raise InputError(findings)
            found[case.name] = case
    return found


def case_named(name: str) -> Case:
    """Return a case by its name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    known = cases()
    if name not in known:
        mend = f"Known: {', '.join(known)}"
        raise InputError([Finding(f"case {name}", "is not known", mend)])
    return known[name]


def run_case(case: Case, fleet: Droop | None = None, *, step_s: float = STEP_S) -> Swing:
    """Run a case with a fleet that answers the frequency; None for none.

    Raises
    ------
    InputError
        If the fleet's droop is not one, or its numbers are none.
    """
    fleet = fleet or Droop(power_mw=0.0)
    check_droop(fleet)
    steps = round(case.duration_s / step_s)
    time_s = np.linspace(0.0, step_s * steps, steps + 1)
    loss = np.zeros(steps)
    for event in case.events:
        loss[time_s[:-1] >= event.at_s - 1e-9] += event.loss_mw
    frequency, primary, given = swing(
        steps, step_s, case.nominal_hz, case.stored_mws, case.damping_per_hz * case.demand_mw,
        loss, case.primary.compiled(), fleet.compiled(),
    )  # fmt: skip
    return Swing(time_s=time_s, frequency_hz=frequency, primary_mw=primary, fleet_mw=given)


def check_droop(droop: Droop) -> None:
    """Check a droop that did not come from a file.

    Raises
    ------
    InputError
        With a finding for each number that cannot be used.
    """
    data = msgspec.structs.asdict(droop)
    _, findings = read_record(Droop, data, lambda path: f"fleet {path}")
    findings += [
        Finding(f"fleet {name}", f"{value} is no number", "Write a number")
        for name, value in data.items()
        if np.isinf(value)
    ]
    if droop.deadband_hz >= droop.full_hz:
        what = f"full at {droop.full_hz:g} Hz, within the deadband of {droop.deadband_hz:g} Hz"
        findings.append(Finding("fleet full_hz", what, "Give a larger deviation for full power"))
    if findings:
        raise InputError(findings)


def with_damping(case: Case, damping_per_hz: float) -> Case:
    """Return the case with another damping of the load [1/Hz]."""
    if not 0.0 <= damping_per_hz <= 1.0:
        what = f"{damping_per_hz:g} per Hz"
        raise InputError([Finding("damping", what, "Write a share per Hz, such as 0.025")])
    return msgspec.structs.replace(case, damping_per_hz=damping_per_hz)
