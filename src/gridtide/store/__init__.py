"""Tables and documents kept whole and read back."""

from gridtide.store.atomic import storage_errors, whole_file, write_json, write_text
from gridtide.store.tables import (
    TableWriter,
    arrow_table,
    is_partial,
    partial_path,
    read_table,
    write_table,
)

__all__ = [
    "TableWriter",
    "arrow_table",
    "is_partial",
    "partial_path",
    "read_table",
    "storage_errors",
    "whole_file",
    "write_json",
    "write_table",
    "write_text",
]
