"""Prices, tariffs, carbon, base load, sun and weather, as series on the run's time grid."""

from gridtide.signals.acn_tariff import acn_periods
from gridtide.signals.billing import BillingPeriods, day_parts
from gridtide.signals.carbon import Carbon, carbon_kg_per_kwh
from gridtide.signals.forecast import persistence, with_past
from gridtide.signals.localtime import (
    LocalTimes,
    local_times,
    midnight_s,
    one_local_day_earlier,
    read_zone,
    utc_offsets,
)
from gridtide.signals.price_files import (
    read_csv_series,
    read_ercot,
    read_sgip,
    read_sgip_forecast,
)
from gridtide.signals.prices import TariffSeries, expand_tariff, period_prices, to_micro
from gridtide.signals.profiles import (
    BaseLoad,
    Pv,
    base_load_kw,
    base_load_profile,
    pv_kw,
    pv_profile,
)
from gridtide.signals.regulation import (
    fast_regulation,
    frequency_trace,
    mileage_per_hour,
    slow_regulation,
)
from gridtide.signals.samples import Samples, read_samples
from gridtide.signals.series import Series, map_by_weekday_hour, on_grid
from gridtide.signals.solar import SunPosition, clear_sky_w_m2, plane_w_m2, sun_position
from gridtide.signals.spin_events import SpinEvent, read_spin_events
from gridtide.signals.tariff import (
    DemandCharge,
    PricePeriod,
    PriceTable,
    Tariff,
    check_tariff,
)
from gridtide.signals.weather import Weather, ambient_c, season_c

__all__ = [
    "BaseLoad",
    "BillingPeriods",
    "Carbon",
    "DemandCharge",
    "LocalTimes",
    "PricePeriod",
    "PriceTable",
    "Pv",
    "Samples",
    "Series",
    "SpinEvent",
    "SunPosition",
    "Tariff",
    "TariffSeries",
    "Weather",
    "acn_periods",
    "ambient_c",
    "base_load_kw",
    "base_load_profile",
    "carbon_kg_per_kwh",
    "check_tariff",
    "clear_sky_w_m2",
    "day_parts",
    "expand_tariff",
    "fast_regulation",
    "frequency_trace",
    "local_times",
    "map_by_weekday_hour",
    "midnight_s",
    "mileage_per_hour",
    "on_grid",
    "one_local_day_earlier",
    "period_prices",
    "persistence",
    "plane_w_m2",
    "pv_kw",
    "pv_profile",
    "read_csv_series",
    "read_ercot",
    "read_samples",
    "read_sgip",
    "read_sgip_forecast",
    "read_spin_events",
    "read_zone",
    "season_c",
    "slow_regulation",
    "sun_position",
    "to_micro",
    "utc_offsets",
    "with_past",
]
