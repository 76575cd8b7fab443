"""Grid services by their markets' own rules: catalogue, activation, scores, settlement lines."""

from gridtide.services.activation import (
    Plausible,
    droop,
    knee,
    one_sided,
    plausible,
    staggered,
    switched,
    target_kw,
)
from gridtide.services.baseline import before_event, high_four_of_five, ten_in_ten
from gridtide.services.imbalance import (
    ORDER_890,
    ORDER_890_INTERMITTENT,
    Tier,
    dual_price_cost,
    single_price_cost,
    split_mwh,
    tiered_cost,
    within_aggregate,
)
from gridtide.services.product import Product, catalogue, product_named
from gridtide.services.respond import generated, quantity, response
from gridtide.services.scoring import score
from gridtide.services.settle import (
    Line,
    capacity_line,
    demand_charge_line,
    energy_line,
    payment_factor,
    reactive_lines,
    regulation_lines,
    response_lines,
    spin_lines,
    total_nano,
)
from gridtide.services.settling import inputs_of, settle
from gridtide.services.table import ServiceTable

__all__ = [
    "ORDER_890",
    "ORDER_890_INTERMITTENT",
    "Line",
    "Plausible",
    "Product",
    "ServiceTable",
    "Tier",
    "before_event",
    "capacity_line",
    "catalogue",
    "demand_charge_line",
    "droop",
    "dual_price_cost",
    "energy_line",
    "generated",
    "high_four_of_five",
    "inputs_of",
    "knee",
    "one_sided",
    "payment_factor",
    "plausible",
    "product_named",
    "quantity",
    "reactive_lines",
    "regulation_lines",
    "response",
    "response_lines",
    "score",
    "settle",
    "single_price_cost",
    "spin_lines",
    "split_mwh",
    "staggered",
    "switched",
    "target_kw",
    "ten_in_ten",
    "tiered_cost",
    "total_nano",
    "within_aggregate",
]
