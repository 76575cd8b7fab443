"""Reference numbers of cell ageing, made with BLAST-Lite 1.1.1 (BSD-3-Clause).

BLAST-Lite pins numpy < 2, so it has an environment of its own:

    python -m venv /tmp/blast && /tmp/blast/bin/pip install blast-lite==1.1.1
    /tmp/blast/bin/python scripts/blast_fixture.py tests/reference/ageing/blast_lite.json

Each case repeats one day for ten years (``is_constant_input``): storage over states of charge and
temperatures, and daily cycles over levels, temperatures and a temperature that swings.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

MODELS = {
    "nmc111_kokam75": "Nmc111_Gr_Kokam75Ah_Battery",
    "nmc622_denso50": "Nmc622_Gr_DENSO50Ah_Battery",
    "nmc_a75": "NMC_Gr_75Ah_A",
    "nmc_b1_50": "NMC_Gr_50Ah_B1",
    "nmc_b2_50": "NMC_Gr_50Ah_B2",
    "nmc811si_lgm50": "Nmc811_GrSi_LGM50_5Ah_Battery",
    "nmc811si_lgmj1": "Nmc811_GrSi_LGMJ1_4Ah_Battery",
    "nmc_sanyo215": "Nmc111_Gr_Sanyo2Ah_Battery",
    "nca_panasonic32": "Nca_Gr_Panasonic3Ah_Battery",
    "nca_si_vtc5a": "NCA_GrSi_SonyMurata2p5Ah_Battery",
    "lfp_250": "Lfp_Gr_250AhPrismatic",
    "lfp_sony3": "Lfp_Gr_SonyMurata3Ah_Battery",
    "lmo_leaf_2nd": "Lmo_Gr_NissanLeaf66Ah_2ndLife_Battery",
}
STORAGE = [(s, t) for s in (0.1, 0.35, 0.5, 0.8, 1.0) for t in (5, 15, 25, 40)]
CYCLES = [
    (top, bottom, t, swing)
    for top, bottom in ((1.0, 0.0), (1.0, 0.6), (0.9, 0.1), (0.8, 0.3), (0.55, 0.35))
    for t in (10, 25, 35)
    for swing in (0, 8)
]
YEARS = 10


def a_day(top: float, bottom: float) -> np.ndarray:
    """Hourly states of charge, 25 nodes: full by night, out from 8 to 11, in from 18 to 22."""
    hours = [0, 8, 11, 18, 22, 24]
    return np.interp(np.arange(25), hours, [top, top, bottom, bottom, top, top])


def a_heat(mean_c: float, swing_c: float) -> np.ndarray:
    """Hourly temperatures, warmest at 15 h."""
    return mean_c + swing_c * np.cos(2 * np.pi * (np.arange(25) - 15) / 24)


def run(cls: type, soc: np.ndarray, heat: np.ndarray) -> dict[str, Any]:
    """Repeat a day for ten years; capacity and resistance at the end of each year."""
    cell = cls()
    # The Leaf model does not name this stressor, which repeating then looks for.
    cell.stressors.setdefault("dod", np.array([np.nan]))
    series = {"Time_s": np.arange(25) * 3600.0, "SOC": soc, "Temperature_C": heat}
    cell.simulate_battery_life(series, threshold_time=YEARS, is_constant_input=True)
    at = np.arange(YEARS + 1) * 365
    outputs = {
        k: np.asarray(cell.outputs[k], dtype=float)[at].tolist()
        for k in ("q", "r")
        if k in cell.outputs
    }
    return {"efc_per_day": float(cell.stressors["delta_efc"][-1]), **outputs}


def main(path: Path) -> None:
    """Write the reference numbers."""
    from blast import models

    out: dict[str, Any] = {"tool": "blast-lite 1.1.1", "years": YEARS, "models": {}}
    for name, cls_name in MODELS.items():
        cls = getattr(models, cls_name)
        storage = [
            {"soc": s, "temperature_c": t, **run(cls, np.full(25, float(s)), a_heat(t, 0))}
            for s, t in STORAGE
        ]
        cycles = [
            {
                "top": top,
                "bottom": bottom,
                "temperature_c": t,
                "swing_c": swing,
                **run(cls, a_day(top, bottom), a_heat(t, swing)),
            }
            for top, bottom, t, swing in CYCLES
        ]
        out["models"][name] = {"storage": storage, "cycles": cycles}
        print(name, file=sys.stderr)
    path.write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
