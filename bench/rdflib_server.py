"""An RDF file and a port come in; rdflib-endpoint with rdflib's own store in memory answers there, without a log of requests."""

from __future__ import annotations

import sys

import uvicorn
from rdflib import Dataset
from rdflib_endpoint import SparqlEndpoint

if __name__ == "__main__":
    file, port = sys.argv[1:]
    graph = Dataset(default_union=True)
    graph.parse(file)
    uvicorn.run(SparqlEndpoint(graph=graph, path="/sparql"), host="127.0.0.1", port=int(port), log_level="error", access_log=False)
