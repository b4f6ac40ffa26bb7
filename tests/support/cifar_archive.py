"""A small CIFAR-10 in the real one's layout, a server that hands it out well or badly, and torchvision led to both."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cifar_tui.data import sources
from cifar_tui.data.dataset import Source

NOWHERE = "http://127.0.0.1:9/cifar-10-python.tar.gz"
"""The discard port, where nothing listens."""
BASE = "cifar-10-batches-py"
FILENAME = "cifar-10-python.tar.gz"
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"
LABEL_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


Behaviour = Literal["whole", "gone half-way", "stalled", "slow", "missing", "babbling"]


@dataclass(frozen=True)
class Archive:
    """The bytes of an archive, the images in it, and what torchvision's class has to say of it."""

    content: bytes
    files: dict[str, bytes]
    """The batch files by their names."""
    batches: dict[str, tuple[NDArray[np.uint8], list[int]]]
    """Images (n, 3, 32, 32) and labels by batch."""
    attributes: dict[str, Any]
    """Of `torchvision.datasets.CIFAR10`: the checksums."""
    constants: dict[str, Any]
    """Of `cifar_tui.data.cifar10`: the checksums that torchvision does not have."""

    @property
    def train(self) -> tuple[NDArray[np.uint8], list[int]]:
        images = np.concatenate([self.batches[name][0] for name in TRAIN])
        return images, [label for name in TRAIN for label in self.batches[name][1]]

    @property
    def test(self) -> tuple[NDArray[np.uint8], list[int]]:
        return self.batches[TEST]

    def write(self, folder: Path) -> Path:
        """The archive, as a file in this folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILENAME).write_bytes(self.content)
        return folder / FILENAME

    def extract(self, folder: Path) -> Path:
        """The batch files, as they lie in this folder once extracted."""
        (folder / BASE).mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / BASE / name).write_bytes(content)
        return folder / BASE


def build(
    images_per_batch: int = 20, replaced: dict[str, bytes] | None = None, forged: dict[str, bytes] | None = None
) -> Archive:
    """Ten colours under noise, one a class, the classes in turn: easily learned.

    Args:
        images_per_batch: In each of the five training batches and the test batch.
        replaced: Other content for some files; the checksums are still those of the true ones.
        forged: Other content for some files, whose checksums are given out for the true ones.
    """
    random = np.random.default_rng(0)
    colours = random.integers(40, 216, (10, 3, 1, 1))
    batches: dict[str, tuple[NDArray[np.uint8], list[int]]] = {}
    for name in (*TRAIN, TEST):
        labels = [index % 10 for index in range(images_per_batch)]
        noise = random.integers(-40, 40, (images_per_batch, 3, 32, 32))
        batches[name] = ((colours[labels] + noise).astype(np.uint8), labels)
    return pack(batches, replaced or {}, forged or {})


def pack(
    batches: dict[str, tuple[NDArray[np.uint8], list[int]]],
    replaced: dict[str, bytes],
    forged: dict[str, bytes],
) -> Archive:
    """These images and labels, in the layout of CIFAR-10."""
    files = {"batches.meta": python2_pickle({"num_cases_per_batch": 1, "label_names": LABEL_NAMES, "num_vis": 3072})}
    for name, (images, labels) in batches.items():
        filenames = [f"image_{index}.png" for index in range(len(labels))]
        batch = {"batch_label": name, "labels": labels, "data": images.reshape(-1, 3072), "filenames": filenames}
        files[name] = python2_pickle(batch)
    files |= forged
    checksums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    sha256 = {name: hashlib.sha256(files[name]).hexdigest() for name in (*TRAIN, TEST)}
    files |= replaced
    content = _tar(files)
    attributes = {
        "tgz_md5": hashlib.md5(content).hexdigest(),
        "train_list": [[name, checksums[name]] for name in TRAIN],
        "test_list": [[TEST, checksums[TEST]]],
        "meta": {"filename": "batches.meta", "key": "label_names", "md5": checksums["batches.meta"]},
    }
    constants = {"ARCHIVE_SHA256": hashlib.sha256(content).hexdigest(), "SHA256": sha256}
    return Archive(content, files, batches, attributes, constants)


def _tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        folder = tarfile.TarInfo(BASE)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(f"{BASE}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def python2_pickle(value: dict[str, Any]) -> bytes:
    """Protocol 2 as Python 2 and the NumPy of 2009 wrote it: byte strings, and truth values as 0 and 1."""
    return b"\x80\x02" + _pickled(value) + b"."


def _pickled(value: Any) -> bytes:
    if isinstance(value, dict):
        return b"}(" + b"".join(_pickled(key) + _pickled(item) for key, item in value.items()) + b"u"
    if isinstance(value, str):
        return b"U" + bytes([len(value)]) + value.encode()
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, np.ndarray):
        empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        shape = b"(" + b"".join(_pickled(size) for size in value.shape) + b"t"
        dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        data = value.tobytes()
        return empty + b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<i", len(data)) + data + b"tb"
    if isinstance(value, Sequence):
        return b"](" + b"".join(_pickled(item) for item in value) + b"e"
    raise TypeError(type(value))


@dataclass
class Server:
    url: str
    requests: int = 0


@contextmanager
def serve(content: bytes, behaviour: Behaviour = "whole") -> Iterator[Server]:
    """Hand out this content on the loopback address.

    Args:
        content: Of the one file.
        behaviour: `gone half-way` closes after half of what it has announced, `stalled` sends half and then keeps
            silent, `slow` sends a kilobyte every 10 ms, `missing` answers 404, `babbling` answers no HTTP.
    """
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests += 1
            if behaviour == "missing":
                self.send_error(404)
                return
            if behaviour == "babbling":
                self.wfile.write(b"\x1b[2J I am no web server\r\n\r\n")
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            # A client that cancels hangs up.
            with suppress(ConnectionError):
                if behaviour == "slow":
                    for start in range(0, len(content), 1024):
                        self.wfile.write(content[start : start + 1024])
                        if closing.wait(0.01):
                            break
                else:
                    self.wfile.write(content if behaviour == "whole" else content[: len(content) // 2])
                    if behaviour == "stalled":
                        closing.wait()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        http.block_on_close = False
        server = Server(f"http://127.0.0.1:{http.server_port}/{FILENAME}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            closing.set()
            http.shutdown()
            thread.join()


def lead_here(monkeypatch: pytest.MonkeyPatch, archive: Archive, url: str) -> None:
    """Make this process take this archive for CIFAR-10."""
    from torchvision.datasets import CIFAR10

    from cifar_tui.data import cifar10

    for name, value in (archive.attributes | {"url": url}).items():
        monkeypatch.setattr(CIFAR10, name, value)
    for name, value in archive.constants.items():
        monkeypatch.setattr(cifar10, name, value)


def lead_subprocess(folder: Path, archive: Archive, url: str) -> dict[str, str]:
    """The environment variables with which another Python process takes this archive for CIFAR-10.

    torchvision and this program are changed when that process imports them, and not imported for it.

    Args:
        folder: Where to put the module that does it.
        archive: What is there in CIFAR-10's place.
        url: Where that process is to fetch it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    changes = {
        "torchvision.datasets.cifar": {"CIFAR10": archive.attributes | {"url": url}},
        "cifar_tui.data.cifar10": archive.constants,
    }
    content = _SITECUSTOMIZE.replace("CHANGES", repr(json.dumps(changes)))
    (folder / "sitecustomize.py").write_text(content, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


_SITECUSTOMIZE = """
import importlib.machinery
import json
import sys

changes = json.loads(CHANGES)


def change(module, values):
    for name, value in values.items():
        if isinstance(getattr(module, name), type):
            for attribute, inner in value.items():
                setattr(getattr(module, name), attribute, inner)
        else:
            setattr(module, name, value)


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in changes:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def run_and_change(module):
            run(module)
            change(module, changes[name])

        spec.loader.exec_module = run_and_change
        return spec


sys.meta_path.insert(0, Finder)
"""


class Heard:
    """A progress callback that remembers, and ends what takes too long."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []
        self.deadline = time.monotonic() + 20

    def __call__(self, what: str, done: int, total: int) -> None:
        assert time.monotonic() < self.deadline
        self.calls.append((what, done, total))

    def said(self, text: str) -> bool:
        return any(text in what for what, _, _ in self.calls)


def read(data_dir: Path | None = None, progress: Heard | None = None) -> Source:
    return sources.read("cifar10", None if data_dir is None else str(data_dir), progress or Heard())


def assert_is(source: Source, archive: Archive) -> None:
    for part, (images, labels) in ((source.train, archive.train), (source.test, archive.test)):
        assert torch.equal(part.images, torch.from_numpy(images))
        assert part.labels.tolist() == labels
    assert source.classes == ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    assert source.name == "cifar10"
    assert source.flips


def assert_one_line_with_the_ways_on(error: Exception) -> None:
    assert str(error).isprintable()
    for way in ("--data-dir DIR", "--data PATH", "--data digits", FILENAME):
        assert way in str(error)


def files_under(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def damaged(content: bytes, how: str) -> bytes:
    if how == "truncated":
        return content[: len(content) // 2]
    if how == "empty":
        return b""
    return content[:1000] + bytes([content[1000] ^ 1]) + content[1001:]
