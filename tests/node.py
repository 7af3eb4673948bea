"""Runs what tests/npm holds on the node that pip installs, with the packages that npm installs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parent.parent
MODULES = Path(os.environ.get("PLUGIN_TEST_NODE_MODULES", CHECKOUT / ".venv" / "npm" / "node_modules"))
LONGEST = 300  # seconds


class Missing(LookupError):
    """Node or a package is not installed; the message says what and where."""


@contextmanager
def needed() -> Iterator[None]:
    """Leaves a test out, and says so at the end of the run, where what it needs is not installed."""
    try:
        yield
    except Missing as missing:
        pytest.skip(f"left out: {missing}")


def program(*packages: str) -> str:
    """The path of node. Raises Missing unless it and these packages are there."""
    beside_python = str(Path(sys.executable).parent)  # where the test environment links its own
    found = shutil.which("node", path=beside_python) or shutil.which("node")
    lacking = [name for name in packages if not (MODULES / name).is_dir()]
    if found is None or lacking:
        raise Missing(f"missing: {', '.join(lacking) or 'node'} ({MODULES})")
    return found


def answers(script: str, package: str, asked: Any) -> Any:
    """What a script of tests/npm says, as JSON, to what it is asked, as JSON. Raises Missing."""
    ran = subprocess.run(
        [program(package), str(CHECKOUT / "tests" / "npm" / script), str(MODULES)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout)
