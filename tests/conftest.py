"""What every test may ask for: a database of each engine, a house, and a clock that stands still.

PostgreSQL is started once, as a cluster of its own on a free port of the loopback, by whoever
may run it (initdb refuses root). Where it or the browser is missing, the test skips and says
what to install; CI fails on a skip.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest

from digest import database as databases
from digest import sample
from digest.database import Database
from digest.publish import House, open_house
from tests.relay import ScriptedRelay
from tests.serving import held_port

pytest_plugins = [
    "tests.checklist",
    "tests.collected",
    "tests.desks",
    "tests.drafts",
    "tests.imap_server",
    "tests.kitchen",
    "tests.no_skips",
]

# The same examples in each run, however busy the machine; `make torture` looks for new ones.
# A machine that stalls while an example is drawn is no fault of the test.
STALLING = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=STALLING
)
hypothesis.settings.register_profile(
    "torture", max_examples=5000, deadline=None, suppress_health_check=STALLING
)
hypothesis.settings.load_profile(os.environ.get("DIGEST_HYPOTHESIS", "steady"))

# In memory, where there is room for it, no disk that others keep busy is waited for: a copy of a
# database takes an eighth of a second instead of one.
MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # bytes  # noqa: S108 - pytest makes a folder of its own
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))  # pytest's tmp_path

NOW = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
SECRET = "a-secret-that-only-tests-know"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three for two cores: of a test's time a third is waiting, for a disk, a relay, a browser."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of the loopback that answers nobody, until a test lets a server listen there."""
    with held_port() as port:
        yield port


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """Monday 30 March 2026, seven in the morning in New Delhi."""
    return lambda: NOW


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a server that lives as long as the tests; databases are made in it."""
    binaries = _postgresql_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with (
        tempfile.TemporaryDirectory(
            prefix="digest-pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")
        ) as folder,
        held_port() as port,
        _cluster(binaries, folder, port) as url,
    ):
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table, once for each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'digest.db'}"
        return
    with _borrowed(request.getfixturevalue("postgresql")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database with its tables, once for each engine: a copy of one that
    was migrated once, for that takes long.
    """
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "digest.db")
        yield f"sqlite:///{tmp_path / 'digest.db'}"
        return
    template = request.getfixturevalue("migrated_on_server").rpartition("/")[2]
    with _borrowed(request.getfixturevalue("postgresql"), template) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite with the tables, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    databases.open_database("sqlite:///digest.db", folder).close()
    return folder / "digest.db"


@pytest.fixture(scope="session")
def migrated_on_server(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a database with the tables, to be copied."""
    url = fresh_database(postgresql)
    databases.open_database(url, tmp_path_factory.mktemp("migrated")).close()
    return url


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """A database with the tables of the three books, once for each engine."""
    opened = databases.open_database(database_url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the sample's publisher, its articles dated back from `NOW`."""
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)
    sample.write(tmp_path, NOW)
    (tmp_path / "digest.toml").write_text(sample.settings(2525), encoding="utf-8")
    return tmp_path


@pytest.fixture
def environ(database_url: str, relay: ScriptedRelay) -> dict[str, str]:
    """What the environment adds to digest.toml, once for each engine; mail goes to `relay`."""
    return {
        "DIGEST_WEB_SECRET": SECRET,
        "DIGEST_DATABASE_URL": database_url,
        "DIGEST_RELAY_PORT": str(relay.port),
    }


@pytest.fixture
def relay() -> Iterator[ScriptedRelay]:
    """A relay on the loopback that takes everything, until it is told to say something else."""
    with ScriptedRelay() as opened:
        yield opened


@pytest.fixture
def house(folder: Path, environ: dict[str, str]) -> Iterator[House]:
    """The sample's house, once for each engine."""
    with open_house(folder, environ) as opened:
        yield opened


def _postgresql_binaries() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@contextlib.contextmanager
def _cluster(binaries: Path, folder: str, port: int) -> Iterator[str]:
    data = Path(folder) / "data"
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    run = [*_as_postgres(binaries / "initdb"), "-D", str(data), "-U", "digest", "-A", "trust"]
    subprocess.run([*run, "-E", "UTF8", "--no-sync"], check=True, capture_output=True, cwd="/")
    # Shared memory as files of its own folder: an immediate stop would leave others behind.
    shared = "-c dynamic_shared_memory_type=mmap"
    options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off {shared}"
    control = [*_as_postgres(binaries / "pg_ctl"), "-D", str(data), "-w"]
    log = ["-l", str(Path(folder) / "log")]
    subprocess.run(
        [*control, *log, "-o", options, "start"], check=True, capture_output=True, cwd="/"
    )
    try:
        yield f"postgresql+psycopg://digest@127.0.0.1:{port}/"
    finally:
        subprocess.run(
            [*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd="/"
        )


def _as_postgres(program: Path) -> list[str]:
    # The server refuses root.
    return [*(["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []), str(program)]


def restart_postgresql(server: str) -> None:
    """Stop the server, whoever is connected, and start it again."""
    import psycopg

    with psycopg.connect(server.replace("+psycopg", "") + "postgres") as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    binaries = _postgresql_binaries()
    assert row
    assert binaries
    log = Path(row[0]).parent / "log"
    control = [*_as_postgres(binaries / "pg_ctl"), "-D", row[0], "-w", "-l", str(log)]
    subprocess.run([*control, "-m", "fast", "restart"], check=True, capture_output=True, cwd="/")


def fresh_database(server: str, template: str = "template1") -> str:
    """The address of a new database on the server: a copy of the template."""
    name = f"digest_{secrets.token_hex(6)}"
    _order(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return server + name


@contextlib.contextmanager
def _borrowed(server: str, template: str = "template1") -> Iterator[str]:
    url = fresh_database(server, template)
    yield url
    _order(server, f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


def _order(server: str, what: str) -> None:
    import psycopg

    address = server.replace("+psycopg", "") + "postgres"
    with psycopg.connect(address, autocommit=True) as connection:
        if connection.info.server_version < 150_000:
            what = what.replace(" STRATEGY file_copy", "")  # their only one
        connection.execute(what.encode())
