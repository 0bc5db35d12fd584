"""The wheel and the sdist hold what they must."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.archives import unpack

ROOT = Path(__file__).resolve().parents[2]
BUILD = "import sys; from setuptools import build_meta as b; print(getattr(b, 'build_' + sys.argv[1])(sys.argv[2]))"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of what git tracks, so that building leaves nothing behind in the repository."""
    target = tmp_path_factory.mktemp("checkout") / "covetpy"
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        files = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    else:
        files = [
            str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts
        ]
    for name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    return target


def build(kind: str, source: Path, target: Path, **environment: str) -> Path:
    target.mkdir(exist_ok=True)
    result = subprocess.run(
        [sys.executable, "-c", BUILD, kind, str(target)], cwd=source, capture_output=True, text=True,
        env={**os.environ, "COVET_PURE_PYTHON": "1", **environment},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    return target / result.stdout.split()[-1]


@pytest.mark.slow
def test_wheel_holds_packages_command_and_scaffold(checkout, tmp_path):
    """Promise 18, 26."""
    with zipfile.ZipFile(build("wheel", checkout, tmp_path / "wheel")) as wheel:
        names = set(wheel.namelist())
    assert {
        "covet/__init__.py", "covet/py.typed", "covet_cli/main.py", "covet_cli/commands/run.py",
        "covet/_data/docker-compose.yml", "covet/_data/nginx/nginx.conf",
        "covet/_data/templates/project/asgi.py", "covet/_data/templates/project/templates/welcome.html",
        "covet/_data/templates/project/gitignore", "covet/_data/templates/app/models/__init__.py",
    } <= names  # fmt: skip
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"covet", "covet_cli"}
    html = {str(path.relative_to(checkout)) for path in (checkout / "covet").rglob("*.html")}
    assert html <= names


@pytest.mark.slow
def test_sdist_builds_the_same_wheel(checkout, tmp_path):
    """Promise 18."""
    archive = build("sdist", checkout, tmp_path / "sdist")
    unpack(archive, tmp_path)
    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    assert (unpacked / "dev.py").is_file()
    assert (unpacked / "tests" / "conftest.py").is_file()
    with zipfile.ZipFile(build("wheel", unpacked, tmp_path / "again")) as again:
        from_sdist = set(again.namelist())
    with zipfile.ZipFile(build("wheel", checkout, tmp_path / "direct")) as direct:
        assert set(direct.namelist()) == from_sdist
