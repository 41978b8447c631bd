"""The wheel is whole: far from the checkout, with pinned requirements, it plays the demo."""

import mailbox
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    # Neither the checkout's modules nor its settings may help.
    env = {
        k: v
        for k, v in os.environ.items()
        if k not in {"PYTHONPATH", "VIRTUAL_ENV"} and not k.startswith("DIGEST_")
    }
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    run(sys.executable, *build, cwd=CHECKOUT)
    (built,) = folder.glob("digest-*.whl")
    return built


def test_templates_migrations_and_the_sample_are_inside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())

    wanted = {
        f"digest/templates/{file.relative_to(CHECKOUT / 'templates')}"
        for file in (CHECKOUT / "templates").rglob("*")
        if file.is_file()
    }
    wanted |= {
        str(file.relative_to(CHECKOUT))
        for folder in ("digest/migrations", "digest/sample", "digest/locale")
        for file in (CHECKOUT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert wanted - inside == set()
    for room in (
        "digest/templates/",
        "digest/migrations/versions/",
        "digest/sample/",
        "digest/locale/ar/",
    ):
        assert any(name.startswith(room) for name in inside), f"nothing in {room}"


def test_installed_far_from_the_checkout_it_plays_the_demo(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    program = tmp_path / "venv" / "bin"
    pip = (program / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--require-hashes", "-r", CHECKOUT / "requirements" / "runtime.txt", cwd=tmp_path)
    run(*pip, "--no-deps", wheel, cwd=tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()

    run(program / "digest", "demo", cwd=empty)

    sent = list(mailbox.Maildir(empty / "demo" / "mail", create=False))
    assert sent, "the demonstration sent no mail"
    assert all(message["List-Unsubscribe"] for message in sent)
