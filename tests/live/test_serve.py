"""The server of the page: who may come in, and what a page may not do."""

import asyncio
import socket
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("aiortc", reason="the extra [live] is not installed")

import aiohttp

from streamllie.errors import ModelNotFound, SinkError, SourceError
from streamllie.live.rtc import apply, without_addresses
from streamllie.live.serve import HEADERS, Server, is_loopback, media_addresses
from streamllie.live.stage import Controls
from tests.live.peers import free_port
from tests.media import make_video

TOKEN = "a-token-of-24-characters"


def asked(path: str, *, method: str = "GET", host: str = "127.0.0.1", token: str | None = None, **request):
    """Start a server, ask it one thing, and give status, headers and text."""

    async def ask():
        async with (
            Server(None, host=host, port=free_port(), token=token, model="lite", backend="auto") as server,
            aiohttp.ClientSession() as session,
        ):
            url = f"http://127.0.0.1:{server.port}"
            headers = {k: v.replace("HERE", f"127.0.0.1:{server.port}") for k, v in request.pop("headers", {}).items()}
            async with session.request(
                method, aiohttp.client.URL(url + path, encoded=True), headers=headers, allow_redirects=False, **request
            ) as response:
                return response.status, dict(response.headers), await response.text()

    return asyncio.run(ask())


def test_the_page_is_there_and_allows_nothing_from_elsewhere():
    status, headers, text = asked("/")
    assert status == 200
    assert "<video" in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/../page.html",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/page/../serve.py",
        "/serve.py",
        "/page.html",
        "/?file=/etc/passwd/../x/y",
        "/static/../../x",
        "/page.js%00.html",
    ],
)
def test_no_path_leads_out_of_the_three_files(path):
    status, _, text = asked(path)
    assert status in (400, 403, 404) or (path.startswith("/?") and "<video" in text)
    assert "root:" not in text
    assert "aiohttp" not in text


@pytest.mark.parametrize(
    ("path", "asking", "status"),
    [
        ("/", {"token": TOKEN}, 401),
        ("/", {"headers": {"Host": "evil.example"}}, 403),
        ("/nothing", {}, 404),
        ("/page.css", {"method": "POST"}, 405),
        ("/offer", {"method": "POST", "data": "{}"}, 415),
        (f"/?token={TOKEN}", {"token": TOKEN}, 302),
    ],
)
def test_a_refusal_and_the_way_to_the_page_are_as_closed_as_the_page(path, asking, status):
    told, headers, _ = asked(path, **asking)
    assert told == status
    assert HEADERS.items() <= headers.items()


def test_the_address_holds_any_token_as_a_browser_reads_it():
    token = "a+b/c==&d#e%41-and-on-it-goes"
    server = Server(None, host="0.0.0.0", port=8080, token=token, model="lite", backend="auto")
    assert parse_qs(urlsplit(server.address).query) == {"token": [token]}


@pytest.mark.parametrize("given", [None, "wrong-token-of-24-chars-", "", TOKEN[:-1], TOKEN + "x", "tökén"])
def test_without_the_token_nobody_comes_in_from_outside(given):
    cookies = {} if given is None else {"cookies": {"streamllie": given}} if given.isascii() else {}
    path = "/" if given is None or given.isascii() else "/?token=t%C3%B6k%C3%A9n"
    status, _, text = asked(path, host="0.0.0.0", token=TOKEN, **cookies)
    assert status == 401
    assert "<video" not in text
    offer = {"sdp": "v=0", "camera": True}
    status, _, _ = asked("/offer", method="POST", host="0.0.0.0", token=TOKEN, json=offer, **cookies)
    assert status == 401


def test_with_the_token_in_the_address_the_page_comes_and_the_address_forgets_it():
    status, headers, _ = asked(f"/?token={TOKEN}", host="0.0.0.0", token=TOKEN)
    assert (status, headers["Location"]) == (302, "/")
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    status, _, text = asked("/", host="0.0.0.0", token=TOKEN, cookies={"streamllie": TOKEN})
    assert status == 200
    assert "<video" in text


def test_an_old_cookie_of_the_browser_does_not_stand_in_the_way_of_the_right_token():
    old = {"streamllie": "of-an-earlier-run"}
    status, _, _ = asked(f"/?token={TOKEN}", host="0.0.0.0", token=TOKEN, cookies=old)
    assert status == 302
    status, _, _ = asked("/", host="0.0.0.0", token=TOKEN, cookies=old, headers={"Authorization": f"Bearer {TOKEN}"})
    assert status == 200


def test_an_open_address_makes_a_token_of_its_own_and_a_short_one_is_refused():
    assert len(Server(None, host="0.0.0.0", port=0, token=None, model="lite").token) >= 20
    assert Server(None, host="127.0.0.1", port=0, token=None, model="lite").token is None
    with pytest.raises(SinkError, match="the token has 5 characters"):
        Server(None, host="0.0.0.0", port=0, token="short", model="lite")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name of another site that was given our address
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_may_not_use_this_machine_through_a_browser(headers):
    status, _, _ = asked("/offer", method="POST", headers=headers, json={"sdp": "v=0", "camera": True})
    assert status == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"sdp": "v=0", "camera": true}', 400),
        ('{"sdp": 5, "camera": true}', 400),
        ('{"sdp": "v=0"}', 400),
        ("[]", 400),
        ("nonsense", 400),
        ('{"sdp": "file:///etc/passwd", "camera": true}', 400),
        ('{"sdp": "v=0", "camera": false}', 409),  # there is no source
        ('"' + 100_000 * "x" + '"', 413),
    ],
)
def test_an_offer_that_is_none_is_refused(body, status):
    headers = {"Content-Type": "application/json", "Origin": "http://HERE"}
    assert asked("/offer", method="POST", data=body, headers=headers)[0] == status


def test_an_offer_must_say_that_it_is_json_which_no_form_of_another_site_can():
    assert asked("/offer", method="POST", data="{}", headers={"Content-Type": "text/plain"})[0] == 415


def test_addresses_in_an_offer_are_not_called():
    sdp = "v=0\r\na=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\na=end-of-candidates\r\na=mid:0\r\n"
    assert without_addresses(sdp) == "v=0\r\na=mid:0\r\n"


def test_only_known_controls_with_sensible_values_are_taken():
    controls = Controls()
    apply(controls, {"strength": 0.5, "split": 0.25, "enabled": False, "mirror": True})
    assert (controls.strength, controls.split, controls.enabled, controls.mirror) == (0.5, 0.25, False, True)
    apply(controls, {"split": None})
    assert controls.split is None
    for bad in (
        {"strength": 2},
        {"strength": "1"},
        {"strength": True},
        {"smoothing": float("nan")},
        {"enabled": 1},
        {"model": "/etc/passwd"},
        {"__class__": 0},
        ["strength"],
        None,
    ):
        with pytest.raises(ValueError, match="control"):
            apply(controls, bad)
    assert controls.strength == 0.5


@pytest.mark.parametrize(
    ("host", "alone", "media"),
    [
        ("127.0.0.1", True, ["127.0.0.1"]),
        ("localhost", True, ["127.0.0.1"]),
        ("::1", True, ["127.0.0.1"]),
        ("0.0.0.0", False, None),
        ("192.0.2.7", False, ["192.0.2.7"]),
        ("localhost.evil.example", False, None),
    ],
)
def test_media_comes_in_where_the_page_does(host, alone, media):
    assert is_loopback(host) == alone
    assert media_addresses(host) == media


@pytest.mark.parametrize(
    ("host", "other"), [("nohost.invalid", "--host"), ("a..b", "--host"), ("203.0.113.7", "--host"), (None, "--port")]
)
def test_what_cannot_be_served_on_names_the_option_that_helps(host, other):
    async def begin(port):
        async with Server(None, host=host or "127.0.0.1", port=port, token=None, model="lite"):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SinkError, match=f"choose another {other}"):
        asyncio.run(begin(taken.getsockname()[1]))


def test_a_source_that_is_not_there_is_told_before_anything_is_served():
    with pytest.raises(SourceError, match="neither a camera"):
        Server("no-such-camera", host="127.0.0.1", port=0, token=None, model="lite")


def test_a_model_of_the_shelf_stays_one_for_every_visitor(tmp_path, monkeypatch):
    """Its path alone would be a file without a name, that no manifest checks."""
    played = []
    monkeypatch.setattr("streamllie.live.serve.Player", lambda source, **options: played.append(options))
    clip = make_video(tmp_path / "night.mp4", frames=2)
    Server(str(clip), host="127.0.0.1", port=0, token=None, model="lite")
    assert played[0]["model"] == "lite"
    with pytest.raises(ModelNotFound, match="huge"):
        Server(str(clip), host="127.0.0.1", port=0, token=None, model="huge")
