# Each target is one line that you could type. Python 3.11 or newer; another one: make PYTHON=python3.12 demo
PYTHON ?= python3
PIP = -m pip --disable-pip-version-check install --quiet
COMPILE = .venv-lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

.PHONY: demo test torture fuzz bench lint lock pictures words judges wheel clean
.DELETE_ON_ERROR:

demo: .venv/.ready  ## an issue of an invented newsletter, written, sent and read, on this machine alone
	.venv/bin/digest demo

test: lint judges  ## everything that must hold
	.venv-test/bin/python -m pytest -n auto --dist loadfile

PART ?= -k "not wheel"
torture: .venv-test/.ready  ## thousands of new examples for every property; takes long. One part: PART=tests/test_surviving.py
	DIGEST_HYPOTHESIS=torture DIGEST_KILLS=200 .venv-test/bin/python -m pytest -rP $(PART)

bench: .venv-test/.ready benchmarks/node_modules/.ready  ## how fast: benchmarks/results/*.md, and charts beside them
	for script in benchmarks/*.py; do .venv-test/bin/python $$script || exit 1; done

# What the send is measured beside.
benchmarks/node_modules/.ready: benchmarks/package-lock.json
	@if command -v npm >/dev/null; then cd benchmarks && npm ci --silent && touch node_modules/.ready; \
	else echo "There is no npm: the send is not measured beside Nodemailer. On Debian: sudo apt install npm" >&2; fi

fuzz: .venv-test/.ready  ## five thousand mutated feeds and pages; a case that fails says how to have it again
	.venv-test/bin/python -m tests.fuzz --cases 5000

lint: .venv-test/.ready  ## style, types and the import contract
	.venv-test/bin/ruff check
	.venv-test/bin/ruff format --check
	.venv-test/bin/mypy
	.venv-test/bin/mypy scripts benchmarks
	.venv-test/bin/lint-imports

wheel: .venv-test/.ready  ## dist/digest-*.whl
	.venv-test/bin/python -m build --wheel --no-isolation

pictures: .venv-test/.ready  ## tests/pictures and docs/issue*.png anew; look at them
	DIGEST_PICTURES=take .venv-test/bin/python -m pytest -p no:randomly tests/test_pictures.py
	.venv-test/bin/python scripts/picture.py docs/issue.png
	.venv-test/bin/python scripts/picture.py --phone --dark docs/issue-phone-dark.png

words: .venv-test/.ready  ## gather the words of the mail for translators, compile what they wrote
	.venv-test/bin/python scripts/words.py
	.venv-test/bin/python scripts/reader_words.py

# What judges the HTML from outside (tests/npm); without npm those tests skip, and say so.
judges:
	@if ! command -v npm >/dev/null; then echo "There is no npm: the mail's HTML is not judged from outside. On Debian: sudo apt install npm" >&2; \
	elif [ ! tests/npm/node_modules/.ready -nt tests/npm/package-lock.json ]; then \
	  cd tests/npm && npm ci --no-progress --loglevel=error && touch node_modules/.ready; fi

lock:  ## pin and hash anew what pyproject.toml asks for
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python $(PIP) uv
	$(COMPILE) pyproject.toml --output-file requirements/runtime.txt
	$(COMPILE) pyproject.toml --group test --extra postgresql --constraint requirements/runtime.txt --output-file requirements/test.txt
	$(COMPILE) requirements/build.in --constraint requirements/test.txt --output-file requirements/build.txt
	rm -rf .venv-lock

clean:  ## all that the other targets made
	rm -rf .venv .venv-test .venv-lock tests/npm/node_modules benchmarks/node_modules tests/pictures/found demo dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# The stamp is newer than what it was made from, so a second run installs nothing.
.venv/.ready: requirements/runtime.txt
.venv-test/.ready: requirements/test.txt
.venv/.ready .venv-test/.ready: requirements/build.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "There is no command $(PYTHON). Install Python 3.11 or newer, or name it: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit("Digest needs Python 3.11 or newer; $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python $(PIP) --require-hashes $(addprefix --requirement ,$(filter requirements/%,$^))
	$(@D)/bin/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
