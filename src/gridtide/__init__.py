"""gridtide plans, operates and settles the charging and discharging of electric-vehicle fleets.

>>> import gridtide
>>> case = gridtide.load("scenarios/campus.toml")            # doctest: +SKIP
>>> result = gridtide.run(case)                              # doctest: +SKIP
>>> result.strategies["v2g"].table("sessions")               # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridtide import plan as plan
    from gridtide.study import load, run

__version__ = "0.1.0"
__all__ = ["load", "plan", "run"]


def __getattr__(name: str) -> Any:
    """Import the three verbs when they are first used: `gridtide --help` needs none of them."""
    if name not in __all__:
        raise AttributeError(f"module 'gridtide' has no attribute {name!r}")
    import importlib

    if name == "plan":
        return importlib.import_module("gridtide.plan")
    return getattr(importlib.import_module("gridtide.study"), name)
