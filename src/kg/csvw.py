"""A table with its columns comes in; CSV (RFC 4180) and its description (W3C Metadata Vocabulary for Tabular Data) go out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

#: Between the values of one cell. In a value itself a broken bar stands for it.
SEPARATOR = "|"


@dataclass(frozen=True)
class Column:
    """A column: its name, what stands in it, the datatype of its values, and the address that a value stands for."""

    name: str
    description: str
    datatype: str = "string"
    is_list: bool = False
    address: str = ""  # a template (RFC 6570)


@dataclass(frozen=True)
class Table:
    """Rows of texts, in the order of their columns; `key` names the columns that tell rows apart."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    key: tuple[str, ...]


def joined(values: Iterable[str]) -> str:
    """Several values as one cell."""
    return SEPARATOR.join(value.replace(SEPARATOR, "¦") for value in values)


def written(table: Table) -> str:
    """The table as CSV, with a line of names."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in table.columns])
    writer.writerows(table.rows)
    return text.getvalue()


def described(table: Table, file: str, licence: str) -> dict[str, Any]:
    """What stands in the file of the table, for programs (CSV on the Web, 2015-12-17)."""
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": file,
        "dc:title": table.title,
        "dc:license": {"@id": licence},
        "dialect": {"header": True, "encoding": "utf-8"},
        "tableSchema": {
            "columns": [_column(column) for column in table.columns],
            "primaryKey": list(table.key),
        },
    }


def _column(column: Column) -> dict[str, Any]:
    facts = {
        "name": column.name,
        "titles": column.name,
        "dc:description": column.description,
        "datatype": column.datatype,
        "separator": SEPARATOR if column.is_list else "",
        "valueUrl": column.address,
    }
    return {key: value for key, value in facts.items() if value}
