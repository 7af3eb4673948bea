"""A real PostgreSQL server for the tests, started once, with a fresh database for each that asks."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import pytest

_NAMES = count(1)


@contextmanager
def database() -> Iterator[str]:
    """The URL of an empty database. Skips where this machine has no server."""
    server = _server()
    if server is None:
        pytest.skip("a real PostgreSQL (Debian package postgresql)")
    bin_, port, as_user = server
    name = f"test_{os.getpid()}_{next(_NAMES)}"
    for command in ("createdb", "dropdb"):
        subprocess.run(
            [str(bin_ / command), "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", name],
            check=True,
            user=as_user,
            capture_output=True,
        )
        if command == "createdb":
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/{name}"


@cache
def _server() -> tuple[Path, int, str | None] | None:
    """The programs, the port, and the user to run them as (a server refuses to run as root)."""
    found = shutil.which("pg_ctl") or next(
        iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))), None
    )
    if found is None:
        return None
    bin_ = Path(found).resolve().parent
    as_user = "postgres" if os.getuid() == 0 else None
    folder = Path(mkdtemp(prefix="pg"))
    if as_user:
        os.chown(folder, pwd.getpwnam(as_user).pw_uid, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    for command in (
        [bin_ / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        [bin_ / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start"],
    ):
        subprocess.run(
            [str(part) for part in command], check=True, user=as_user, cwd=folder, capture_output=True
        )

    def stop() -> None:
        command = [str(bin_ / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]
        subprocess.run(command, check=False, user=as_user, cwd=folder, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return bin_, port, as_user
