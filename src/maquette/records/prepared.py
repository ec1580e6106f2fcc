"""Find what tensorflow-datasets has prepared, or let it download and prepare a set."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from maquette.errors import UserError, nearest
from maquette.progress import say
from maquette.splits import listed

SCHEME = "tfds:"
NAME = re.compile(
    r"tfds:(?P<name>\w+)(/(?P<config>[^:]+))?(:(?P<version>\d+\.\d+\.\d+))?(:(?P<split>.+))?"
)
VERSION = re.compile(r"\d+\.\d+\.\d+")
DATA_DIR = "TFDS_DATA_DIR"
INFO = "dataset_info.json"
ANSWERING = ("storage.googleapis.com", 443)  # where most sets, and their checksums, come from
PATIENCE = 5.0  # seconds for the name, and as many for the connection


@dataclass(frozen=True)
class Asked:
    """A set of tensorflow-datasets as the user named it.

    Attributes:
        written: what was written.
        name: of the set.
        config: of the set, where it has several.
        version: of the set; by default the newest that is prepared.
        split: what to read of it, as `tfds.load` takes it; by default all splits that we know.
    """

    written: str
    name: str
    config: str | None
    version: str | None
    split: str | None

    @classmethod
    def of(cls, written: str) -> Asked:
        """Take a source apart.

        Raises:
            UserError: it is not of this form.
        """
        found = NAME.fullmatch(written)
        if found is None:
            raise UserError(
                f"{written!r} is not tfds:NAME[/CONFIG][:VERSION][:SPLIT], as in tfds:mnist, "
                "tfds:glue/sst2 or tfds:mnist:train[:10%]"
            )
        return cls(written, **found.groupdict())

    @property
    def set_name(self) -> str:
        """Name, config and version as tensorflow-datasets writes them."""
        config = f"/{self.config}" if self.config else ""
        return f"{self.name}{config}" + (f":{self.version}" if self.version else "")


def opened_builder(asked: Asked) -> Any:
    """Return a builder of a set that is prepared, which it is from then on.

    What is found is only read. What is not is downloaded, and said so before.

    Raises:
        UserError: there is no such set, or it is not prepared and cannot be.
    """
    import tensorflow_datasets as tfds

    root = data_dir()
    folder = _prepared(root, asked) or _prepare(root, asked)
    try:
        return tfds.builder_from_directory(str(folder))
    except Exception as error:  # A damaged folder raises nearly anything.
        raise UserError(f"cannot read {folder}, which is {asked.written}: {_line(error)}") from None


def data_dir() -> Path:
    """Return the folder of all prepared sets: that of TFDS_DATA_DIR, or the usual one."""
    if given := os.environ.get(DATA_DIR):
        return Path(given).expanduser()
    from tensorflow_datasets.core import constants

    return Path(constants.DATA_DIR).expanduser()


def _prepared(root: Path, asked: Asked) -> Path | None:
    """Return the folder of a set that is prepared.

    Raises:
        UserError: it is prepared in several configs and none was named.
    """
    folder = root / asked.name
    if asked.config:
        return _newest(folder / asked.config, asked.version)
    if found := _newest(folder, asked.version):
        return found
    subfolders = sorted(folder.iterdir()) if folder.is_dir() else []
    configs = {
        path.name: found
        for path in subfolders
        if path.is_dir() and (found := _newest(path, asked.version))
    }
    if len(configs) > 1:
        raise UserError(
            f"{asked.written} has several configs in {root}: {listed(list(configs))}; name one, as "
            f"in tfds:{asked.name}/{next(iter(configs))}"
        )
    return next(iter(configs.values()), None)


def _newest(folder: Path, version: str | None) -> Path | None:
    """Return the folder of the version asked for, or of the newest, if it is whole."""
    names = os.listdir(folder) if folder.is_dir() else []
    versions = [n for n in names if VERSION.fullmatch(n) and (folder / n / INFO).is_file()]
    if version is not None:
        versions = [name for name in versions if name == version]
    newest = max(versions, key=lambda name: [int(n) for n in name.split(".")], default=None)
    return folder / newest if newest else None


def _prepare(root: Path, asked: Asked) -> Path:
    """Let tensorflow-datasets download and prepare a set.

    Raises:
        UserError: it knows no such set, the network does not answer, or preparing failed.
    """
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(asked.set_name, data_dir=str(root), try_gcs=False)
    except tfds.core.registered.DatasetNotFoundError:
        names = tfds.list_builders(with_community_datasets=False)
        raise UserError(
            f"tensorflow-datasets knows no {asked.name!r}{nearest(asked.name, names)}, and none "
            f"is prepared in {root}; {DATA_DIR} says where prepared sets lie"
        ) from None
    except Exception as error:
        raise UserError(f"cannot open {asked.written}: {_line(error)}") from None
    require_network(
        f"{asked.written} is not prepared in {root}",
        f"prepare it where there is one, by: tfds build {asked.set_name}; {DATA_DIR} says where "
        "prepared sets lie",
    )
    say(
        f"note: {asked.written} is not prepared: downloading {builder.info.download_size} to {root}"
    )
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Results alone go to the output stream.
            builder.download_and_prepare(download_config=config)
    except Exception as error:  # The network, the disk and the set's own code are in it.
        raise UserError(f"cannot prepare {asked.written}: {_line(error)}") from None
    return Path(builder.data_dir)


def require_network(what: str, remedy: str) -> None:
    """Make sure that the network answers, in at most ten seconds.

    Args:
        what: why it is needed, for the message.
        remedy: what to do without.

    Raises:
        UserError: it does not.
    """
    proxy = urlsplit(urllib.request.getproxies().get("https", ""))
    host, port = (proxy.hostname, proxy.port or 3128) if proxy.hostname else ANSWERING
    for address in _addresses(host, port):
        with contextlib.suppress(OSError):
            socket.create_connection(address[:2], PATIENCE / 2).close()
            return
    raise UserError(f"{what}, and the network does not answer ({host}); {remedy}")


def _addresses(host: str, port: int) -> list[tuple]:
    """Return the addresses of a host, one of each kind; none if it has none in time."""
    found: dict[int, tuple] = {}

    def resolve() -> None:
        with contextlib.suppress(OSError):
            for family, *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.setdefault(family, address)

    # The system's resolver has no time limit of its own.
    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return list(found.values())


def _line(error: Exception) -> str:
    return f"{' '.join(str(error).split())[:300] or type(error).__name__}"
