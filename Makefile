# Needs Python 3.11 or newer, make and git; everything else is installed into .venv from locked versions.

PYTHON := $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python3.14,\
	$(shell command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
HOST := 127.0.0.1
PORT := 8000
FUSEKI := 5.6.0

SCALE := 20000 real 1000000 10000000

.PHONY: serve test check build bench bench-scale engines lock clean

serve: .venv/serve.done .venv/front.done  ## build the graph if its files changed, and serve it
	.venv/bin/kg build --if-changed
	.venv/bin/kg serve --host $(HOST) --port $(PORT)

build: .venv/serve.done
	.venv/bin/kg build

check: .venv/serve.done
	.venv/bin/kg check

test: .venv/dev.done .venv/front.done .validators/done  ## everything that CI runs
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/kg check
	.venv/bin/pytest

bench: .venv/serve.done .venv/front.done .bench/peers.done  ## measure beside other servers, about 45 minutes; BENCH=--quick takes 2
	.venv/bin/kg build --if-changed
	.bench/bin/python -m bench $(BENCH)

bench-scale: .venv/dev.done .venv/front.done .bench/peers.done  ## measure sizes and stores, an hour and more; SCALE="20000 real" takes minutes
	.venv/bin/kg build --if-changed
	PYTHONPATH=src .bench/bin/python -m bench.scale $(SCALE)
	.venv/bin/python -m bench.scale_report

.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "Vigía needs Python 3.11 or newer; none was found on the PATH."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/serve.done: .venv/bin/pip requirements.lock pyproject.toml
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.done: .venv/serve.done requirements-dev.lock
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# They want other versions of what we use, so they have a folder of their own, which only the scripts of tests/validators read.
.validators/done: .venv/bin/pip requirements-validators.lock
	rm -rf $(@D)
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target $(@D) -r requirements-validators.lock
	@touch $@

# What pages load from npm: the editor of the SPARQL page, and maps. Where it cannot be fetched, pages do without, and the next
# run tries again.
.venv/front.done: .venv/serve.done requirements-front.lock web/package.json web/package-lock.json web/editor.js web/make.py web/world.py
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-front.lock \
	&& .venv/bin/python web/make.py .venv/front && touch $@ \
	|| echo "The editor and the maps could not be made (see above). Everything else works without them."

.bench/peers.done: .venv/bin/pip bench/requirements.txt
	$(PYTHON) -m venv .bench
	.bench/bin/pip install --quiet --disable-pip-version-check --requirement bench/requirements.txt
	@touch $@

engines: .engines/jena-fuseki-server-$(FUSEKI).jar  ## fetch Apache Jena Fuseki (55 MB), which some tests start; needs Java and Maven

.engines/jena-fuseki-server-$(FUSEKI).jar:
	mvn --quiet --batch-mode dependency:copy -Dartifact=org.apache.jena:jena-fuseki-server:$(FUSEKI) -DoutputDirectory=$(@D)

lock: .venv/dev.done  ## after a change of dependencies in pyproject.toml
	.venv/bin/pip install --quiet uv
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --group build pyproject.toml --output-file requirements.lock
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --group build --group dev pyproject.toml --output-file requirements-dev.lock
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --group front --output-file requirements-front.lock
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-package pyicu --no-emit-package mypy --group validators --output-file requirements-validators.lock

clean:  ## remove everything that is not in the repository
	rm -rf .venv .bench .engines .validators build src/kg/web/static/made .mypy_cache .ruff_cache .pytest_cache
