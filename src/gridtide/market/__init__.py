"""Bills and statements from meter registers, exact to the last nano-currency."""

from gridtide.market.bill import (
    DemandCharged,
    IntervalPrices,
    SiteBill,
    interval_prices,
    reexported_wh,
    site_bill,
)
from gridtide.market.contract import Contract, Payments, payments
from gridtide.market.meter_rows import ChargerRows, SiteRows, charger_rows, site_rows
from gridtide.market.settlement import Settlement, settle_site
from gridtide.market.statement import (
    Statement,
    driver_payments,
    one_currency,
    plugged_days,
    priced_site_rows,
    statements,
)

__all__ = [
    "ChargerRows",
    "Contract",
    "DemandCharged",
    "IntervalPrices",
    "Payments",
    "Settlement",
    "SiteBill",
    "SiteRows",
    "Statement",
    "charger_rows",
    "driver_payments",
    "interval_prices",
    "one_currency",
    "payments",
    "plugged_days",
    "priced_site_rows",
    "reexported_wh",
    "settle_site",
    "site_bill",
    "site_rows",
    "statements",
]
