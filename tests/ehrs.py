"""Real FHIR servers for tests: one that holds charts (SEKMET), started once and filled over HTTP."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import requests

from tests.build import body
from tests.resources import Json

LONGEST = 60  # seconds for the server to start
PIECES = 200  # resources of one transaction


@contextmanager
def sekmet() -> Iterator[str]:
    """The base URL of an empty FHIR R4 server on a free loopback port, for as long as the context lasts."""
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


def load(base: str, resources: list[Json]) -> None:
    """Puts resources into a server, each under its own id."""
    with requests.Session() as session:
        session.trust_env = False
        for at in range(0, len(resources), PIECES):
            entries = [
                {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
                for r in resources[at : at + PIECES]
            ]
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            answer = session.post(
                base, data=body(bundle), headers={"Content-Type": "application/fhir+json"}, timeout=LONGEST
            )
            answer.raise_for_status()
            failed = [e["response"] for e in answer.json()["entry"] if not e["response"]["status"].startswith("2")]
            if failed:
                raise RuntimeError(f"{len(failed)} resources were refused: {failed[0]}")
