"""`digest doctor` asks a real relay, and the real pages on a real port."""

import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Response

from digest.preflight import Unanswered
from digest.preflight.premises import Answer, Web, examine_web
from digest.publish import open_house
from digest.publish.doctoring import names, outside
from digest.web import public_app
from tests.conftest import SECRET
from tests.doctored import at, found
from tests.relay import ScriptedRelay
from tests.serving import serving

FINE = Answer(200)
SITE = Web("https://mail.example.org", FINE, FINE, Answer(404))


def test_the_relay_is_greeted_and_left_in_peace(folder: Path) -> None:
    with ScriptedRelay() as relay:
        toml = folder / "digest.toml"
        toml.write_text(toml.read_text("utf-8").replace("2525", str(relay.port)), "utf-8")
        with open_house(folder, {"DIGEST_WEB_SECRET": SECRET}) as house:
            assert found(house, "relay") == {}
        assert relay.accepted == []
    with open_house(folder, {"DIGEST_WEB_SECRET": SECRET}) as house:
        assert found(house, "relay")["relay-unusable"].endswith(
            f":{relay.port} cannot be used: nobody listens at that port."
        )


def test_a_relay_that_has_no_tls_is_not_good_enough(folder: Path) -> None:
    with ScriptedRelay() as relay:
        toml = folder / "digest.toml"
        text = toml.read_text("utf-8").replace("2525", str(relay.port))
        toml.write_text(text.replace('security = "none"', 'security = "starttls"'), "utf-8")
        with open_house(folder, {"DIGEST_WEB_SECRET": SECRET}) as house:
            (told,) = found(house, "relay").values()
            assert told.endswith("cannot be used: it offers no STARTTLS.")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"security": "tls"}, "it does not speak TLS at that port."),
        ({"username": "us", "password": "secret"}, "it takes no login."),
    ],
)
def test_what_a_relay_cannot_do_is_said_in_words(
    folder: Path, how: dict[str, str], told: str
) -> None:
    with ScriptedRelay() as relay:
        environ = {f"DIGEST_RELAY_{name.upper()}": value for name, value in how.items()}
        environ |= {"DIGEST_WEB_SECRET": SECRET, "DIGEST_RELAY_PORT": str(relay.port)}
        with open_house(folder, environ) as house:
            assert found(house, "relay")["relay-unusable"].endswith(f"cannot be used: {told}")


def test_a_relay_with_a_certificate_that_nobody_vouches_for(folder: Path) -> None:
    with ScriptedRelay(tls=True) as relay:
        environ = {"DIGEST_WEB_SECRET": SECRET, "DIGEST_RELAY_PORT": str(relay.port)}
        with open_house(folder, {**environ, "DIGEST_RELAY_SECURITY": "tls"}) as house:
            told = found(house, "relay")["relay-unusable"]
    assert "its certificate is not accepted: self" in told


def test_our_own_pages_take_one_click_and_end_nobodys_subscription(
    folder: Path, closed_port: int
) -> None:
    at(folder, f"http://127.0.0.1:{closed_port}")
    with open_house(folder, {"DIGEST_WEB_SECRET": SECRET}) as house:
        assert "is not answered" in found(house, "web")["base-url-silent"]
        with serving(public_app(house, lambda: datetime.now(UTC)), closed_port):
            assert list(found(house, "web")) == ["base-url-not-https"]
    # Another secret: whose links these are, nobody at base_url knows.
    with (
        open_house(folder, {"DIGEST_WEB_SECRET": SECRET}) as ours,
        open_house(folder, {"DIGEST_WEB_SECRET": "another-secret-of-good-length"}) as asking,
        serving(public_app(ours, lambda: datetime.now(UTC)), closed_port),
    ):
        assert "HTTP 404" in found(asking, "web")["one-click-fails"]


def test_a_server_that_says_yes_to_all_is_found_out(folder: Path) -> None:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    def anything(path: str) -> Response:
        return Response(
            path, headers={"Set-Cookie": "a=b", "Date": "Mon, 30 Mar 2026 01:30:00 GMT"}
        )

    with serving(app) as site, open_house(at(folder, site), {"DIGEST_WEB_SECRET": SECRET}) as house:
        rules = found(house, "web")
    assert set(rules) == {
        "base-url-not-https", "one-click-fails", "one-click-takes-all", "clock-adrift",
    }  # fmt: skip
    assert "with a cookie" in rules["one-click-fails"]


@pytest.mark.parametrize(
    ("web", "rule"),
    [
        (replace(SITE, base_url="http://mail.example.org"), "base-url-not-https"),
        (replace(SITE, health=Answer(0, why="no such host")), "base-url-silent"),
        (replace(SITE, one_click=Answer(302, {"location": "/login"})), "one-click-fails"),
        (replace(SITE, one_click=Answer(403)), "one-click-fails"),
        (replace(SITE, forged=FINE), "one-click-takes-all"),
        (replace(SITE, ahead=timedelta(minutes=-3)), "clock-adrift"),
    ],
)
def test_what_is_wrong_at_base_url(web: Web, rule: str) -> None:
    assert examine_web(SITE) == []
    assert [finding.rule for finding in examine_web(web)] == [rule]


def test_who_stays_silent_is_not_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "PATIENCE", 0.2)
    monkeypatch.setattr(names, "SECONDS", 0.2)
    monkeypatch.setattr(names, "LEAST", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        environ = {"DIGEST_WEB_SECRET": SECRET, "DIGEST_RELAY_PORT": str(port)}
        with open_house(folder, environ) as house:
            assert "it said nothing for 0 seconds." in found(house, "relay")["relay-unusable"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = names.DnsResolver(f"127.0.0.1:{silent.getsockname()[1]}")
        left = []
        for _ in range(4):
            with pytest.raises(Unanswered):
                resolver.look_up("news.example.org", "TXT")
            left.append(resolver.patience)
    assert left == [0.1, 0.05, 0.05, 0.05]


def test_a_site_that_says_nothing_is_asked_once(folder: Path, closed_port: int) -> None:
    asked: list[str] = []

    async def ask(url: str, *told: object) -> Answer:
        del told
        asked.append(url)
        return Answer(0, why="within 15 seconds")

    with (
        open_house(at(folder, "https://mail.example.org"), {"DIGEST_WEB_SECRET": SECRET}) as house,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setattr("digest.publish.doctoring.outside.sources.ask", ask)
        assert list(found(house, "web")) == ["base-url-silent"]
    assert asked == ["https://mail.example.org/health"]


def test_a_proxy_that_makes_a_get_of_a_post_is_found_out(folder: Path, closed_port: int) -> None:
    """It answers the good link with 200 and the forged one with 404, and ends nothing."""
    app = FastAPI()
    at(folder, f"http://127.0.0.1:{closed_port}")
    with (
        open_house(folder, {"DIGEST_WEB_SECRET": SECRET}) as house,
        serving(public_app(house, lambda: datetime.now(UTC))) as pages,
    ):

        @app.api_route("/{path:path}", methods=["GET", "POST"])
        def get(path: str) -> Response:
            told = httpx.get(f"{pages}/{path}")
            return Response(told.content, told.status_code, media_type=told.headers["content-type"])

        with serving(app, closed_port):
            rules = found(house, "web")
    assert set(rules) == {"base-url-not-https", "one-click-fails"}
    assert "answered with a page, as if it were a GET" in rules["one-click-fails"]
