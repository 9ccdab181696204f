"""Downloading: resumed, checked, and never half there."""

import hashlib
import http.server
import threading

import pytest

from topoeval.datasets.download import fetch
from topoeval.errors import UserError

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT on this machine; remembers the ranges asked for and can break off."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges = []
        self.content = CONTENT
        self.break_after = None
        self.can_resume = True

    @property
    def url(self):
        """Return the address of the file."""
        return f"http://127.0.0.1:{self.server_address[1]}/file"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers whole or ranged requests."""

    def do_GET(self):
        """Send the bytes from the start asked for, or as many as the server is set to."""
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if not self.server.can_resume:
            start = 0
        if start >= len(self.server.content):
            self.send_error(416)
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.break_after])

    def log_message(self, *args):
        """Keep the output of the tests clean."""


@pytest.fixture
def server(monkeypatch):
    """Run a server for one test."""
    # A proxy in the environment would be asked for the local address.
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path):
    """Return a path in a folder that does not exist yet."""
    return tmp_path / "new" / "file"


def partial(path):
    """Return where an unfinished download lies."""
    return path.with_name("file.partial")


def test_fetches_and_leaves_nothing_else(server, path):
    """The file is there under its name only."""
    fetch([server.url], path, SHA256)
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_continues_where_it_was_cut_off(server, path):
    """A broken connection keeps its bytes; the next attempt asks for the rest."""
    server.break_after = 1000
    with pytest.raises(UserError, match="1000 of 10240 bytes"):
        fetch([server.url], path, SHA256)
    assert not path.exists()
    server.break_after = None
    fetch([server.url], path, SHA256)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000-"]


def test_starts_over_where_the_server_cannot_continue(server, path):
    """A whole answer replaces the beginning, it is not put behind it."""
    server.can_resume = False
    path.parent.mkdir()
    partial(path).write_bytes(CONTENT[:500])
    fetch([server.url], path, SHA256)
    assert path.read_bytes() == CONTENT


def test_a_complete_partial_needs_no_more_bytes(server, path):
    """Killed between the last byte and the renaming: the checksum decides."""
    path.parent.mkdir()
    partial(path).write_bytes(CONTENT)
    fetch([server.url], path, SHA256)
    assert path.read_bytes() == CONTENT


def test_wrong_content_never_arrives(server, path):
    """A file with another checksum is thrown away, with both checksums in the message."""
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(UserError, match=SHA256):
        fetch([server.url], path, SHA256)
    assert list(path.parent.iterdir()) == []


def test_next_address_is_tried(server, path):
    """One dead mirror does not matter."""
    fetch(["http://127.0.0.1:9/dead", server.url], path, SHA256)
    assert path.read_bytes() == CONTENT


def test_no_address_answers(path):
    """The message names the address and where to put the file by hand."""
    with pytest.raises(UserError, match=rf"127\.0\.0\.1:9/dead.*{path.parent} by hand"):
        fetch(["http://127.0.0.1:9/dead"], path, SHA256)
