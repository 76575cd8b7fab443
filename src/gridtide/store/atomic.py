"""Files that are whole or not there: written beside their place, synced, then renamed."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from gridtide.core import StorageError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only when all of it is on disk.

    Whatever goes wrong, nothing is left behind and an older file of that name is untouched.

    Raises
    ------
    StorageError
        If the disk is full or the folder cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.writing")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with storage_errors(path):
            with beside.open("wb") as file:
                yield file
            put_in_place(beside, path)
    except BaseException:
        # Also on Ctrl-C: half a file is worth nothing.
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn errors of the disk into a StorageError that names the file."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        mend = "Free some space" if error.errno == errno.ENOSPC else "Choose another place"
        raise StorageError(f"{path} could not be written: {reason}. {mend}") from error


def put_in_place(beside: Path, path: Path) -> None:
    """Give a finished file its name, after all of it is on the disk."""
    _sync(beside)
    beside.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    """Bring a file or folder onto the disk; errors that were held back come out here."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> Path:
    """Write a text file in UTF-8, whole or not at all.

    Raises
    ------
    StorageError
        If it cannot be written; nothing is left behind.
    """
    with whole_file(path) as file:
        file.write(text.encode("utf-8"))
    return path


def write_json(path: Path, value: Any) -> Path:
    """Write a JSON document, indented, whole or not at all.

    Raises
    ------
    StorageError
        If it cannot be written; nothing is left behind.
    ValueError
        If it holds a number that JSON does not know (NaN, infinity).
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return write_text(path, text + "\n")
