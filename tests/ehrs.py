"""FHIR servers for tests: a real one that is filled over HTTP (SEKMET), and one that plays back, with faults."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Thread
from typing import Any
from uuid import uuid4

import jwt
import requests

from plugin.fetch import queries
from tests import signing
from tests.build import body
from tests.resources import Json

LONGEST = 60  # seconds for the server to start
PIECES = 200  # resources of one transaction


@contextmanager
def sekmet(**auth: Any) -> Iterator[str]:
    """The base URL of an empty FHIR R4 server on a free loopback port, for as long as the context lasts.

    `auth` closes it: the settings of its own authorization server.
    """
    with TemporaryDirectory() as folder, TemporaryFile("w+") as said:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        base = f"http://127.0.0.1:{port}/fhir"
        settings = {
            "host": "127.0.0.1",
            "port": port,
            "base_url": base,
            "data_dir": folder,
            "own_private_key_path": f"{folder}/key.pem",
            "simulator": {"enabled": False},
            "validation": {"inbound": "off"},
            "log_inbound": False,
            "server_auth": auth or {"types": ["none"]},
        }
        file = Path(folder) / "settings.yaml"
        file.write_text(json.dumps(settings))  # JSON is YAML
        command = [str(Path(sys.executable).parent / "sekmet"), "serve", "--config", str(file)]
        with subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, text=True) as process:
            try:
                _wait(f"{base}/metadata", process)
                yield base
            except TimeoutError:
                said.seek(0)
                raise RuntimeError(f"the FHIR server did not start: {said.read()[-2000:]}") from None
            finally:
                process.terminate()


def _wait(url: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + LONGEST
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(url, timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise TimeoutError


def backend_token(base: str, client: str, scope: str) -> str:
    """An access token as a SMART backend service gets it from the server: for an assertion that it signs (ES384)."""
    url = base.removesuffix("/fhir") + "/auth/token"
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": url, "exp": now + 120, "jti": uuid4().hex}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            url,
            data={
                "grant_type": "client_credentials",
                "scope": scope,
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": jwt.encode(claims, signing.private(), "ES384", {"kid": signing.KID}),
            },
            timeout=LONGEST,
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])


def load(base: str, resources: list[Json], token: str = "") -> None:
    """Puts resources into a server, each under its own id."""
    with requests.Session() as session:
        session.trust_env = False
        for at in range(0, len(resources), PIECES):
            entries = [
                {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
                for r in resources[at : at + PIECES]
            ]
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            headers = {"Content-Type": "application/fhir+json"}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            answer = session.post(base, data=body(bundle), headers=headers, timeout=LONGEST)
            answer.raise_for_status()
            failed = [
                e["response"] for e in answer.json()["entry"] if not e["response"]["status"].startswith("2")
            ]
            if failed:
                raise RuntimeError(f"{len(failed)} resources were refused: {failed[0]}")


# --- a server that plays back ----------------------------------------------------------------------------------

Reply = tuple[int, dict[str, str], bytes]  # status, headers, body
FHIR_JSON = {"Content-Type": "application/fhir+json"}


class Playback(ThreadingHTTPServer):
    """A FHIR server that answers each of our queries with what a request holds under that prefetch key.

    `play` gives a request a base URL of its own. `faults` may answer a call instead: it is asked with the key
    and the handler, and returns a Reply, True if it has answered by itself, or None. `calls` are the calls that
    came: path and headers.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: dict[str, tuple[str, Reply]] = {}
        self.faults: Callable[[str, BaseHTTPRequestHandler], Reply | bool | None] = lambda key, handler: None
        self.calls: list[tuple[str, dict[str, str]]] = []
        self._numbers = count()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def play(self, request: Json) -> Json:
        """The same request without its prefetch, from a base at which everything it held can be read.

        null stays: it is an answer, and cannot be told from nothing by reading.
        """
        path = f"/{next(self._numbers)}/fhir"
        sent = request["prefetch"]
        for query in queries(request["hook"]):
            for url in query.urls(request["context"]["patientId"]):
                self.bodies[f"{path}/{url}"] = (query.key, _reply(sent.get(query.key)))
        nulls = {key: None for key, value in sent.items() if value is None}
        return {**request, "prefetch": nulls, "fhirServer": self.origin + path}


def _reply(value: Any) -> Reply:
    if value is None:
        return (404, FHIR_JSON, b'{"resourceType":"OperationOutcome"}')
    status = 403 if value.get("resourceType") == "OperationOutcome" else 200
    return (status, FHIR_JSON, body(value).encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True
    server: Playback

    def do_GET(self) -> None:
        self.server.calls.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        key, reply = self.server.bodies.get(self.path, ("", _reply(None)))
        instead = self.server.faults(key, self)
        if instead is True:
            return
        status, headers, said = instead or reply
        self.send_response(status)
        for name, value in {"Content-Length": str(len(said)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the client has gone, which is its right

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Nothing: a test is read by its failures."""


@contextmanager
def playback() -> Iterator[Playback]:
    server = Playback()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
