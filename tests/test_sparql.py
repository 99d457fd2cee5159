"""What can be told of a query without parsing it, and the parser's complaint in plain words."""

from __future__ import annotations

import time

import pyoxigraph as ox
import pytest

from kg.errors import BadQuery, ServiceRefused
from kg.names import PREFIXES
from kg.sparql import (
    Scoped,
    fixed,
    is_update,
    is_volatile,
    patterns,
    plain,
    refuse_depth,
    refuse_foreign,
    scoped,
    services,
    syntax_error,
    words,
)

WIKIDATA = "https://query.wikidata.org/sparql"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }",
        "SELECT * { service <http://127.0.0.1/> { ?s ?p ?o } }",
        "SELECT * { SERVICE SILENT ?x { ?s ?p ?o } }",
        "SELECT * { ?s ?p 'a' . FILTER EXISTS { SERVICE<http://a/>{ ?s ?p ?o } } }",
        "PREFIX s: <http://a/> SELECT * { # comment\nSERVICE s:x { ?s ?p ?o } }",
        "SELECT * { ?s ?p 'it\\'s' . SERVICE <http://a/> {} }",
        'SELECT * { ?s ?p """x"" " """ . SERVICE <http://a/> {} }',
        "SELECT * { ?s ?p 1 .SERVICE <http://a/> {} }",
        "SELECT * { SERVICE <http://169.254.169.254/latest/meta-data/> { ?s ?p ?o } }",
        "SELECT * { SERVICE <http://[::1]/> { ?s ?p ?o } }",
        "SELECT * { SERVICE <file:///etc/passwd> { ?s ?p ?o } }",
        "SELECT * { SERVICE <https://query.wikidata.org/sparql/> { ?s ?p ?o } }",
        "SELECT * { SERVICE <https://query.wikidata.org/sparql#> { ?s ?p ?o } }",
        "SELECT * { SERVICE <https://query.wikidata.org@127.0.0.1/sparql> { ?s ?p ?o } }",
        "SELECT * { SERVICE <HTTPS://query.wikidata.org/sparql> { ?s ?p ?o } }",
        "BASE <https://query.wikidata.org/> SELECT * { SERVICE <sparql> { ?s ?p ?o } }",
        "PREFIX w: <https://query.wikidata.org/> SELECT * { SERVICE w:sparql { ?s ?p ?o } }",
        "SELECT * { SERVICE <https://query.wikidata.org/\\u0073parql> { ?s ?p ?o } }",
        f"SELECT * {{ SERVICE <{WIKIDATA}> {{ ?s ?p ?o }} SERVICE <http://127.0.0.1/> {{ ?s ?p ?o }} }}",
        f"SELECT * {{ SERVICE <{WIKIDATA}> {{ ?s ?p ?o SERVICE ?o {{ ?s ?p ?o }} }} }}",
        # the engine might read these in another way than we do
        f"SELECT * {{ SERVICE <{WIKIDATA}> {{ FILTER(?a<'b'||'c>') SERVICE <http://127.0.0.1/> {{}} FILTER('x' }}",
        f"SELECT * {{ SERVICE <{WIKIDATA}> {{ ?s ?p ?o }} ?s ?p 'SERVICE <http://127.0.0.1/>' }}",
        f"SELECT * {{ SERVICE <{WIKIDATA}> {{ ?s ?p ?o }} }} # SERVICE ?x",
        f"SELECT * {{ SERVICE # <{WIKIDATA}>\n<http://127.0.0.1/> {{ ?s ?p ?o }} }}",
        f"SELECT * {{ SERVICE <{WIKIDATA}> {{ ?s ?p true\\u0053ERVICE <http://127.0.0.1/> {{}} }} }}",
        f"PREFIX e: <http://127.0.0.1/> SELECT * {{ SERVICE <{WIKIDATA}> {{}} SERVICEe:x {{}} }}",
    ],
)
def test_service_is_refused_unless_it_is_an_allowed_address_in_full(query: str) -> None:
    with pytest.raises(ServiceRefused, match="SERVICE"):
        services(query, [WIKIDATA])


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT * {{ SERVICE <{WIKIDATA}> {{ ?s ?p ?o }} }}",
        f"SELECT * {{ service  SILENT\n<{WIKIDATA}> {{ ?s ?p ?o }} }}",
        f"SELECT * {{ SERVICE <{WIKIDATA}> {{ ?s ?p ?o }} SERVICE <{WIKIDATA}>{{}} }}",
        f"SELECT * {{ ?s ?p 'a' . FILTER EXISTS {{ SERVICE <{WIKIDATA}> {{ ?s ?p ?o }} }} }}",
    ],
)
def test_an_allowed_service_is_named(query: str) -> None:
    assert services(query, [WIKIDATA]) == {WIKIDATA}
    with pytest.raises(ServiceRefused, match="calls no others"):
        services(query, [])


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { ?s ?p 'SERVICE' }",
        "SELECT * { ?s ?p '''a ' SERVICE ''' }",
        "SELECT * { ?s ?p ?o } # SERVICE",
        "PREFIX SERVICE: <http://a/> SELECT * { ?s SERVICE:SERVICE ?o }",
    ],
)
def test_what_only_looks_like_service_is_not(query: str) -> None:
    assert services(query, [WIKIDATA]) == set()
    with pytest.raises(ServiceRefused):
        services(query, [WIKIDATA], strict=True)  # where nothing but this reading stands before a connection


@pytest.mark.parametrize(
    "text",
    [
        "<http://a/SERVICE> ?SERVICE",
        "<https://example.org/services/service>",
        "ex:self-service",
        ":service",
        "?service",
        "<x:#service>",
        "<http://a/1-service-1/service>",
    ],
)
def test_letters_of_a_name_call_nobody_even_where_reading_is_all(text: str) -> None:
    assert services(f"SELECT * {{ {text} ?p ?o }}", [], strict=True) == set()


@pytest.mark.parametrize(
    "before", ["", " ", ".", "}", "1.", "\n", "{", ")", ">", "'", "?s ?p 1", "?s ?p 1.5e3", "?s ?p -1", "?s ?p-1", "?s ?p true"]
)
def test_a_sign_that_the_word_may_follow_is_no_excuse(before: str) -> None:
    with pytest.raises(ServiceRefused):
        services(f"SELECT * {{ ?service ?p ?o {before}SERVICE <http://10.0.0.1/> {{}} }}", [], strict=True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT (NOW() AS ?n) {}", True),
        ("SELECT (struuid () AS ?n) {}", True),
        ("SELECT * { BIND(BNODE() AS ?b) }", True),
        (f"SELECT * {{ SERVICE <{WIKIDATA}> {{ ?s ?p ?o }} }}", True),
        ("SELECT ?now { ?s kg:now ?now }", False),
        ("SELECT (DAY(?now) AS ?brand) { ?s kg:brand ?brand }", False),
    ],
)
def test_what_may_change_from_one_time_to_the_next(query: str, expected: bool) -> None:
    assert is_volatile(query) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("INSERT DATA { <a:a> <a:b> 1 }", True),
        ("PREFIX a: <a:> DELETE WHERE { ?s ?p ?o }", True),
        ("LOAD <http://a/>", True),
        ("SELECT * { ?s ?p 'INSERT' }", False),
        ("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", False),
        ("", False),
    ],
)
def test_updates_are_recognised(query: str, expected: bool) -> None:
    assert is_update(query) is expected


@pytest.mark.parametrize(
    ("query", "line", "column", "words"),
    [
        ("SELECT * WHERE {\n  ?s ?p\n}", 3, 2, "missing or wrong just before"),
        ("SELECT * {\n ?s ?p ) }", 2, 2, "did not expect “?s ?p ) }”"),
        ("SELECT ?x {\n  ?x foo:bar ?y }", 2, 6, "the prefix foo: is not declared"),
        ("SELECT ?x { ?x kg:provider ?y . ?y b:c", 1, 36, "the prefix b: is not declared"),
        ("# a\nPREFIX a: <a:b> SELCT *", 2, 17, "says SELECT, ASK, CONSTRUCT or DESCRIBE"),
        ("SELECT * { ?s ?p ?o", 1, 20, "ends too early; the braces { } do not match"),
        ("", 1, 1, "says SELECT, ASK, CONSTRUCT or DESCRIBE"),
    ],
)
def test_a_syntax_error_names_the_place(query: str, line: int, column: int, words: str) -> None:
    with pytest.raises(SyntaxError) as raised:
        ox.Store().query(query)
    error = syntax_error(raised.value, query)
    assert (error.line, error.column) == (line, column), str(error)
    assert words in str(error)
    assert "expected one of" not in str(error)


def test_what_would_exhaust_the_parser_is_refused() -> None:
    with pytest.raises(BadQuery, match="nests brackets 1,000 deep"):
        refuse_depth("SELECT * " + "{" * 1000 + "}" * 1000)
    refuse_depth("SELECT * { " + "{ ?s ?p '{{{' } " * 1000 + "}")


LONG = ['"' + '\\"' * 200_000, "a." * 200_000, "'" * 300_000, '"""' + "x" * 300_000, "<" * 300_000, "1" * 300_000]


@pytest.mark.parametrize("text", LONG, ids=[text[:4] for text in LONG])
def test_reading_takes_no_longer_than_the_text_is_long(text: str) -> None:
    started = time.perf_counter()
    words(text)
    with pytest.raises(ServiceRefused):
        services("ASK { service " + text, [WIKIDATA])
    assert time.perf_counter() - started < 5


BASE = "https://example.org/"
DATA, NOWHERE = "https://w3id.org/vigia/graph/data", "urn:nowhere"
RENAMED = {DATA: "urn:data", BASE + "g": "urn:g", BASE + "a.b": "urn:ab", BASE: "urn:base"}


def scope(query: str) -> Scoped:
    return scoped(query, RENAMED, NOWHERE, BASE)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"ASK {{ GRAPH <{DATA}> {{ ?s ?p ?o }} }}", "ASK { GRAPH <urn:data> { ?s ?p ?o } }"),
        ("ASK { GRAPH <g> {} }", "ASK { GRAPH <urn:g> {} }"),
        ("ASK { GRAPH <../g> {} }", "ASK { GRAPH <urn:g> {} }"),
        ("ASK { GRAPH graph:data {} }", "ASK { GRAPH <urn:data> {} }"),
        ("ASK {GRAPH graph:data{}}", "ASK {GRAPH <urn:data>{}}"),
        ("ASK { graph # of releases\n graph:data {} }", "ASK { graph # of releases\n <urn:data> {} }"),
        ("BASE <https://example.org/x/> ASK { GRAPH <../g> {} }", "BASE <https://example.org/x/> ASK { GRAPH <urn:g> {} }"),
        ("base <x/> base <y/> ASK { GRAPH <../../g> {} }", "base <x/> base <y/> ASK { GRAPH <urn:g> {} }"),
        ("PREFIX e: <https://example.org/> ASK { GRAPH e:g {} }", "PREFIX e: <https://example.org/> ASK { GRAPH <urn:g> {} }"),
        ("PREFIX : <> ASK { GRAPH :a.b {} }", "PREFIX : <> ASK { GRAPH <urn:ab> {} }"),
        ("PREFIX e: <x:> PREFIX e: <> ASK { GRAPH e:g {} }", "PREFIX e: <x:> PREFIX e: <> ASK { GRAPH <urn:g> {} }"),
        ("PREFIX graph: <x:> ASK { GRAPH graph:data {} }", f"PREFIX graph: <x:> ASK {{ GRAPH <{NOWHERE}> {{}} }}"),
        ("ASK { GRAPH <https://w3id.org/vigia/graph/data.r0> {} }", f"ASK {{ GRAPH <{NOWHERE}> {{}} }}"),
        ("ASK { GRAPH ?g { ?s ?p <x> } FILTER(?g = graph:data) }", "ASK { GRAPH ?g { ?s ?p <x> } FILTER(?g = <urn:data>) }"),
        ("ASK { VALUES ?g { graph:data } GRAPH ?g {} }", "ASK { VALUES ?g { <urn:data> } GRAPH ?g {} }"),
        ("PREFIX a.b: <> ASK { GRAPH ?x {} ?s ?p 1 .a.b:g ?p ?o }", "PREFIX a.b: <> ASK { GRAPH ?x {} ?s ?p 1 .<urn:g> ?p ?o }"),
        ("PREFIX e: <> ASK { ?s ?p e:g. GRAPH $x {} }", "PREFIX e: <> ASK { ?s ?p <urn:g>. GRAPH $x {} }"),
        (
            "PREFIX e: <> ASK { GRAPH#\n?x { ?s e:g/e:h|^e:g* ?o } }",
            "PREFIX e: <> ASK { GRAPH#\n?x { ?s <urn:g>/e:h|^<urn:g>* ?o } }",
        ),
        ("ASK { ?s a ?t.GRAPH graph:data{ ?s a ?t. } }", "ASK { ?s a ?t.GRAPH <urn:data>{ ?s a ?t. } }"),
        ("ASK { ?s ?p 1.GRAPH graph:data {} }", "ASK { ?s ?p 1.GRAPH <urn:data> {} }"),
        ("ASK { ?s ?p kg:a\\'b } GRAPH graph:data {} 'x'", "ASK { ?s ?p kg:a\\'b } GRAPH <urn:data> {} 'x'"),
        ("ASK { graph:data ?p ?o . GRAPH graph:data {} }", "ASK { graph:data ?p ?o . GRAPH <urn:data> {} }"),
    ],
)
def test_graphs_have_other_names_however_they_are_written(query: str, expected: str) -> None:
    assert scope(query).text == expected


@pytest.mark.parametrize("name", ["<gr\\u0061ph/data>", "<\\U00000067>", "graph:d\\u0061ta", "graph:data\\-x"])
@pytest.mark.parametrize("query", ["ASK { GRAPH NAME {} }", "ASK FROM NAME {}", "ASK FROM NAMED NAME {}"])
def test_the_name_of_a_graph_has_no_escapes(query: str, name: str) -> None:
    with pytest.raises(BadQuery, match="escapes"):
        scope(query.replace("NAME", name) if "NAMED" not in query else query.replace(" NAME ", f" {name} "))


def test_what_only_looks_like_the_name_of_a_graph_stays() -> None:
    for query in (
        f"ASK {{ ?s ?p '<{DATA}>' }}",
        "ASK { ?s ?p 'GRAPH graph:data' }",
        'ASK { ?s ?p """x" FROM <g> " """ }',
        "ASK { ?s ?p ?o } # FROM <g>",
        "ASK { ?from ?graph $FROM }",
        "ASK { ?s graph:database ?o . ?s graph:data.r0 ?o }",
        "PREFIX FROM: <x:> ASK { FROM:g GRAPH:g ?o }",
    ):
        assert scope(query) == Scoped(query, [], []), query


def test_what_a_query_is_from_is_told_apart_from_it() -> None:
    told = scope("SELECT * FROM <g>\nFROM NAMED graph:data from named <x:y> FROM # the last\n <h> WHERE { GRAPH ?g { ?s ?p ?o } }")
    assert told.default_graphs == [BASE + "g", BASE + "h"]
    assert told.named_graphs == [DATA, "x:y"]
    assert "g>" not in told.text.split("WHERE")[0]
    assert told.text.count("\n") == 2  # so that complaints name the right line
    ox.Store().query(told.text)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT ?a ?b { ?a kg:x ?b }", "SELECT  ?b { <x:1> kg:x ?b }"),
        ("SELECT ?b { $a kg:x ?b }", "SELECT ?b { <x:1> kg:x ?b }"),
        ("SELECT DISTINCT ?a ?b { ?a ?p ?b { ?b ?q ?a } }", "SELECT DISTINCT  ?b { <x:1> ?p ?b { ?b ?q <x:1> } }"),
        ("SELECT ?b { ?ab ?p ?a_ . ?b ?p '?a' # ?a\n }", "SELECT ?b { ?ab ?p ?a_ . ?b ?p '?a' # ?a\n }"),
        ("SELECT ?b (?a AS ?c) { ?b ?p ?o }", "SELECT ?b (<x:1> AS ?c) { ?b ?p ?o }"),
        ("SELECT ?a (COUNT(?b) AS ?n) { ?a ?p ?b } GROUP BY ?a", "SELECT  (COUNT(?b) AS ?n) { <x:1> ?p ?b } "),
        ("SELECT ?a ?b { ?a ?p ?b } GROUP BY ?a ?b", "SELECT  ?b { <x:1> ?p ?b } GROUP BY  ?b"),
        (
            "SELECT ?a (COUNT(?b) AS ?n) { ?a ?p ?b } GROUP BY ?a HAVING (COUNT(?b) > 1) ORDER BY ?n",
            "SELECT  (COUNT(?b) AS ?n) { <x:1> ?p ?b } HAVING (COUNT(?b) > 1) ORDER BY ?n",
        ),
        (
            "SELECT ?b { { SELECT ?b { ?a ?p ?b } LIMIT 1 } } ORDER BY DESC(?a) ?b LIMIT 2",
            "SELECT ?b { { SELECT ?b { <x:1> ?p ?b } LIMIT 1 } } ORDER BY DESC(<x:1>) ?b LIMIT 2",
        ),
        ("SELECT ?b { ?a (kg:x|^kg:y)/kg:z* ?b }", "SELECT ?b { <x:1> (kg:x|^kg:y)/kg:z* ?b }"),
    ],
)
def test_a_variable_that_has_a_term_is_no_longer_one(query: str, expected: str) -> None:
    given = fixed(query, {"a": "<x:1>"})
    assert given == expected
    ox.Store().query(given, prefixes={"kg": "x:"})


def test_patterns_are_counted_from_above() -> None:
    assert patterns("ASK { ?s ?p ?o }") == 2
    assert patterns("ASK { ?s ?p ?o . ?s ?p ?o ; ?q ?r, ?t }") == 5
    assert patterns("ASK { ?s ?p 1.5 ; ?q 'a.b;c,d' # .;,\n }") == 3
    assert patterns("ASK { ?s a kg:x.?s a kg:y.z }") == 3
    assert patterns("ASK { " + "OPTIONAL { ?s ?p ?o }" * 80 + " }") > 80
    assert patterns("ASK { ?s " + "/".join(["kg:p"] * 110) + " ?o }") > 110
    assert patterns("ASK { " + "?s a 1." * 110 + " }") > 110


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * { ?s ?p ?o } # done", "SELECT * { ?s ?p ?o } "),
        ("SELECT * # one\n# two\r\n{ ?s <p#q> ex:a\\#b }#", "SELECT * \n\n{ ?s <p#q> ex:a\\#b }"),
        ("SELECT * #\r{ ?s ?p '''\n FROM <g>\n#\r''' }", "SELECT * \n{ ?s ?p '''\n FROM <g>\n#\\r''' }"),
        ("SELECT ('''a\rb\r\nc''' AS ?x) {}", "SELECT ('''a\\rb\\r\nc''' AS ?x) {}"),
        (r'SELECT ("\u0022) {} #\\u0022" AS ?x)', r'SELECT ("\") {} #\\u0022" AS ?x)'),
        (r'ASK { ?s ?p "\u000A\U0001F600\u00e1\u0000\uD800\t" }', r'ASK { ?s ?p "\n😀á\u0000\uD800\t" }'),
        ('ASK { ?s ?p "a\x00b" }', r'ASK { ?s ?p "a\u0000b" }'),
        (r"ASK { <http://e/\u00E1#\u003E> ?p ?o }", r"ASK { <http://e/á#\u003E> ?p ?o }"),
        (r"PREFIX x: <\u00E1#> ASK FROM <g> {}", "PREFIX x: <á#> ASK FROM <g> {}"),
        (r"ASK { ?a ?b 'it\'s # no comment' }", r"ASK { ?a ?b 'it\'s # no comment' }"),
    ],
)
def test_a_query_is_made_plain(query: str, expected: str) -> None:
    assert plain(query) == expected
    assert plain(expected) == expected


def test_a_plain_query_means_the_same() -> None:
    query = r"""SELECT ("\u0041\u0022 \u005C # \U0001F600" AS ?a) ('''CR
    #\u0027' ''' AS ?b) (STR(<http://e/\u00E1#b>) AS ?c) # the end
    {}""".replace("CR", "\r")
    one, other = (ox.Store().query(text) for text in (query, plain(query)))
    assert [[*map(str, row)] for row in one] == [[*map(str, row)] for row in other]  # type: ignore[union-attr]
    assert "\\u" not in plain(query)
    assert "the end" not in plain(query)


HEAD = "SELECT * { ?s ?p ?o "


@pytest.mark.parametrize(
    "query",
    [
        "SELECT (<bif:http_get>('u') AS ?x) {}",
        "SELECT (<LONG::bif:http_get>('u') AS ?x) {}",
        "PREFIX b: <bif:> SELECT (b:http_get('u') AS ?x) {}",
        "BASE <bif:> SELECT (<http_get>('u') AS ?x) {}",
        "SELECT * { ?s ?p ?o . ?o <bif:contains> 'a' }",
        "SELECT (<java:java.lang.System>('u') AS ?x) {}",
        "SELECT (<http://www.w3.org/2005/xpath-functions/#doc>('u') AS ?x) {}",
        "SELECT (kg:f('u') AS ?x) {}",
        "SELECT (:f('u') AS ?x) {}",
        "SELECT (IF(<http://e/f>(1), 1, 2) AS ?x) {}",
        "SELECT (COUNT(<http://e/f>(?o)) AS ?n) {}",
        "PREFIX xsd: <http://e/> SELECT (xsd:integer('1') AS ?x) {}",
        "PREFIX xsd: <http://e/> # c\nSELECT (xsd:integer # (\n ('1') AS ?x) {}",
        "PREFIX f: <http://e/#> " + HEAD + "FILTER(f:doc(?o) = 1) }",
        HEAD + "FILTER <http://e/f>(?o) }",
        HEAD + "FILTER(<http://e/f> (?o)) }",
        HEAD + "FILTER(!<http://e/f>(?o)) }",
        HEAD + "FILTER(?o IN (1, <http://e/f>(?o))) }",
        HEAD + "FILTER(?o > <http://e/f>(?o)) }",
        HEAD + "FILTER(?o < <http://e/f>(?o)) }",
        HEAD + "FILTER(?o >= kg:f(?o) || -kg:f(?o) = 1) }",
        HEAD + "BIND(COALESCE(?x, <http://e/f>(?o)) AS ?y) }",
        HEAD + "FILTER(?o /<http://e/f>(?o)) }",
        HEAD + 'FILTER("a" = <http://e/f> (?o)) }',
        HEAD + "FILTER(?o = 1 && kg:f(?o)) }",
        HEAD + "FILTER EXISTS { ?s ?p ?o FILTER(?o<1&&<http://e/f>(?o)) } }",
        HEAD + "BIND(1 + <http://e/f>(?o) AS ?x) }",
        HEAD + "} GROUP BY <http://e/f>(?o)",
        HEAD + "} GROUP BY ?s <http://e/f>(?o)",
        HEAD + "} HAVING (1=1) <http://e/f>(?o)",
        HEAD + "} ORDER BY ?s <http://e/f>(?o)",
        HEAD + "} ORDER BY ?s kg:f (?o)",
        HEAD + "} ORDER BY DESC(?s) <http://e/f>(?o)",
        "SELECT * { { SELECT ?s { ?s ?p ?o } ORDER BY ?s <http://e/f>(?o) LIMIT 1 } }",
    ],
)
def test_what_an_engine_has_beyond_sparql_is_not_called(query: str) -> None:
    with pytest.raises(BadQuery, match=r"no function of SPARQL|IRIs in a query may begin"):
        refuse_foreign(plain(query))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT (xsd:integer('1') AS ?x) (<http://www.w3.org/2001/XMLSchema#date>('2020-01-01') AS ?y) {}",
        "SELECT * { ?s <http://e/p> (1 2) }",
        "SELECT * { ?s a ?t ; kg:p (1 2) ; kg:q [ kg:r () ] . }",
        "SELECT * { [] kg:p (1) }",
        "SELECT * { (1 2) kg:p (3) . <http://e/s> kg:p (4) . kg:s kg:p (5) }",
        "SELECT * { VALUES (?a ?b) { (kg:x kg:y) (kg:z kg:w) } }",
        "SELECT * { ?s (kg:p|kg:q)/kg:r ?o }",
        "SELECT * { kg:s (kg:p|kg:q) ?o .kg:s (kg:p) ?o . OPTIONAL { } kg:s (kg:p) ?o FILTER(?o) kg:s (kg:p) ?o }",
        "SELECT (COUNT(*) AS ?n) (MAX(?o) AS ?m) { ?s ?p ?o } GROUP BY ?s ORDER BY DESC(?n) (?m)",
        "ASK { <urn:a> <mailto:a@b> <tag:x> }",
        "SELECT * { ?s ?p '<bif:x>(1)', 'kg:f(', \"http://e/f>(x\" }",
    ],
)
def test_conversions_collections_and_groups_are_no_such_calls(query: str) -> None:
    ox.Store().query(query, prefixes=PREFIXES)
    refuse_foreign(plain(query))
