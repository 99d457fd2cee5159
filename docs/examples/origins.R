# From a question to a figure, in R: the question, the address and the figure are those of origins.py.
#
#     Rscript origins.R [address of the endpoint] [file for the figure]
#
# Needs the packages httr2 and readr.

library(httr2)
library(readr)

arguments <- commandArgs(trailingOnly = TRUE)
endpoint <- if (length(arguments) > 0) arguments[1] else "http://localhost:8000/sparql"
figure <- if (length(arguments) > 1) arguments[2] else "origins.png"
query <- '
PREFIX kg: <https://w3id.org/vigia/def#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT ?country ?origin (COUNT(DISTINCT ?initiative) AS ?initiatives) WHERE {
  ?initiative a kg:Initiative ; kg:country ?where ; kg:vendor/kg:countryOfOrigin ?from .
  ?where rdfs:label ?country FILTER(LANG(?country) = "en")
  ?from rdfs:label ?origin FILTER(LANG(?origin) = "en")
}
GROUP BY ?country ?origin
'

# Ask: the rows of the answer as a table.
rows <- request(endpoint) |>
  req_url_query(query = query) |>
  req_headers(Accept = "text/csv") |>
  req_user_agent("vigia-example/1.0") |>
  req_perform() |>
  resp_body_string() |>
  read_csv(show_col_types = FALSE)

# Count: a row for each country, a column for each origin, the largest last and first.
table <- xtabs(initiatives ~ country + origin, rows)
table <- table[order(rowSums(table)), order(-colSums(table))]

# Draw: a bar for each country, with a part for each origin.
png(figure, width = 900, height = 600)
par(mar = c(5, 8, 4, 11), xpd = TRUE) # room for the names of countries, and for the legend beside the bars
barplot(
  t(table),
  horiz = TRUE, las = 1, border = NA, col = palette.colors(ncol(table), "Polychrome 36"), legend.text = TRUE,
  args.legend = list(x = "topright", inset = c(-0.23, 0), title = "origin", border = NA, bty = "n"),
  main = "Initiatives by country and origin of the companies involved",
  xlab = "initiatives (one with companies of two origins is in both parts)"
)
invisible(dev.off())
options(width = 200) # a line for each country
print(unclass(table))
