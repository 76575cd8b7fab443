"""What a driver gets for lending the battery: the scenario's ``[contract]`` table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
PPM = 1_000_000
Money = Annotated[float, msgspec.Meta(ge=0, le=1e5, description="Amount [currency]")]


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Payment from the operator to a driver.

    The payment is the larger of the share of the gain and the guaranteed minimum, plus the
    compensation for discharged energy. The gain is what the vehicle's energy cost under
    uncontrolled charging minus what it cost now, both at statement prices and never below zero.
    """

    share_of_gain: Annotated[
        float, msgspec.Meta(ge=0, le=1, description="Part of the vehicle's gain [-]")
    ] = 0.0
    guaranteed_minimum_per_day: Annotated[
        Money,
        msgspec.Meta(
            description="Least payment for each local day on which the vehicle was plugged in "
            "[currency/day]"
        ),
    ] = 0.0
    compensation_per_discharged_kwh: Annotated[
        Money,
        msgspec.Meta(description="Paid for energy given at the plug [currency/kWh]"),
    ] = 0.0
    opt_out: Annotated[
        list[str],
        msgspec.Meta(
            description="Vehicles whose drivers take no part: charged at once, never "
            "discharged, not paid [-]"
        ),
    ] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    """What the operator pays drivers [nano-currency]; every array has shape (vehicles,)."""

    share_of_gain_nano: Ints
    minimum_top_up_nano: Ints
    compensation_nano: Ints

    @property
    def total_nano(self) -> Ints:
        """All that each driver gets [nano-currency], shape (vehicles,)."""
        return self.share_of_gain_nano + self.minimum_top_up_nano + self.compensation_nano


def payments(
    contract: Contract,
    vehicle_ids: tuple[str, ...],
    gain_nano: Ints,
    plugged_days: Ints,
    given_wh: Ints,
) -> Payments:
    """Return what each driver gets.

    Parameters
    ----------
    contract
        As the scenario states it; its shares and amounts are rounded once, to millionths.
    vehicle_ids
        Names, to find those who opted out.
    gain_nano
        Cost of the vehicle's energy under uncontrolled charging minus now [nano-currency].
    plugged_days
        Local days on which the vehicle was plugged in.
    given_wh
        Energy given at the plug [Wh].

    Returns
    -------
    Rounded down to whole nano-currency.
    """
    out = set(contract.opt_out)
    taking_part = np.array([name not in out for name in vehicle_ids], dtype=np.int64)
    gain = np.maximum(gain_nano, 0) * taking_part
    part = _millionths(contract.share_of_gain)
    # Split, so that a gain times a million need not fit into 64 bits.
    share = gain // PPM * part + gain % PPM * part // PPM
    minimum = _millionths(contract.guaranteed_minimum_per_day) * 1000 * plugged_days * taking_part
    compensation = _millionths(contract.compensation_per_discharged_kwh) * given_wh * taking_part
    return Payments(
        share_of_gain_nano=share,
        minimum_top_up_nano=np.maximum(minimum - share, 0),
        compensation_nano=compensation,
    )


def _millionths(value: float) -> int:
    return round(value * PPM)
