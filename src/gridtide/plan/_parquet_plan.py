"""Plans in Parquet: the columns, and how they are read a row group's part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gridtide.plan.problem import Floats
from gridtide.plan.stored_offers import SHARE_COLUMNS, Shares, no_shares
from gridtide.plan.stored_plan import (
    HEAD_KEY,
    Head,
    Pairs,
    Prices,
    StoredPlan,
    decode_head,
    no_plan,
)

COLUMNS = ("stay", "step", "power_kw", "stored_value", "certificate")
PHASES = tuple(f"phase_price_{phase}" for phase in (1, 2, 3))
BATCH_ROWS = 262_144


def read_parquet_plan(path: Path) -> StoredPlan:
    """Read the head and the prices, and leave the rows to be asked for.

    Raises
    ------
    InputError
        Where the file is no plan.
    """
    import pyarrow as pa
    from pyarrow import parquet

    source = str(path)
    try:
        with parquet.ParquetFile(path) as file:
            known, names = file.metadata.metadata or {}, file.schema_arrow.names
            if HEAD_KEY.encode() not in known or tuple(names) != COLUMNS:
                raise no_plan(source, "it was not written by gridtide plan")
            head = decode_head(known[HEAD_KEY.encode()], source)
            cell = _first_cell(file)
        tables, shares = ([], no_shares) if cell is None else _tables(cell, source)
    except (OSError, pa.ArrowException) as error:
        raise no_plan(source, error) from error
    by_name = {name: column for table in tables for name, column in table.items()}
    return StoredPlan(
        source=source,
        head=head,
        prices=_prices(by_name, head, source) if "limit_price" in by_name else None,
        linear_wear_per_kwh=by_name.get("linear_wear_per_kwh"),
        batches=partial(_batches, path),
        shares=shares,
    )


def _first_cell(file: Any) -> bytes | None:
    for batch in file.iter_batches(batch_size=1, columns=["certificate"]):
        cell: bytes | None = batch.column(0)[0].as_py()
        return cell
    return None


def _tables(
    cell: bytes, source: str
) -> tuple[list[dict[str, Floats]], Callable[[], Iterator[Shares]]]:
    """Read the Arrow streams that stand one after the other in the first row's cell.

    The last may be the shares of reserve, which are read as they are asked for.
    """
    import pyarrow as pa

    reader, tables = pa.BufferReader(cell), list[dict[str, Floats]]()
    while (at := reader.tell()) < len(cell):
        stream = pa.ipc.open_stream(reader)
        if tuple(stream.schema.names) == SHARE_COLUMNS:
            return tables, partial(_shares, cell, at, source)
        table = stream.read_all()
        tables.append({name: table[name].to_numpy() for name in table.column_names})
    return tables, no_shares


def _shares(cell: bytes, at: int, source: str) -> Iterator[Shares]:
    import pyarrow as pa

    try:
        stream = pa.BufferReader(cell)
        stream.seek(at)
        for batch in pa.ipc.open_stream(stream):
            block, stay, step = (_whole(batch.column(name)) for name in SHARE_COLUMNS[:3])
            yield Shares(block=block, stay=stay, step=step, kw=_real(batch.column("share_kw")))
    except (OSError, pa.ArrowException, ValueError) as error:
        raise no_plan(source, error) from error


def _prices(columns: dict[str, Floats], head: Head, source: str) -> Prices:
    shape = (head.limits, head.steps)
    try:
        phases = [columns[name].reshape(shape) for name in PHASES if name in columns]
        stored = columns.get("stored_price")
        return Prices(
            limit_price=columns["limit_price"].reshape(shape),
            peak_price=columns["peak_price"].reshape(shape),
            phase_price=np.stack(phases, axis=1) if phases else None,
            stored_price=None if stored is None else stored.reshape(shape),
            arrival_value=columns.get("arrival_value"),
        )
    except (ValueError, KeyError) as error:
        raise no_plan(source, "its certificate is not of its limits and steps") from error


def _batches(path: Path) -> Iterator[Pairs]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(COLUMNS[:4])):
                yield _pairs(batch)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise no_plan(str(path), error) from error


def _pairs(batch: Any) -> Pairs:
    columns = {name: batch.column(name) for name in COLUMNS[:4]}
    value = columns["stored_value"]
    none = len(value) > 0 and value.null_count == len(value)
    return Pairs(
        stay=_whole(columns["stay"]),
        step=_whole(columns["step"]),
        power_kw=_real(columns["power_kw"]),
        stored_value=None if none else _real(value),
    )


def _whole(column: Any) -> Any:
    """Return whole numbers; -1, which is no stay and no step, where there is none."""
    return column.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _real(column: Any) -> Any:
    """Return numbers in float64; NaN where there is none."""
    return column.to_numpy(zero_copy_only=False).astype(np.float64)
