"""Plans written to files: Parquet for large ones, JSON for small ones.

See :mod:`gridtide.plan.stored_plan` for what a file holds. Rows are put together and written some
stays at a time, so that a plan of a million vehicles needs no second copy of itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from gridtide.plan._parquet_plan import COLUMNS, PHASES
from gridtide.plan.certificate import Certificate
from gridtide.plan.made import Plan
from gridtide.plan.problem import Ints, Problem
from gridtide.plan.stored_offers import SHARE_COLUMNS, share_columns, shares_of, stored_offer
from gridtide.plan.stored_plan import (
    HEAD_KEY,
    VERSION,
    Claims,
    Head,
    Pairs,
    StoredSlack,
    check_suffix,
    problem_digest,
    vehicles_digest,
)
from gridtide.store import whole_file

ROW_GROUP_PAIRS = 500_000


def write_plan(path: Path, plan: Plan, problem: Problem) -> Path:
    """Write a plan with its certificate, whole or not at all.

    Parameters
    ----------
    path
        Ends in ``.parquet`` or ``.json``.
    plan
        What was planned. Powers and stored values keep their precision, float32 or float64.
    problem
        What it was planned for.

    Raises
    ------
    InputError
        If the name ends otherwise.
    StorageError
        If the file cannot be written; nothing is left behind.
    """
    check_suffix(path)
    head = _head(plan, problem)
    if path.suffix == ".json":
        _write_json(path, head, plan, problem)
    else:
        _write_parquet(path, head, plan, problem)
    return path


def plugged_powers(plan: Plan, problem: Problem) -> Iterator[Pairs]:
    """Give the rows of a plan, stay by stay, step by step, some stays at a time."""
    length = _stay_lengths(problem)
    ends = np.cumsum(length)
    values = None if plan.certificate is None else plan.certificate.stored_value
    first = 0
    while first < len(length):
        before = ends[first] - length[first]
        last = max(int(np.searchsorted(ends, before + ROW_GROUP_PAIRS)), first + 1)
        stay = np.repeat(np.arange(first, min(last, len(length))), length[first:last])
        step = np.arange(len(stay)) + before - (ends - length)[stay] + _arrival(problem)[stay]
        yield Pairs(
            stay=stay,
            step=step,
            power_kw=plan.plugged_kw[before : before + len(stay)],
            stored_value=None if values is None else values[before : before + len(stay)],
        )
        first = last


def _arrival(problem: Problem) -> Ints:
    return np.maximum(problem.arrive, 0)


def _stay_lengths(problem: Problem) -> Ints:
    """Return the number of steps in which each stay is plugged in, shape (n,)."""
    inside = np.minimum(problem.depart, problem.steps) - _arrival(problem)
    return np.where(problem.arrive < problem.depart, np.maximum(inside, 0), 0)


def _head(plan: Plan, problem: Problem) -> Head:
    short = np.flatnonzero(plan.shortfall_kwh > 0)
    proof = plan.certificate
    claims = Claims(
        status=plan.status,
        objective=float(plan.objective),
        lower_bound=float(plan.lower_bound),
        gap=float(plan.gap),
        uncontrolled_cost=float(plan.uncontrolled_cost),
        hard_violation_kw=float(plan.hard_violation_kw),
        wear_model=plan.wear_model,
        notes=list(plan.notes),
        bound_by=plan.bound_by,
        standby_chord=plan.standby_chord,
        slacks=[StoredSlack(**asdict(slack)) for slack in plan.slacks],
        shortfall=[(int(i), float(plan.shortfall_kwh[i])) for i in short],
        offers=[stored_offer(offer) for offer in plan.reserves],
    )
    return Head(
        version=VERSION,
        vehicles=vehicles_digest(problem),
        problem=problem_digest(problem),
        limits=len(problem.limit_names),
        steps=problem.steps,
        precision="float32" if plan.plugged_kw.dtype == np.float32 else "float64",
        claims=claims,
        shortfall_price_per_kwh=None if proof is None else float(proof.shortfall_price_per_kwh),
        relief_price_per_kwh=0.0 if proof is None else float(proof.relief_price_per_kwh),
    )


def _write_json(path: Path, head: Head, plan: Plan, problem: Problem) -> None:
    batches = list(plugged_powers(plan, problem))
    rows = {
        name: [value for batch in batches for value in getattr(batch, name).tolist()]
        for name in ("stay", "step", "power_kw")
    }
    proof, wear = plan.certificate, plan.linear_wear_per_kwh
    document = {
        "head": head,
        "rows": rows | {"stored_value": None if proof is None else proof.stored_value.tolist()},
        "prices": None if proof is None else _json_prices(proof, problem),
        "linear_wear_per_kwh": None if wear is None else wear.tolist(),
        "shares": _json_shares(plan, problem) if plan.reserves else None,
    }
    with whole_file(path) as file:
        file.write(msgspec.json.encode(document) + b"\n")


def _json_shares(plan: Plan, problem: Problem) -> dict[str, list[float]]:
    batches = [share_columns(shares) for shares in shares_of(plan.reserves, len(problem))]
    return {
        name: [value for batch in batches for value in batch[name].tolist()]
        for name in SHARE_COLUMNS
    }


def _json_prices(proof: Certificate, problem: Problem) -> dict[str, Any]:
    phase, stored = proof.phase_price, proof.stored_price
    return {
        "limit_price": proof.limit_price.tolist(),
        "peak_price": proof.peak_price.tolist(),
        "phase_price": None if phase is None else phase.tolist(),
        "stored_price": None if stored is None else stored.tolist(),
        "arrival_value": None if problem.continues is None else proof.arrival_value.tolist(),
    }


def _write_parquet(path: Path, head: Head, plan: Plan, problem: Problem) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    real = pa.float32() if head.precision == "float32" else pa.float64()
    kinds = (pa.int32(), pa.int32(), real, real, pa.binary())
    schema = pa.schema(list(zip(COLUMNS, kinds, strict=True)))
    cell: bytes | None = _cell(plan, problem)
    with whole_file(path) as file, parquet.ParquetWriter(file, schema, compression="zstd") as out:
        for batch in plugged_powers(plan, problem):
            rows, value = len(batch.stay), batch.stored_value
            if rows == 0:
                continue
            columns = [
                pa.array(batch.stay, pa.int32()),
                pa.array(batch.step, pa.int32()),
                pa.array(batch.power_kw, real),
                pa.nulls(rows, real) if value is None else pa.array(value, real),
                pa.concat_arrays([pa.array([cell], pa.binary()), pa.nulls(rows - 1, pa.binary())]),
            ]
            out.write_table(pa.table(columns, schema=schema))
            cell = None
        out.add_key_value_metadata({HEAD_KEY: msgspec.json.encode(head).decode()})


def _cell(plan: Plan, problem: Problem) -> bytes:
    """Return prices, what stays need beside their rows, and shares of reserve as Arrow streams."""
    proof = plan.certificate
    limits, stays = {}, {}
    if proof is not None:
        limits = {"limit_price": proof.limit_price.ravel(), "peak_price": proof.peak_price.ravel()}
        if proof.phase_price is not None:
            limits |= {name: proof.phase_price[:, k].ravel() for k, name in enumerate(PHASES)}
        if proof.stored_price is not None:
            limits["stored_price"] = proof.stored_price.ravel()
        if problem.continues is not None:
            stays["arrival_value"] = proof.arrival_value
    if plan.linear_wear_per_kwh is not None:
        stays["linear_wear_per_kwh"] = plan.linear_wear_per_kwh
    streams = [_stream(iter((columns,))) for columns in (limits, stays) if columns]
    if plan.reserves:  # last, as it is read in parts
        streams.append(_stream(map(share_columns, shares_of(plan.reserves, len(problem)))))
    return b"".join(streams)


def _stream(parts: Iterator[dict[str, Any]]) -> bytes:
    """Write tables of the same columns one after the other."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    tables = (
        pa.table({name: pa.array(np.ascontiguousarray(v)) for name, v in columns.items()})
        for columns in parts
    )
    first = next(tables)
    with pa.ipc.new_stream(sink, first.schema, options=options) as writer:
        for table in chain((first,), tables):
            writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data
