"""Money in the report: every bill, who pays which part, and that the parts add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.study._report_html import paragraph, table
from gridtide.study._report_words import MINUS, count, money, number, short_name
from gridtide.study.record import Columns
from gridtide.study.result import Result, StrategyResult

NANO = 10**9
MOST_VEHICLES = 10
KINDS = {
    "energy_import": "Energy drawn",
    "grid_fee": "Grid fee",
    "tax": "Tax",
    "energy_export": "Energy fed in",
    "refund": "Refund on re-exported energy",
    "demand": "Demand charge",
    "fixed": "Fixed charges",
}


@dataclass(frozen=True, slots=True)
class Account:
    """Sums of one account's lines: energy [Wh] and amounts [nano-currency], exact."""

    name: str
    taken_wh: int
    given_wh: int
    amount_nano: int


def exact_total(amounts: npt.NDArray[np.int64]) -> int:
    """Sum whole nano-currency without overflow."""
    # Python's integers have no largest one; a statement has few enough lines for that.
    return sum(amounts.tolist())


def accounts(statement: Columns, prefix: str) -> list[Account]:
    """Return the accounts whose name begins so, in the order of the statement."""
    rows = np.flatnonzero(np.char.startswith(statement["account"].astype(np.str_), prefix))
    by_name: dict[str, list[int]] = {}
    for row in rows.tolist():
        by_name.setdefault(str(statement["account"][row]), []).append(row)
    return [_account(statement, name, at) for name, at in by_name.items()]


def _account(statement: Columns, name: str, at: list[int]) -> Account:
    kind = statement["kind"]
    taken = [r for r in at if kind[r] in ("energy_taken", "energy_import")]
    given = [r for r in at if kind[r] in ("energy_given", "energy_export")]
    return Account(
        name=name.partition(":")[2] or name,
        taken_wh=exact_total(statement["quantity"][taken]),
        given_wh=exact_total(statement["quantity"][given]),
        amount_nano=exact_total(statement["amount_nano"][at]),
    )


def nano_text(amount_nano: int) -> str:
    """Write an amount to the last nano-unit of the currency."""
    whole, rest = divmod(abs(amount_nano), NANO)
    sign = MINUS if amount_nano < 0 else ""
    return f"{sign}{whole:,}.{rest:09d}" if amount_nano else "0"


def bill_table(result: Result) -> str:
    """Every site's bill by kind of charge, one column for each strategy."""
    parts = []
    for site in result.case.scenario.site:
        rows, kinds = [], []
        for kind, label in KINDS.items():
            cells = [_by_kind(s, f"site:{site.name}", kind) for s in result.strategies.values()]
            if any(cell is not None for cell in cells):
                rows.append((label, *(_cents(cell or 0) for cell in cells)))
                kinds.append("")
        totals = [_total(s, f"site:{site.name}") for s in result.strategies.values()]
        rows.append(("Bill", *(_cents(total) for total in totals)))
        kinds.append("sum")
        head = (f"Bill of {site.name} [{result.case.currency}]",
                *(short_name(name) for name in result.strategies))  # fmt: skip
        parts.append(table(head, rows, kinds=kinds))
    return "".join(parts)


def _by_kind(strategy: StrategyResult, account: str, kind: str) -> int | None:
    lines = strategy.columns["statement"]
    mine = (lines["account"] == account) & (lines["kind"] == kind)
    return exact_total(lines["amount_nano"][mine]) if mine.any() else None


def _total(strategy: StrategyResult, account: str) -> int:
    lines = strategy.columns["statement"]
    return exact_total(lines["amount_nano"][lines["account"] == account])


def _cents(amount_nano: int) -> str:
    text = f"{abs(amount_nano) / NANO:,.2f}"
    return f"{MINUS}{text}" if amount_nano < 0 and text.strip("0.") else text


def reconciliation(result: Result) -> str:
    """Show for every strategy that what everybody pays is the bill, to the last nano-unit."""
    parts = {name: _parts_of(s) for name, s in result.strategies.items()}
    rows = [
        (label, *(nano_text(part[i]) for part in parts.values()))
        for i, label in enumerate(("Buildings pay", "Vehicles pay", "Bill", "Left over"))
    ]
    head = (
        f"Who pays the bill [{result.case.currency}]",
        *(short_name(name) for name in parts),
    )
    exact = all(part[3] == 0 for part in parts.values())
    told = (
        "The parts add up to the bill to the last billionth."
        if exact
        else "The parts do not add up to the bill: please report this as a defect."
    )
    return table(head, rows, kinds=("", "", "sum", "")) + paragraph(
        told, "note" if exact else "warning"
    )


def _parts_of(strategy: StrategyResult) -> tuple[int, int, int, int]:
    """Return buildings' part, vehicles' part, the bill, and what is left over [nano-currency]."""
    lines = strategy.columns["statement"]
    building, vehicles, bill = (
        sum(account.amount_nano for account in accounts(lines, prefix))
        for prefix in ("building:", "vehicle:", "site:")
    )
    return building, vehicles, bill, bill - building - vehicles


def vehicle_table(result: Result, strategy: StrategyResult) -> str:
    """Who pays what under one strategy; the rows add up to the bill."""
    lines, currency = strategy.columns["statement"], result.case.currency
    vehicles = sorted(accounts(lines, "vehicle:"), key=lambda a: (-a.taken_wh - a.given_wh, a.name))
    if not vehicles:
        return paragraph("No vehicle took or gave energy, so none has a statement.", "empty")
    paid = {account.name: -account.amount_nano for account in accounts(lines, "driver:")}
    worn = {account.name: account.amount_nano for account in accounts(lines, "battery:")}
    rows = [_vehicle_row(account, paid, worn) for account in vehicles[:MOST_VEHICLES]]
    others = vehicles[MOST_VEHICLES:]
    spread = _spread_sentence(vehicles, currency) if len(others) > MOST_VEHICLES else ""
    if others:
        rest = Account(
            f"{count(len(others), 'other vehicle')}",
            sum(a.taken_wh for a in others),
            sum(a.given_wh for a in others),
            sum(a.amount_nano for a in others),
        )
        sums = [{rest.name: sum(of.get(a.name, 0) for a in others)} for of in (paid, worn)]
        rows.append(_vehicle_row(rest, *sums))
    rows += [
        (f"Building {building.name}", "", "", _cents(building.amount_nano), "", "")
        for building in accounts(lines, "building:")
    ]
    bill = sum(account.amount_nano for account in accounts(lines, "site:"))
    rows.append(
        ("Bill", "", "", _cents(bill), _cents(sum(paid.values())), _cents(sum(worn.values())))
    )
    head = ("Vehicle", "Took [kWh]", "Gave [kWh]", f"Part of the bill [{currency}]",
            f"Paid to the driver [{currency}]",
            f"Battery wear, not billed [{currency}]")  # fmt: skip
    keep = [k for k in range(len(head)) if k < 4 or (k == 4 and paid) or (k == 5 and worn)]
    shown = [[row[k] for k in keep] for row in rows]
    drawn = table([head[k] for k in keep], shown, kinds=[""] * (len(rows) - 1) + ["sum"])
    return drawn + (paragraph(spread) if spread else "")


def _spread_sentence(vehicles: list[Account], currency: str) -> str:
    """Tell how parts of the bill are spread among vehicles that are too many to be listed."""
    paid = np.array([account.amount_nano for account in vehicles]) / NANO
    low, middle, high = (money(float(p), currency) for p in np.percentile(paid, (5, 50, 95)))
    return (
        f"Of {len(vehicles):,} vehicles half pay less than {middle}, one in twenty less than "
        f"{low} and one in twenty more than {high}."
    )


def _vehicle_row(account: Account, paid: dict[str, int], worn: dict[str, int]) -> tuple[str, ...]:
    return (
        account.name,
        number(account.taken_wh / 1000),
        number(account.given_wh / 1000),
        _cents(account.amount_nano),
        _cents(paid.get(account.name, 0)),
        _cents(worn.get(account.name, 0)),
    )


def payments_sentence(result: Result, strategy: StrategyResult) -> str:
    """Say what drivers are paid; it is a transfer and part of no cost above."""
    lines = strategy.columns["statement"]
    paid = -sum(account.amount_nano for account in accounts(lines, "driver:"))
    if result.case.scenario.contract is None:
        return "The scenario has no contract, so drivers are paid nothing."
    return (
        f"By the contract drivers are paid {money(paid / NANO, result.case.currency)} in all "
        f"under {short_name(strategy.name)}: a transfer from the operator, beside the net cost."
    )
