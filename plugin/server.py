"""Runs the service under gunicorn from the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

WORKERS, THREADS = 2, 4


class Server(BaseApplication):
    """Gunicorn with one application that is made before the workers are forked; `ready` is told its URL."""

    def __init__(self, app: Flask, host: str, port: int, ready: Callable[[str], None]) -> None:
        self.app, self.host, self.port, self.ready = app, host, port, ready
        super().__init__()

    def load_config(self) -> None:
        host = f"[{self.host}]" if ":" in self.host else self.host
        settings = {
            "bind": f"{host}:{self.port}",
            "workers": WORKERS,
            "threads": THREADS,
            "worker_class": "gthread",
            "preload_app": True,
            "loglevel": "warning",
            "control_socket_disable": True,
            "when_ready": self._tell,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self.app

    def _tell(self, arbiter: Any) -> None:
        self.ready(str(arbiter.LISTENERS[0]))
