"""Tables kept and read back: Parquet, and CSV on request."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from gridtide.core import StorageError
from gridtide.store.atomic import put_in_place, storage_errors, whole_file

Columns = Mapping[str, npt.NDArray[Any]]
PARTIAL_KEY = b"gridtide.partial"
_ROW_GROUP_ROWS = 262_144


def arrow_table(columns: Columns, metadata: Mapping[str, str] | None = None) -> Any:
    """Return columns as an Arrow table, with metadata on its schema.

    Columns of fixed-width text and of Python strings become Arrow strings.
    """
    import pyarrow as pa

    arrays = {name: pa.array(_plain(values)) for name, values in columns.items()}
    table = pa.table(arrays)
    return table.replace_schema_metadata(dict(metadata)) if metadata else table


def _plain(values: npt.NDArray[Any]) -> Any:
    return values.tolist() if values.dtype.kind in "UO" else np.ascontiguousarray(values)


def write_table(
    path: Path, table: Any, metadata: Mapping[str, str] | None = None, *, partial: bool = False
) -> Path:
    """Write a table, whole or not at all.

    Parameters
    ----------
    path
        Ends in ``.parquet`` or ``.csv``; CSV carries no metadata.
    table
        Columns by name (equally long arrays), or an Arrow table.
    metadata
        Kept in the file beside the table.
    partial
        Whether the table breaks off where a run was interrupted: it is then written as
        ``*.partial.parquet`` (or ``.partial.csv``) and says so in its metadata too.

    Returns
    -------
    The path written.

    Raises
    ------
    StorageError
        If the disk is full or the folder cannot be written; nothing is left behind.
    """
    known = dict(metadata or {}) | ({PARTIAL_KEY.decode(): "true"} if partial else {})
    arrow = arrow_table(table, known) if isinstance(table, Mapping) else table
    if known and not isinstance(table, Mapping):
        arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **known})
    target = partial_path(path) if partial else path
    with whole_file(target) as file:
        _write(arrow, file, path.suffix)
    if not partial:
        with storage_errors(path):
            partial_path(path).unlink(missing_ok=True)
    return target


def _write(arrow: Any, file: BinaryIO, suffix: str) -> None:
    if suffix == ".csv":
        from pyarrow import csv

        csv.write_csv(arrow, file)
        return
    if suffix != ".parquet":
        raise ValueError(f"a table is kept as .parquet or .csv, not as {suffix!r}")
    from pyarrow import parquet

    parquet.write_table(arrow, file, compression="zstd", row_group_size=_ROW_GROUP_ROWS)


def partial_path(path: Path) -> Path:
    """Return the name under which an interrupted table is kept: ``x.partial.parquet``."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


class TableWriter:
    """Writes a Parquet table batch by batch, so that it need not fit into memory.

    Used as a context manager. When the block ends well, the file gets its name. When it is
    interrupted (Ctrl-C or any error that is not the disk's), what was written until then is
    kept readable as ``*.partial.parquet`` with ``gridtide.partial = true`` in its metadata.
    When the disk is full, nothing is left behind.

    Parameters
    ----------
    path
        Ends in ``.parquet``.
    metadata
        Kept in the file beside the table.
    row_group_rows
        Batches are gathered until they have this many rows.
    """

    def __init__(
        self,
        path: Path,
        metadata: Mapping[str, str] | None = None,
        row_group_rows: int = _ROW_GROUP_ROWS,
    ) -> None:
        self.path = path
        self._beside = partial_path(path)
        self._metadata = dict(metadata or {})
        self._row_group_rows = row_group_rows
        self._waiting: list[Any] = []
        self._rows = 0
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        """Begin; the file is made with the first rows."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End well, keep what is there, or leave nothing; see the class."""
        if isinstance(error, StorageError):
            self._discard()
        elif kind is None:
            self.close()
        else:
            self.close(partial=True)

    def __call__(self, columns: Columns) -> None:
        """Take a batch of rows; the first one fixes the columns and their types.

        Raises
        ------
        StorageError
            If the disk is full; nothing is left behind.
        """
        batch = arrow_table(columns)
        self._waiting.append(batch)
        self._rows += batch.num_rows
        if self._rows >= self._row_group_rows:
            self._flush()

    def close(self, *, partial: bool = False) -> Path | None:
        """Finish the file and give it its name.

        Parameters
        ----------
        partial
            Whether the table breaks off: it keeps the name that says so.

        Returns
        -------
        The path written; None where no batch ever came.

        Raises
        ------
        StorageError
            If the disk is full; nothing is left behind.
        """
        self._flush()
        if self._writer is None or self._file is None:
            return None
        target = self._beside if partial else self.path
        try:
            with storage_errors(target):
                if partial:
                    self._writer.add_key_value_metadata({PARTIAL_KEY.decode(): "true"})
                self._writer.close()
                self._file.close()
                put_in_place(self._beside, target)
        except StorageError:
            self._discard()
            raise
        self._writer = self._file = None
        return target

    def _flush(self) -> None:
        if not self._waiting:
            return
        import pyarrow as pa

        table = pa.concat_tables(self._waiting)
        self._waiting, self._rows = [], 0
        try:
            with storage_errors(self.path):
                if self._writer is None:
                    self._open(table.schema)
                self._writer.write_table(table)
        except StorageError:
            self._discard()
            raise

    def _open(self, schema: Any) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Arrow's own file: Ctrl-C then waits for the end of a row group, which stays whole.
        self._file = pa.OSFile(str(self._beside), "wb")
        named = schema.with_metadata(self._metadata or None)
        self._writer = parquet.ParquetWriter(self._file, named, compression="zstd")

    def _discard(self) -> None:
        writer, file = self._writer, self._file
        self._waiting, self._writer, self._file = [], None, None
        # The disk has already refused; what the closing says adds nothing.
        if writer is not None:
            with suppress(OSError):
                writer.close()
        if file is not None:
            with suppress(OSError):
                file.close()
            self._beside.unlink(missing_ok=True)


def read_table(path: Path) -> Any:
    """Read a Parquet table as an Arrow table.

    Raises
    ------
    StorageError
        If the file is missing, truncated or no Parquet file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path} could not be read whole: {error}") from error


def is_partial(path: Path) -> bool:
    """Tell whether a Parquet table says that it breaks off where a run was interrupted.

    Raises
    ------
    StorageError
        If the file is missing, truncated or no Parquet file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        known = parquet.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path} could not be read whole: {error}") from error
    return bool(known.get(PARTIAL_KEY) == b"true")
