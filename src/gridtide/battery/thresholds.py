"""What battery telemetry is checked for, and where each check draws its line."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Check(IntEnum):
    """Code of a check of battery telemetry. Codes are stable."""

    IMPOSSIBLE_VALUE = 0
    ENERGY_AGAINST_SOC = 1
    SOC_RATE = 2
    CIRCUIT_RESIDUAL = 3
    POWER_IDENTITY = 4
    TEMPERATURE_RATE = 5
    VOLTAGE_RANGE = 6
    CAPACITY_IDENTITY = 7
    TIME_ORDER = 8
    FROZEN = 9
    REPLAYED = 10
    DECLARED_LIMITS = 11
    FLEET_OUTLIER = 12
    COORDINATED = 13
    WENT_SILENT = 14


class Thresholds(NamedTuple):
    """Where the checks draw their lines.

    The defaults are tuned on **synthetic** telemetry (``gridtide bench plausibility``, seeds 1
    to 3) for few false alarms; they were not tried on telemetry of real vehicles. Where a line
    comes from a source, the remark says so; the rest is the authors' assumption.

    Parameters
    ----------
    max_gap_s, max_step_s
        After a longer gap a new session is assumed; a longer step is not integrated [s].
    least_temperature_c, most_temperature_c
        What a pack can have: beyond it the number is no temperature in °C.
    energy_window_s
        Length of the energy window [s]; an hour, after [1]_ and [2]_.
    energy_share
        Allowed share of the energy that passed: spread of the loss law and of capacity.
    law_offset_kw
        Allowed error of the constant loss while power flows [kW].
    soc_margin, soc_session_margin
        Resolution and estimation error of a reported SOC: over a window, over a session.
    soc_lag_s
        By how much a reported SOC may lag behind [s].
    auxiliary_kwh
        What preconditioning may take past the cells, in a window [kWh].
    rate_factor
        Allowed factor on the largest power, 1.1 after [2]_.
    rate_margin
        Allowed step of SOC beside that: one step of resolution and its rounding.
    voltage_sigma_v
        Model error of the circuit, per cell [V].
    resistance_share
        Its error in resistance, as a share of the ohmic drop.
    resistance_growth
        Mean growth of resistance that is assumed.
    correlation_s
        Time after which the model's error is taken as independent [s].
    soc_sigma, soc_start_sigma
        Error of a reported SOC, and of the first one that the filter starts from.
    coulomb_share
        Error of counted charge, as a share of it.
    chi_tau_s, chi_limit
        Time constant [s] of the mean squared normalised residual, and its line.
    power_share, power_floor_kw, power_samples
        P = V·I: allowed share (3 % after [2]_), floor [kW], samples in a row.
    meter_share, meter_floor_kwh
        Registers against integrated power, and AC against DC: allowed share and floor.
    heat_capacity_kwh_per_k
        Of the pack, per kWh of capacity [kWh/K].
    heat_share, active_kw, cooling_kw_per_k, temperature_margin_k, temperature_window_s
        Heat as a share of power; power of active heating and cooling [kW]; exchange with the air
        [kW/K]; resolution and noise [K]; window [s].
    voltage_margin_v
        Beyond the chemistry's limits, per cell [V].
    capacity_span
        Smallest change of SOC from which a capacity is implied.
    capacity_sigma
        Error of an implied capacity that does not come from SOC, as a share.
    capacity_share
        Allowed difference between implied and declared capacity.
    capacity_per_month
        Allowed change in a month, 3 % after [2]_.
    capacity_slack, capacity_limit
        Of the two-sided cumulated sum of normalised implied capacities, in standard deviations.
    frozen_share, frozen_samples
        Share of capacity that passes, and samples, while no reported value moves.
    replay_matches
        Repeated fingerprints in a row; one sample in ``REPLAY_SELECT`` gives a fingerprint.
    limit_share
        Allowed rise of a declared limit in the wrong direction, as a share of the nameplate.
    silence_s
        A quantity that was reported in this session may be missing for so long [s].
    fleet_least
        Vehicles of a model below which none is compared.
    fleet_tau_s
        What is compared is how far SOC less counted energy went from its own average over
        about this time [s].
    outlier_limit, outlier_voltage_v, outlier_soc, outlier_samples
        Distance from the median in robust standard deviations, whose smallest size is per
        cell [V] and in SOC; samples in a row.
    coordinated_limit, coordinated_soc, coordinated_samples
        Distance of the fleet's mean residual from its baseline in standard errors, and the
        smallest in SOC; columns in a row.
    coordinated_tau_s
        Time constant of that baseline [s].

    References
    ----------
    .. [1] False data injection on battery state of charge, arXiv 2504.10639, 2504.10658.
    .. [2] The project's own facts on plausibility, gathered from these and arXiv 2602.10397
       and 1806.02714.
    """

    max_gap_s: float = 7200.0
    max_step_s: float = 300.0
    least_temperature_c: float = -50.0
    most_temperature_c: float = 95.0
    energy_window_s: float = 3600.0
    energy_share: float = 0.08
    law_offset_kw: float = 0.1
    soc_margin: float = 0.027
    soc_session_margin: float = 0.05
    soc_lag_s: float = 150.0
    auxiliary_kwh: float = 1.0
    rate_factor: float = 1.1
    rate_margin: float = 0.016
    voltage_sigma_v: float = 0.015
    resistance_share: float = 0.35
    resistance_growth: float = 1.2
    correlation_s: float = 14400.0
    soc_sigma: float = 0.015
    soc_start_sigma: float = 0.03
    coulomb_share: float = 0.03
    chi_tau_s: float = 900.0
    chi_limit: float = 9.0
    power_share: float = 0.03
    power_floor_kw: float = 0.15
    power_samples: float = 4.0
    meter_share: float = 0.05
    meter_floor_kwh: float = 0.25
    heat_capacity_kwh_per_k: float = 0.0017
    heat_share: float = 0.05
    active_kw: float = 4.0
    cooling_kw_per_k: float = 0.02
    temperature_margin_k: float = 2.5
    temperature_window_s: float = 600.0
    voltage_margin_v: float = 0.05
    capacity_span: float = 0.25
    capacity_sigma: float = 0.025
    capacity_share: float = 0.2
    capacity_per_month: float = 0.03
    capacity_slack: float = 0.5
    capacity_limit: float = 5.0
    frozen_share: float = 0.02
    frozen_samples: float = 10.0
    replay_matches: float = 3.0
    limit_share: float = 0.25
    silence_s: float = 900.0
    fleet_least: float = 12.0
    fleet_tau_s: float = 900.0
    outlier_limit: float = 6.0
    outlier_voltage_v: float = 0.007
    outlier_soc: float = 0.006
    outlier_samples: float = 10.0
    coordinated_limit: float = 5.0
    coordinated_soc: float = 0.003
    coordinated_samples: float = 3.0
    coordinated_tau_s: float = 21600.0
