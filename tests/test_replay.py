"""A token is good for one call: in one process, in workers that were forked, and in Redis."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import requests

from plugin import replay
from plugin.app import create_app
from plugin.config import BadSetting, Settings
from plugin.demo import service
from plugin.replay import PLACES, Redis, Shared, digest
from tests.signing import URL, bearer, registry
from tests.test_hooks import refusal
from tests.test_trust import BODY, VIEW, ask

NOW = 1_800_000_000.0


# --- memory --------------------------------------------------------------------------------------------------


def test_the_first_sight_is_told_from_the_second() -> None:
    seen = Shared()
    assert seen.first("a", "1", NOW + 300, NOW)
    assert not seen.first("a", "1", NOW + 300, NOW)
    assert seen.first("a", "2", NOW + 300, NOW)
    assert seen.first("b", "1", NOW + 300, NOW)
    assert seen.first("a\0", "1", NOW + 300, NOW)


def test_what_has_expired_is_forgotten() -> None:
    seen = Shared()
    assert seen.first("a", "1", NOW + 300, NOW)
    assert not seen.first("a", "1", NOW + 300, NOW + 299.9)
    assert seen.first("a", "1", NOW + 600, NOW + 300)


def test_a_full_memory_forgets_what_expires_first_and_says_so(logged: pytest.LogCaptureFixture) -> None:
    seen = Shared(buckets=1)
    for number in range(PLACES):
        assert seen.first("a", str(number), NOW + 300 + number, NOW)
    assert "forgotten" not in logged.text
    assert seen.first("a", "one more", NOW + 400, NOW)
    assert "one was forgotten before its time" in logged.text
    assert not seen.first("a", "1", NOW + 301, NOW)
    assert seen.first("a", "0", NOW + 300, NOW)


def test_tokens_spread_over_the_memory(logged: pytest.LogCaptureFixture) -> None:
    seen = Shared()
    assert all(seen.first("a", str(number), NOW + 300, NOW) for number in range(20_000))
    assert not any(seen.first("a", str(number), NOW + 300, NOW) for number in range(20_000))
    assert "forgotten" not in logged.text


def test_of_many_threads_with_one_token_one_is_first() -> None:
    seen = Shared()
    with ThreadPoolExecutor(16) as pool:
        for number in range(50):
            firsts = pool.map(lambda _, n=number: seen.first("a", str(n), NOW + 300, NOW), range(16))
            assert list(firsts).count(True) == 1


FORKED = """
import os, sys
from plugin.replay import Shared
seen, (ready, go), (said, tell) = Shared(), os.pipe(), os.pipe()
for _ in range(4):
    if os.fork() == 0:
        os.read(ready, 1)
        firsts = [seen.first("a", str(n), 2e9, 1e9) for n in range(500)]
        os.write(tell, bytes([seen.own()]) + bytes(firsts))
        os._exit(0)
os.write(go, b"go!!")
for _ in range(4):
    os.wait()
os.close(tell)
answers = [os.read(said, 501) for _ in range(4)]
print(seen.own(), {a[0] for a in answers}, {sum(a[n] for a in answers) for n in range(1, 501)})
"""


def test_processes_forked_from_one_share_what_they_saw() -> None:
    ran = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "True {0} {1}"


# --- the workers of a server ---------------------------------------------------------------------------------


def statuses(url: str, calls: int) -> list[int]:
    """One token, sent again and again over connections of their own, so that every worker sees it."""
    headers = bearer(VIEW)
    address = f"{url}/inotuzumab-patient-view"
    return [
        requests.post(address, json=BODY, headers={**headers, "Connection": "close"}, timeout=30).status_code
        for _ in range(calls)
    ]


@contextmanager
def gunicorn(*options: str, **settings: str) -> Iterator[str]:
    """The service as an operator may run it, with workers of gunicorn's own: its discovery URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "-w", "2", *options]
    command += ["--log-level", "error", "--no-control-socket", "plugin.app:create_app()"]
    with subprocess.Popen(command, env={**os.environ, **settings}, stderr=subprocess.PIPE) as process:
        try:
            url = f"http://127.0.0.1:{port}/cds-services"
            _wait(url)
            yield url
        finally:
            process.terminate()


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            requests.get(url, timeout=60)
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the service did not start")


def production(folder: Path) -> dict[str, str]:
    return {"PLUGIN_CLIENTS": str(registry(folder)), "PLUGIN_URL": URL}


def test_all_workers_of_serve_know_what_one_has_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in production(tmp_path).items():
        monkeypatch.setenv(name, value)
    with service(development=False) as url:
        assert statuses(url, 12) == [200] + [401] * 11


def test_so_do_workers_of_a_preloaded_application(tmp_path: Path) -> None:
    with gunicorn("--preload", **production(tmp_path)) as url:
        assert statuses(url, 12) == [200] + [401] * 11


def test_workers_that_remember_each_for_itself_say_so(
    tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    alone = create_app(Settings(store="", clients=registry(tmp_path), url=URL))
    client = alone.test_client()
    several = {"wsgi.multiprocess": True}
    client.get("/cds-services")
    assert "preload" not in logged.text
    for _ in range(2):
        client.get("/cds-services", environ_overrides=several)
    assert logged.text.count("each worker remembers tokens for itself") == 1


# --- Redis ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of our own, on a socket of its own; nothing on a disk."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    folder = tmp_path_factory.mktemp("redis")
    path = folder / "s"
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                if path.exists():
                    break
                time.sleep(0.05)
            yield f"unix://{path}"
        finally:
            process.terminate()


def test_redis_tells_the_first_sight_from_the_second(server: str) -> None:
    one, other = Redis(server), Redis(server)
    assert one.first("a", "1", NOW + 300, NOW)
    assert not other.first("a", "1", NOW + 300, NOW)
    assert other.first("b", "1", NOW + 300, NOW)
    assert not one.own()


def test_redis_forgets_what_has_expired_and_holds_no_claim(server: str) -> None:
    assert Redis(server).first("https://issuer.example", "the-jti", NOW + 299.5, NOW)
    kept = redis.Redis.from_url(server)
    name = f"inotuzumab-cds:jti:{digest('https://issuer.example', 'the-jti').hex()}"
    assert 298 <= kept.ttl(name) <= 300
    for key in kept.scan_iter():
        assert b"issuer" not in key + kept.get(key)
        assert b"the-jti" not in key + kept.get(key)


def test_workers_that_were_not_forked_from_one_share_redis(tmp_path: Path, server: str) -> None:
    with gunicorn(**production(tmp_path), PLUGIN_REPLAY=server) as url:
        assert statuses(url, 12) == [200] + [401] * 11


def test_a_redis_that_went_away_is_a_fault_of_ours_and_no_silence(tmp_path: Path) -> None:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    path = tmp_path / "s"
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", ""]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        while not path.exists():
            time.sleep(0.05)
        app = create_app(Settings(store="", clients=registry(tmp_path), url=URL, replay=f"unix://{path}"))
        assert ask(app.test_client(), VIEW).status_code == 200
        process.terminate()
    refusal(ask(app.test_client(), VIEW), 503, "transient")


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1/0", "unix:///nowhere/s", "redis://:secret@127.0.0.1:1/x"]
)
def test_a_redis_that_does_not_answer_stops_the_start(url: str) -> None:
    with pytest.raises(BadSetting, match=r"^PLUGIN_REPLAY: no Redis answers there") as caught:
        replay.opened(url)
    assert "secret" not in str(caught.value)


def test_without_the_client_of_redis_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(BadSetting, match=r"pip install '\.\[redis\]'"):
        replay.opened("redis://127.0.0.1:1/0")


def test_a_url_that_is_none_is_not_repeated_because_it_may_hold_a_password() -> None:
    with pytest.raises(BadSetting, match=r"^PLUGIN_REPLAY is something else; it must be the URL") as caught:
        Settings.read({"PLUGIN_REPLAY": "reddis://:secret@host/0"})
    assert "secret" not in str(caught.value)
    assert Settings.read({"PLUGIN_REPLAY": "rediss://:secret@host/0"}).replay
