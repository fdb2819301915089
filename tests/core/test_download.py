"""Downloads. Oracle: a server of the test's own on this machine, and hashlib."""

from __future__ import annotations

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from openbfactory.core.download import download, url_of
from openbfactory.core.errors import InputError

CONTENT = b'{"channels": []}\n'


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "likelihood.json").write_bytes(CONTENT)
    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", folder
    running.shutdown()
    running.server_close()


@pytest.mark.parametrize(("source", "url"), [
    ("10.17182/hepdata.166082", "https://doi.org/10.17182/hepdata.166082"),
    ("doi:10.5281/zenodo.123/file.root", "https://doi.org/10.5281/zenodo.123/file.root"),
    ("https://doi.org/10.17182/hepdata.90607.v3/r3", "https://doi.org/10.17182/hepdata.90607.v3/r3"),
    (" https://www.hepdata.net/record/1 ", "https://www.hepdata.net/record/1")])
def test_sources(source, url):
    assert url_of(source) == url


@pytest.mark.parametrize("source", ["", "likelihood.json", "ftp://x/y", "https://", "10.17/x", "file:///etc/passwd"])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(InputError, match="expected a URL"):
        url_of(source)


def test_a_file_is_fetched_once_and_again_on_request(server, tmp_path):
    address, folder = server
    first = download(f"{address}/likelihood.json", folder=tmp_path / "cache")
    assert first.path.read_bytes() == CONTENT
    assert (first.sha256, first.fresh) == (hashlib.sha256(CONTENT).hexdigest(), True)
    (folder / "likelihood.json").write_bytes(b"new")
    second = download(f"{address}/likelihood.json", folder=tmp_path / "cache", sha256=first.sha256)
    assert (second.path, second.fresh) == (first.path, False)
    assert download(f"{address}/likelihood.json", folder=tmp_path / "cache", again=True).path.read_bytes() == b"new"


def test_a_wrong_checksum_keeps_nothing(server, tmp_path):
    address, _ = server
    with pytest.raises(InputError, match="checksum differs"):
        download(f"{address}/likelihood.json", folder=tmp_path / "cache", sha256="0" * 64)
    assert not list((tmp_path / "cache").glob("*likelihood.json"))
    with pytest.raises(InputError, match="64 hexadecimal"):
        download(f"{address}/likelihood.json", folder=tmp_path / "cache", sha256="abc")


def test_no_file_and_no_server_are_told_apart(server, tmp_path):
    address, _ = server
    with pytest.raises(InputError, match="not-there"):
        download(f"{address}/nothing.json", folder=tmp_path / "cache")
    with pytest.raises(InputError, match="cannot reach"):
        download("http://127.0.0.1:9/x", folder=tmp_path / "cache")
