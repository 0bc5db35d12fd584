"""docker-compose.yml against the rules of the compose specification that it uses, and nginx against a real nginx."""

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {"name", "services", "networks", "volumes", "secrets", "configs", "include"}
SERVICE = {
    "image": str, "build": (str, dict), "command": (str, list), "environment": (dict, list), "depends_on": (dict, list),
    "healthcheck": dict, "networks": (dict, list), "volumes": list, "ports": list, "profiles": list, "restart": str,
    "init": bool, "read_only": bool, "tmpfs": (str, list), "cap_drop": list, "security_opt": list, "logging": dict,
    "stop_grace_period": str, "shm_size": (str, int), "expose": list, "env_file": (str, list), "user": str,
}  # fmt: skip
HEALTHCHECK = {"test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
DURATION = re.compile(r"\d+(ms|s|m|h)")


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_top_level_keys_are_the_specifications(compose):
    assert {key for key in compose if not key.startswith("x-")} <= TOP_LEVEL


def test_services_are_blue_green_nginx_and_what_they_need(compose):
    """Promise 26, 107."""
    assert set(compose["services"]) == {"blue", "green", "migrate", "worker", "nginx", "database", "redis"}


def test_service_keys_and_types_are_the_specifications(compose):
    for name, service in compose["services"].items():
        for key, value in service.items():
            assert key in SERVICE, f"{name}.{key}"
            assert isinstance(value, SERVICE[key]), f"{name}.{key}"
        assert "image" in service or "build" in service


def test_every_lasting_service_has_a_complete_health_check(compose):
    for name, service in compose["services"].items():
        if name == "migrate":
            continue
        check = service["healthcheck"]
        assert set(check) <= HEALTHCHECK
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert all(DURATION.fullmatch(check[key]) for key in set(check) & {"interval", "timeout", "start_period"})


def test_dependencies_exist_and_are_waited_for(compose):
    for service in compose["services"].values():
        for name, dependency in service.get("depends_on", {}).items():
            assert name in compose["services"]
            assert set(dependency) <= {"condition", "required", "restart"}
            assert dependency["condition"] in CONDITIONS


def test_networks_and_volumes_are_declared(compose):
    for service in compose["services"].values():
        assert set(service.get("networks", [])) <= set(compose["networks"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith(".") or source in compose["volumes"]


def test_only_nginx_publishes_a_port(compose):
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["nginx"]
    assert compose["networks"]["inside"] == {"internal": True}


def test_no_secret_has_a_default(compose):
    text = (ROOT / "docker-compose.yml").read_text()
    assert "${COVET_SECRET_KEY:?" in text
    assert not re.search(r"\$\{POSTGRES_PASSWORD(:-|\})", text)


def test_mounted_files_exist(compose):
    for volume in compose["services"]["nginx"]["volumes"]:
        source = volume.split(":")[0]
        assert not source.startswith(".") or (ROOT / source).is_file()


def test_mysql_override_changes_known_services_only(compose):
    override = yaml.safe_load((ROOT / "templates" / "mysql" / "docker-compose.override.yml").read_text())
    assert set(override["services"]) <= set(compose["services"])


nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx on PATH: apt-get install nginx")


# Workers would drop to a user that cannot enter the test's folder.
AS_ROOT = "user root;" if os.geteuid() == 0 else ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configure(folder: Path, shares: str, *, blue: int = 1, green: int = 2, front: int = 8080) -> Path:
    """The repository's configuration with this machine's ports in place of the compose network's names."""
    conf = folder / "nginx"
    shutil.copytree(ROOT / "nginx", conf)
    (conf / "active.conf").write_text((ROOT / "nginx" / shares).read_text())
    (conf / "mime.types").write_text("types { text/css css; image/svg+xml svg; }\n")
    (folder / "static").mkdir()
    (folder / "static" / "site.css").write_text("body {}")
    for path in conf.glob("*.conf"):
        text = path.read_text().replace(" /tmp/", f" {folder}/").replace("/dev/stdout", f"{folder}/access.log")
        text = text.replace("blue:8000", f"127.0.0.1:{blue}").replace("green:8000", f"127.0.0.1:{green}")
        text = text.replace("listen 8080", f"listen 127.0.0.1:{front}").replace("/srv/static/", f"{folder}/static/")
        path.write_text(text)
    return conf / "nginx.conf"


def run_nginx(conf: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["nginx", "-p", str(conf.parent), "-c", str(conf), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@nginx
@pytest.mark.parametrize("shares", ["active.conf", "blue-green.conf"])
def test_nginx_accepts_the_configuration(tmp_path, shares):
    """Promise 26."""
    result = run_nginx(configure(tmp_path, shares), "-t")
    assert result.returncode == 0, result.stderr
    assert "syntax is ok" in result.stderr


class Pool(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{self.server.colour} {self.path} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Quiet."""


@nginx
def test_nginx_hands_pages_on_and_serves_static_files_itself(tmp_path):
    """Promise 95, 107."""
    server = HTTPServer(("127.0.0.1", 0), Pool)
    server.colour = "green"
    Thread(target=server.serve_forever, daemon=True).start()
    front = free_port()
    conf = configure(tmp_path, "active.conf", green=server.server_port, front=front)
    process = subprocess.Popen(
        ["nginx", "-p", str(conf.parent), "-c", str(conf), "-g", f"daemon off; {AS_ROOT}"], stderr=subprocess.DEVNULL
    )
    try:
        page = get_when_ready(f"http://127.0.0.1:{front}/posts/")
        assert page.read().decode() == f"green /posts/ 127.0.0.1:{front}"
        assert page.headers["X-Covet-Pool"] == "green"
        style = urllib.request.urlopen(f"http://127.0.0.1:{front}/static/site.css")
        assert style.read() == b"body {}"
        assert ", ".join(style.headers.get_all("Cache-Control")) == "max-age=31536000, public, immutable"
        missing = urllib.request.urlopen(f"http://127.0.0.1:{front}/static/other.css")
        assert missing.read().startswith(b"green /static/other.css")
    finally:
        process.terminate()
        process.wait(10)
        server.shutdown()
        server.server_close()


def get_when_ready(url: str):
    deadline = time.monotonic() + 60
    while True:
        try:
            return urllib.request.urlopen(url, timeout=20)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
