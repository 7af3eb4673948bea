"""A CDS Client for tests: its keys, the JWTs that it signs, the registry that knows it, and its key server."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Json = dict[str, Any]

ISS = "https://ehr.example.org/fhir/R4"
URL = "https://cds.example.org"
SIGN = "/cds-services/inotuzumab-order-sign"
KID = "a-key"
CURVES: dict[str, type[Any]] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


def private(algorithm: str = "ES384", which: int = 0, bits: int = 2048) -> Any:
    """A private key; `which` tells several of one kind apart."""
    return _made(algorithm, which, bits)


@cache
def _made(algorithm: str, which: int, bits: int) -> Any:
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm]())
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(algorithm: str = "ES384", kid: Any = KID, which: int = 0, bits: int = 2048, **more: Any) -> Json:
    """The public half of `private`, as a JWK."""
    kind = ECAlgorithm if algorithm in CURVES else RSAAlgorithm
    made: Json = kind.to_jwk(private(algorithm, which, bits).public_key(), as_dict=True)
    return made | {"kid": kid} | more


def token(
    path: str = SIGN,
    *,
    algorithm: str = "ES384",
    which: int = 0,
    key: Any = None,
    header: Mapping[str, Any] | None = None,
    now: float | None = None,
    **claims: Any,
) -> str:
    """A JWT as a well-behaved client signs it for a path; a claim or header that is given as None is left out.

    A claim that is given as a function is what that makes of the moment.
    """
    now = time.time() if now is None else now
    said = {
        "iss": ISS,
        "aud": f"{URL}{path}",
        "iat": int(now),
        "exp": int(now) + 300,
        "jti": str(uuid4()),
    } | claims
    headers = {"kid": KID, "typ": "JWT"} | dict(header or {})
    return jwt.encode(
        {name: value(now) if callable(value) else value for name, value in said.items() if value is not None},
        private(algorithm, which) if key is None else key,
        algorithm,
        headers={name: value for name, value in headers.items() if value is not None},
    )


def bearer(*args: Any, **more: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(*args, **more)}"}


def registry(folder: Path, **tables: Any) -> Path:
    """A registry of these tables, by default of one client with one static key."""
    tables = tables or {"hospital": client()}
    file = folder / "clients.toml"
    lines = [
        line
        for name, table in tables.items()
        for line in (f"[{name}]", *(f"{key} = {toml(value)}" for key, value in table.items()))
    ]
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def client(**more: Any) -> Json:
    """The table of a client with one static key; a key that is given as None is left out."""
    table = {"iss": ISS, "keys": [jwk(), jwk("RS384", "b-key")]} | more
    return {key: value for key, value in table.items() if value is not None}


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


# --- a server of keys ----------------------------------------------------------------------------------------


@dataclass
class KeyServer:
    """What it answers may be changed between two calls; `asked` counts them."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    waits: float = 0
    asked: int = 0

    def holds(self, *keys: Json) -> None:
        self.body = json.dumps({"keys": keys}).encode()


@contextmanager
def served(context: ssl.SSLContext | None = None) -> Iterator[KeyServer]:
    """A key server on this machine for as long as the context lasts, over TLS where a context is given."""
    said = KeyServer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.asked += 1
            time.sleep(said.waits)
            self.send_response(said.status)
            for name, value in ({"Content-Length": str(len(said.body))} | said.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: Any) -> None:
            """Nothing: what it is asked is counted."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Nothing: a client that goes away is part of some tests."""

    with Quiet(("127.0.0.1", 0), Answers) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        said.url = f"{'https' if context else 'http'}://localhost:{server.server_port}/jwks.json"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield said
        finally:
            server.shutdown()
            thread.join()
