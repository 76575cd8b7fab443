"""Potential of a graphite anode against lithium: the stress of storage at a state of charge.

[1] M. Safari, C. Delacourt, J. Electrochem. Soc. 158 (2011) A562, doi:10.1149/1.3567007.
[2] M. Schimpe et al., J. Electrochem. Soc. 165 (2018) A181, doi:10.1149/2.1181714jes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

AT_HALF_V = 0.123


def anode_potential_v(soc: Floats) -> Floats:
    """Anode potential by state of charge [V]: equation of [1], lithiation window of [2].

    The same for all cells, whatever their cathode, as the fits of the cell models took it.
    """
    x = 0.0085 + soc * (0.78 - 0.0085)
    potential: Floats = (
        0.6379
        + 0.5416 * np.exp(-305.5309 * x)
        + 0.044 * np.tanh(-(x - 0.1958) / 0.1088)
        - 0.1978 * np.tanh((x - 1.0571) / 0.0854)
        - 0.6875 * np.tanh((x + 0.0117) / 0.0529)
        - 0.0175 * np.tanh((x - 0.5692) / 0.0875)
    )
    return potential


def relative_potential(soc: Floats) -> Floats:
    """Anode potential relative to that near half charge."""
    return anode_potential_v(soc) / AT_HALF_V
