"""Typed records read from TOML or JSON, with every finding at once.

A record is a :class:`msgspec.Struct`. ``msgspec`` itself stops at the first error; a person
who mends a file wants them all, each with its place and what to write instead.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from gridtide.core.findings import Finding

LARGEST = 1e9
"""No power, energy, price or count of this field is larger."""
UNUSABLE_MEND = f"Write a number up to {LARGEST:g}; leave out what is unlimited"

T = TypeVar("T", bound=msgspec.Struct)
Place = Callable[[str], str]


def read_record(
    cls: type[T], data: Mapping[str, Any], place: Place, path: str = ""
) -> tuple[T | None, list[Finding]]:
    """Read one record.

    Parameters
    ----------
    cls
        The record's type; nested records and lists of records are read likewise.
    data
        What the file holds.
    place
        Turns a dotted path into a place that a person finds, such as ``file.toml:12 site.name``.
    path
        Dotted path of this record in the file.

    Returns
    -------
    record, findings
        The record is None where a finding forbids building it. A field that has a default
        takes it where its value cannot be used, so that further checks can go on; whoever
        uses the record must look at the findings first.
    """
    findings = _unknown_keys(cls, data, place, path)
    hints = get_type_hints(cls, include_extras=True)
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(cls):
        name = field.encode_name
        where = f"{path}.{name}" if path else name
        if name not in data:
            if field.required:
                mend = f"Add {name}{_example(hints[field.name])}"
                findings.append(Finding(place(path or where), f"{name} is missing", mend))
            continue
        value, more = _read_value(hints[field.name], data[name], place, where)
        findings += more
        if value is not None or not more:
            values[field.name] = value
    if any(f.required and f.name not in values for f in msgspec.structs.fields(cls)):
        return None, findings
    try:
        return cls(**values), findings
    except (ValueError, TypeError) as error:
        return None, [*findings, Finding(place(path), str(error), "Correct the values named")]


def unusable_numbers(value: Any, place: Place, path: str = "") -> list[Finding]:
    """Find numbers that nothing can be computed with: NaN, infinities, and beyond ``LARGEST``."""
    if isinstance(value, int | float):
        if abs(value) <= LARGEST:  # false for NaN too
            return []
        return [Finding(place(path), f"{value!r} is no number to plan with", UNUSABLE_MEND)]
    if isinstance(value, Mapping):
        inside = [(f"{path}.{k}" if path else str(k), v) for k, v in value.items()]
    elif isinstance(value, list | tuple):
        inside = [(f"{path}[{i}]", v) for i, v in enumerate(value)]
    else:
        return []
    return [finding for where, v in inside for finding in unusable_numbers(v, place, where)]


def _read_value(kind: Any, value: Any, place: Place, path: str) -> tuple[Any, list[Finding]]:
    table = _record_by_name(kind)
    if table is not None and isinstance(value, Mapping):
        return _read_tables(table, value, place, path)
    record = _record_in(kind)
    if record is not None and isinstance(value, Mapping):
        return read_record(record, value, place, path)
    if record is not None and isinstance(value, list) and _is_list(kind):
        read = [
            read_record(record, v, place, f"{path}[{i}]")
            if isinstance(v, Mapping)
            else (None, [Finding(place(f"{path}[{i}]"), f"{v!r} is not a table", "Write a table")])
            for i, v in enumerate(value)
        ]
        records = [r for r, _ in read]
        more = [f for _, found in read for f in found]
        return (None if None in records else records), more
    try:
        return msgspec.convert(value, kind, strict=True), []
    except msgspec.ValidationError as error:
        return None, [
            Finding(place(path), f"{value!r} is not allowed: {_plain(error)}", _mend(kind, value))
        ]


def _read_tables(
    record: type[msgspec.Struct], value: Mapping[str, Any], place: Place, path: str
) -> tuple[Any, list[Finding]]:
    """Read tables by name, such as ``[services.NAME]``."""
    tables, findings = {}, []
    for name, given in value.items():
        where = f"{path}.{name}"
        if not isinstance(given, Mapping):
            findings.append(Finding(place(where), f"{given!r} is not a table", "Write a table"))
            continue
        tables[name], more = read_record(record, given, place, where)
        findings += more
    return (None if None in tables.values() else tables), findings


def _unknown_keys(
    cls: type[msgspec.Struct], data: Mapping[str, Any], place: Place, path: str
) -> list[Finding]:
    known = [field.encode_name for field in msgspec.structs.fields(cls)]
    findings = []
    for key in data:
        if key in known:
            continue
        close = difflib.get_close_matches(str(key), known, 1)
        mend = f"Did you mean {close[0]}?" if close else f"Known keys: {', '.join(known)}"
        where = f"{path}.{key}" if path else str(key)
        findings.append(Finding(place(where), f"unknown key {key}", mend))
    return findings


def _members(kind: Any) -> list[Any]:
    """Types that a field may have, freed of annotations and unions."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [inner for member in get_args(kind) for inner in _members(member)]
    return [kind]


def _record_in(kind: Any) -> type[msgspec.Struct] | None:
    """Record type of a field that holds a record or a list of records."""
    for member in _members(kind):
        inner = _members(get_args(member)[0])[0] if _is_list(member) else member
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            return inner
    return None


def _record_by_name(kind: Any) -> type[msgspec.Struct] | None:
    """Record type of a field that holds records by name."""
    for member in _members(kind):
        if get_origin(member) is dict:
            inner = _members(get_args(member)[1])[0]
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                return inner
    return None


def _is_list(kind: Any) -> bool:
    return any(get_origin(member) in (list, tuple) for member in _members(kind))


def _plain(error: msgspec.ValidationError) -> str:
    text = str(error).split(" - at `$")[0].rstrip(".")
    return text[:1].lower() + text[1:]


def _example(kind: Any) -> str:
    for value, text in (
        (0.5, ", a number"),
        (5, ", a whole number"),
        ("x", ", a text"),
        (True, ", true or false"),
    ):
        if _fits(kind, value):
            return text
    return ""


def _fits(kind: Any, value: Any) -> bool:
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        return False
    return True


def _mend(kind: Any, value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and value >= 2 and _fits(kind, value / 100) and not _fits(kind, 1.5):
        return f"A share is written as a fraction from 0 to 1: write {value / 100:g}"
    return "Write a value of the kind named"
