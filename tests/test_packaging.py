"""What is installed is all that is needed: the wheel holds every module, label and value set."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
DATA = {"plugin": ("*.py", "*.toml"), "fhir_profiles": ("*.py", "*.json")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip would build it from a copy of the checkout, without a network."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("plugin", "fhir_profiles", "setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        subprocess.run(["cp", "-r", str(CHECKOUT / name), str(source)], check=True)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(made), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (found,) = made.glob("*.whl")
    return found


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    for package, patterns in DATA.items():
        for pattern in patterns:
            for file in (CHECKOUT / package).rglob(pattern):
                assert file.relative_to(CHECKOUT).as_posix() in packed


def test_the_service_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    """From an empty folder, with the checkout out of sight, a golden request gets its cards."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    request = CHECKOUT / "tests" / "golden" / "raised-bilirubin" / "request.json"
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import runpy; "
        f"sys.argv = ['plugin', 'advise', {str(request)!r}, '--now', '2026-03-02']; "
        "import plugin, fhir_profiles; print(plugin.__file__, *fhir_profiles.__path__); "
        "runpy.run_module('plugin', run_name='__main__')"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    where, shown = ran.stdout.split("\n", 1)
    assert all(place.startswith(str(tmp_path)) for place in where.split())
    assert "Hold inotuzumab ozogamicin" in shown


def test_the_lock_files_pin_every_package_to_one_version() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (CHECKOUT / name).read_text().splitlines()
        assert all(line.count("==") == 1 and "@" not in line and "://" not in line for line in lines), name
    runs = set((CHECKOUT / "requirements.txt").read_text().splitlines())
    assert runs <= set((CHECKOUT / "requirements-dev.txt").read_text().splitlines())
