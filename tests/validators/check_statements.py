"""A table of statements comes in; what FollowTheMoney's own library says against it goes out, as JSON.

Run with the packages of requirements-validators.lock: followthemoney. Its ICU, which only turns names into Latin letters, would
need a compiler and the system's ICU; something that does nothing stands in its place.
"""

from __future__ import annotations

import csv
import json
import sys
from itertools import groupby
from pathlib import Path
from unittest.mock import MagicMock

sys.modules["icu"] = MagicMock()

from followthemoney import Dataset, Schema, Statement, StatementEntity  # noqa: E402
from followthemoney.exc import InvalidData  # noqa: E402
from followthemoney.statement import CSV, read_path_statements  # noqa: E402


def main(table: str) -> None:
    """Print how many entities there are, and what is wrong with which."""
    with Path(table).open(encoding="utf-8", newline="") as file:
        types = {row["id"]: row["prop_type"] for row in csv.DictReader(file)}
    try:
        statements = sorted(read_path_statements(Path(table), CSV), key=lambda each: each.entity_id)
    except TypeError as error:  # so the library says that it knows no such class or property
        print(json.dumps({"entities": 0, "found": [["", str(error)]]}))
        return
    found = [problem for each in statements for problem in wrong_statement(each, types.get(str(each.id), ""))]
    dataset = Dataset.make({"name": "vigia", "title": "Vigía"})
    schemas: dict[str, Schema] = {}
    entities = []
    for name, group in groupby(statements, key=lambda each: each.entity_id):
        try:
            entities.append(StatementEntity.from_statements(dataset, group))
            schemas[name] = entities[-1].schema
        except InvalidData as error:
            found.append([name, str(error)])
    found += [[entity.id, problem] for entity in entities for problem in wrong_entity(entity, schemas)]
    print(json.dumps({"entities": len(entities), "found": found}))


def wrong_statement(statement: Statement, kind: str) -> list[list[str]]:
    """Whether it has the type of its property, and is told apart by the hash that the library makes."""
    wrong = [] if statement.id == statement.generate_key() else ["another hash"]
    wrong += [] if kind == statement.prop_type else [f"{statement.prop} is of type {statement.prop_type}, not {kind}"]
    return [[statement.entity_id, problem] for problem in wrong]


def wrong_entity(entity: StatementEntity, schemas: dict[str, Schema]) -> list[str]:
    """Values that are none of their type, what is required and missing, and links to nothing or to something of another class."""
    wrong = [f"{name} is missing" for name in entity.schema.required if not entity.get(name)]
    for prop, value in entity.itervalues():
        if not prop.type.validate(value):
            wrong.append(f"{value} is no {prop.type.name} [{prop.name}]")
        if prop.range and (value not in schemas or not schemas[value].is_a(prop.range)):
            wrong.append(f"{value} is no {prop.range.name} [{prop.name}]")
    return wrong


main(*sys.argv[1:])
