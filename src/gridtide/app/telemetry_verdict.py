"""`gridtide battery doubt`: judge the telemetry in a file, and tell the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridtide.battery import Check, Verdict


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
    from gridtide.battery import CIRCUITS, Detector, Nameplate, read_telemetry_csv
    from gridtide.core import Finding, InputError

    findings: list[Finding] = []
    if chemistry and chemistry not in CIRCUITS:
        known = f"Known: {', '.join(CIRCUITS)}"
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


def verdict_text(answer: dict[str, Any]) -> str:
    """Tell the verdict first, then its evidence, then what was not checked."""
    lines = [f"{answer['standing']}, after {answer['samples']} samples"]
    if not answer["may_discharge"]:
        lines[0] += ": charges by its own limits, does not discharge until cleared"
    lines += [f"  {e['check']} since {e['since']}: {e['sentence']}" for e in answer["evidence"]]
    if answer["not_checked"]:
        lines.append(f"  not checked, for want of data: {', '.join(answer['not_checked'])}")
    return "\n".join(lines)
