"""An RDF file and a query come in; the seconds go out that pyoxigraph alone needs to load it, and to write the answer as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pyoxigraph as ox


def measure(file: Path, text: str) -> dict[str, float]:
    """Seconds of one load, and the median of three answers."""
    store = ox.Store()
    started = time.perf_counter()
    store.bulk_load(path=str(file))
    load = time.perf_counter() - started
    times, size = [], 0
    for _ in range(3):
        started = time.perf_counter()
        answer = store.query(text)
        assert isinstance(answer, ox.QuerySolutions)  # noqa: S101
        size = len(answer.serialize(format=ox.QueryResultsFormat.JSON) or b"")
        times.append(time.perf_counter() - started)
    return {"load": load, "answer": sorted(times)[1], "bytes": size}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), sys.argv[2])))
