"""What an operator needs to see: the state of the server comes in; health, metrics and log lines go out, without addresses."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from pythonjsonlogger.json import JsonFormatter
from starlette.responses import JSONResponse, Response

from kg.web.front import Front
from kg.web.site import Site

_SILENT = {"Cache-Control": "no-store"}


def operation(site: Site, front: Front) -> APIRouter:
    """Routes for those who watch the server."""
    router = APIRouter()
    registry = CollectorRegistry()
    registry.register(_State(site, front))

    release = site.manifest.name if site.manifest else None

    # Both are answered by the event loop itself: pages that take all threads are no reason to end the process.
    @router.get("/health")
    async def health() -> Response:
        """200 while the process answers: restart it where it does not."""
        return JSONResponse({"status": "ok", "release": release}, headers=_SILENT)

    @router.get("/ready")
    async def ready() -> Response:
        """200 while queries can be answered, else 503: send them elsewhere meanwhile."""
        condition = site.store.condition()
        state = {"status": "ok" if condition.ready else condition.reason, "release": release}
        return JSONResponse(state, 200 if condition.ready else 503, _SILENT)

    @router.get("/metrics")
    def metrics() -> Response:
        """In the text format of Prometheus."""
        return Response(generate_latest(registry), headers=_SILENT | {"Content-Type": CONTENT_TYPE_LATEST})

    return router


class _State(Collector):
    """Reads what is counted elsewhere, so that counting costs requests next to nothing."""

    def __init__(self, site: Site, front: Front) -> None:
        self._site, self._front = site, front

    def collect(self) -> Iterator[Metric]:
        """All metrics, as of now."""
        store = self._site.store.condition()
        yield GaugeMetricFamily("kg_ready", "Whether queries can be answered.", value=int(store.ready))
        queries = GaugeMetricFamily("kg_queries", "Queries at this moment.", labels=["stage"])
        for stage, number in store.queries.items():
            queries.add_metric([stage], number)
        yield queries
        outcomes = CounterMetricFamily("kg_queries_asked", "Queries put to workers, by what became of them.", labels=["outcome"])
        seconds = CounterMetricFamily(
            "kg_query_seconds", "Seconds from asking to answering, by what became of it.", labels=["outcome"]
        )
        for outcome, (number, total) in sorted(store.outcomes.items()):
            outcomes.add_metric([outcome], number)
            seconds.add_metric([outcome], total)
        yield outcomes
        yield seconds
        yield CounterMetricFamily("kg_workers_forked", "Worker processes started.", value=store.workers)
        answers = CounterMetricFamily("kg_answers", "Requests answered, by status.", labels=["status"])
        for status, number in sorted(self._front.answered.items()):
            answers.add_metric([str(status)], number)
        yield answers
        remembered = CounterMetricFamily("kg_answers_from_memory", "Requests answered from memory, by where.", labels=["where"])
        for where, memory in self._front.memories.items():
            remembered.add_metric([where], memory.hits)
        yield remembered
        weight = sum(memory.weight for memory in self._front.memories.values())
        yield GaugeMetricFamily("kg_memory_bytes", "Size of the answers that are remembered.", value=weight)


def log_as_json() -> None:
    """Write what is logged as JSON, one line an event, on standard error."""
    handler = logging.StreamHandler()
    names = {"asctime": "time", "levelname": "level", "name": "logger"}
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
