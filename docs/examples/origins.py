"""From a question to a figure: where the companies come from whose technology watches Latin America.

    python origins.py [address of the endpoint] [file for the figure]

Needs sparqlwrapper, pandas and matplotlib. origins.R asks and draws the same in R. The question is nearly the stored one
`origin-and-destination`, which the site shows on a page; here it is put as SPARQL, so that it can be changed, and counts companies
from the country itself too.
"""

import sys
from io import BytesIO

import matplotlib as mpl
import pandas as pd
from SPARQLWrapper import CSV, SPARQLWrapper

ENDPOINT = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000/sparql"
FIGURE = sys.argv[2] if len(sys.argv) > 2 else "origins.png"
QUERY = """
PREFIX kg: <https://w3id.org/vigia/def#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT ?country ?origin (COUNT(DISTINCT ?initiative) AS ?initiatives) WHERE {
  ?initiative a kg:Initiative ; kg:country ?where ; kg:vendor/kg:countryOfOrigin ?from .
  ?where rdfs:label ?country FILTER(LANG(?country) = "en")
  ?from rdfs:label ?origin FILTER(LANG(?origin) = "en")
}
GROUP BY ?country ?origin
"""


def ask(query: str) -> pd.DataFrame:
    """The rows of an answer as a table."""
    endpoint = SPARQLWrapper(ENDPOINT, agent="vigia-example/1.0")
    endpoint.setQuery(query)
    endpoint.setReturnFormat(CSV)
    return pd.read_csv(BytesIO(endpoint.query().convert()))


def main() -> None:
    """Ask, count, draw."""
    mpl.use("Agg")  # no screen is needed
    rows = ask(QUERY)
    table = rows.pivot_table(index="country", columns="origin", values="initiatives", fill_value=0)
    countries = table.sum(axis=1).sort_values(kind="stable")  # those with the same number by name, as in R
    origins = table.sum().sort_values(kind="stable", ascending=False)
    table = table.loc[countries.index, origins.index]
    title = "Initiatives by country and origin of the companies involved"
    axes = table.plot.barh(stacked=True, figsize=(9, 6), title=title, colormap="tab20")  # one colour for each of up to 20
    axes.set_xlabel("initiatives (one with companies of two origins is in both parts)")
    axes.legend(title="origin", bbox_to_anchor=(1.02, 1), loc="upper left")  # beside the bars, not on them
    axes.figure.tight_layout()
    axes.figure.savefig(FIGURE)
    print(table.astype(int).to_string())


main()
