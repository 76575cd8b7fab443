"""Commands about batteries. Every import that costs time waits for the command that needs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gridtide.battery import Check, Verdict

FILE = click.Path(path_type=Path)
POSITIVE = click.FloatRange(min=0.0, min_open=True)


def add_battery_commands(app: click.Group) -> None:
    """Add ``gridtide battery …`` to the command line."""

    @app.group()
    def battery() -> None:
        """Judge whether what a battery reports is plausible."""

    @battery.command()
    @click.argument("telemetry", type=FILE)
    @click.option("--capacity", type=POSITIVE, required=True, help="Usable capacity [kWh].")
    @click.option("--chemistry", default="", help="Chemistry of its circuit, such as nmc.")
    @click.option("--cells", type=click.IntRange(min=1), help="Cells in series in the pack.")
    @click.option("--charge-kw", type=POSITIVE, default=11.0, show_default=True, help="[kW]")
    @click.option("--discharge-kw", type=POSITIVE, default=11.0, show_default=True, help="[kW]")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    def doubt(telemetry: Path, as_json: bool, **declared: Any) -> None:
        """Check the telemetry of one vehicle in a CSV file; print verdict and evidence."""
        answer = judge_file(telemetry, **declared)
        if as_json:
            import json

            click.echo(json.dumps(answer, indent=2))
        else:
            click.echo(_in_words(answer))


def judge_file(
    telemetry: Path,
    *,
    capacity: float,
    chemistry: str,
    cells: int | None,
    charge_kw: float,
    discharge_kw: float,
) -> dict[str, Any]:
    """Check the telemetry in a file.

    Raises
    ------
    InputError
        If the file cannot be used, or there is no circuit of that chemistry.
    """
    from gridtide.battery import REFERENCE_CIRCUITS, Detector, Nameplate, read_telemetry_csv
    from gridtide.core import Finding, InputError

    findings: list[Finding] = []
    if chemistry and chemistry not in REFERENCE_CIRCUITS:
        known = f"Known: {', '.join(REFERENCE_CIRCUITS)}"
        findings.append(Finding("--chemistry", f"there is no circuit of {chemistry!r}", known))
    try:
        samples = read_telemetry_csv(telemetry)
    except InputError as error:
        raise InputError([*findings, *error.findings]) from error
    if findings:
        raise InputError(findings)
    plate = Nameplate.of(
        capacity,
        max_charge_kw=charge_kw,
        max_discharge_kw=discharge_kw,
        cells_in_series=cells or float("nan"),
        chemistry=chemistry,
    )
    detector = Detector(plate)
    detector.see(samples)
    return {"samples": samples.time_s.size, **_told(detector.verdict(0))}


def _told(verdict: Verdict) -> dict[str, Any]:
    from gridtide.core import utc

    def names(checks: tuple[Check, ...]) -> list[str]:
        return [check.name.lower() for check in checks]

    return {
        "standing": verdict.standing,
        "may_discharge": verdict.standing != "in doubt",
        "evidence": [
            {
                "check": found.check.name.lower(),
                "since": utc(found.since_s).isoformat(),
                "sentence": found.sentence,
                "measured": found.measured,
                "expected": found.expected,
                "bound": found.bound,
            }
            for found in verdict.evidence
        ],
        "checked": names(verdict.checked),
        "not_checked": names(verdict.not_checked),
    }


def _in_words(answer: dict[str, Any]) -> str:
    """Tell the verdict first, then its evidence, then what was not checked."""
    lines = [f"{answer['standing']}, after {answer['samples']} samples"]
    if not answer["may_discharge"]:
        lines[0] += ": charges by its own limits, does not discharge until cleared"
    lines += [f"  {e['check']} since {e['since']}: {e['sentence']}" for e in answer["evidence"]]
    if answer["not_checked"]:
        lines.append(f"  not checked, for want of data: {', '.join(answer['not_checked'])}")
    return "\n".join(lines)
