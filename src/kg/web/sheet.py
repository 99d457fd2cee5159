"""A table comes in; a file that spreadsheet programs open rightly, whatever their language, goes out.

They take commas or semicolons by the country they are set to, and Latin letters by its code page. Tabs in UTF-16 with a byte order
mark are read the same everywhere.
"""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF16_LE
from collections.abc import Sequence

from kg.page import Value
from kg.table import Table, number_of

# A cell that begins so is taken for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_sheet(table: Table) -> bytes:
    """One row a row; where a column holds things, their names, and their addresses in a column of its own behind it."""
    things = [any(value and value.iri for value in column) for column in zip(*table.rows, strict=True)]
    text = io.StringIO()
    rows = csv.writer(text, "excel-tab")
    rows.writerow(_spread([Value(name) for name in table.columns], [Value(f"{name} IRI") for name in table.columns], things))
    for row in table.rows:
        addresses = [Value(value.iri) if value and value.iri else None for value in row]
        rows.writerow(_spread(row, addresses, things))
    return BOM_UTF16_LE + text.getvalue().encode("utf-16-le", "replace")


def _spread(row: Sequence[Value | None], addresses: Sequence[Value | None], things: Sequence[bool]) -> list[str]:
    cells = []
    for value, address, is_thing in zip(row, addresses, things or [False] * len(row), strict=True):
        cells.append(_cell(value))
        if is_thing:
            cells.append(_cell(address))
    return cells


def _cell(value: Value | None) -> str:
    if value is None:
        return ""
    harmful = value.text.startswith(_FORMULA) and number_of(value) is None
    return "'" + value.text if harmful else value.text
