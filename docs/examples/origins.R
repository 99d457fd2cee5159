# From a question to a figure, in R: the same as origins.py, with the packages httr2 and readr.
#
# A stored question is an address: it answers as CSV, and takes its parameters behind a question mark.

library(httr2)
library(readr)

site <- "http://localhost:8000"

# The stored question 'origin-and-destination': country of origin, country of destination, number of initiatives.
answer <- request(site) |>
  req_url_path_append("api", "queries", "origin-and-destination") |>
  req_headers(Accept = "text/csv") |>
  req_user_agent("vigia-example/1.0") |>
  req_perform() |>
  resp_body_string() |>
  read_csv(show_col_types = FALSE)

# Things are named by their addresses; their names are one query away.
names_of <- request(site) |>
  req_url_path_append("sparql") |>
  req_headers(Accept = "text/csv") |>
  req_body_form(query = "
    PREFIX kg: <https://w3id.org/vigia/def#>
    PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
    SELECT ?country ?name { ?country a kg:Country ; rdfs:label ?name FILTER(LANG(?name) = 'es') }") |>
  req_perform() |>
  resp_body_string() |>
  read_csv(show_col_types = FALSE)

answer <- merge(answer, names_of, by.x = "origin", by.y = "country")
totals <- sort(tapply(answer$initiatives, answer$name, sum))
barplot(totals, horiz = TRUE, las = 1, main = "Iniciativas por origen de las empresas")
