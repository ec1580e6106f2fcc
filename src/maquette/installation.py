"""Check the installation: what was found, and the exact line that mends what is wrong.

TensorFlow and Keras are never imported here, because a broken build can take the whole process
down: a child process tries the imports, and this one reads its report.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion

from maquette.cache_folder import cache_state
from maquette.import_trial import last_error, try_imports

MODULES = ("tensorflow", "keras", "ai_edge_litert.interpreter")
MODULE_NAMES = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}
RIVALS = ("tensorflow-cpu", "tensorflow-gpu", "tensorflow-rocm", "tf-nightly")
RARE_EXTRAS = {
    "quantize": "export --formats int4",
    "onnx": "export --formats onnx",
    "openvino": "export --formats openvino",
}
KERAS_SETTINGS = (
    ("backend", "tensorflow", "warning"),  # the other backends train, but cannot export
    ("image_data_format", "channels_last", "problem"),
    ("floatx", "float32", "warning"),
)
IMPORT_MENDS = {  # the first pattern found in the error decides; otherwise install it anew
    "SIGILL|exit code 3221225501|to use AVX": "use a machine whose processor has AVX instructions",
    "SIGKILL": "close other programs: the system probably ran out of memory",
    "no answer": 'python -X importtime -c "import tensorflow, keras"  # shows where it waits',
    "import backend|'(jax|torch|openvino)'": "export KERAS_BACKEND=tensorflow",
}


@dataclass(frozen=True)
class Check:
    """One thing looked at: `status` is "ok", "warning" or "problem"."""

    name: str
    status: str
    found: str
    mend: str = ""


def doctor(imports: bool = True) -> list[Check]:
    """Check the installation; `imports=False` leaves out the imports, which take seconds."""
    checks: list[Check] = []
    looks = (_python, _packages, _extras, _conflicts, _shadows, _keras_settings, _samples)
    for look in (*looks, _templates, _machine, *([_imports] if imports else [])):
        try:
            checks.extend(look())
        except Exception as error:  # one broken check must not hide the others
            found = f"this check failed: {type(error).__name__}: {error}"
            checks.append(Check(look.__name__.strip("_").replace("_", " "), "problem", found))
    return checks


def format_checks(checks: Sequence[Check]) -> str:
    """Lay the checks out as aligned plain text, closing with the count of what is wrong."""
    width = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        status = "PROBLEM" if check.status == "problem" else check.status
        lines.append(f"{status:<9}{check.name:<{width}}  {' '.join(check.found.split())}")
        if check.mend:
            lines.append(f"{'':<11}{check.mend}")
    counts = {word: sum(c.status == word for c in checks) for word in ("problem", "warning")}
    wrong = [f"{n} {word}{'s' if n > 1 else ''}" for word, n in counts.items() if n]
    return "\n".join([*lines, ", ".join(wrong) or "everything is in order"])


def _judge(name: str, good: bool, found: str, mend: str, severity: str = "problem") -> Check:
    return Check(name, "ok", found) if good else Check(name, severity, found, mend)


def _requirements(extra: str = "") -> list[Requirement]:
    """Return what maquette requires here, or only what `extra` adds to it."""
    lines = [Requirement(line) for line in metadata.requires("maquette") or []]
    base = [r for r in lines if r.marker is None or r.marker.evaluate({"extra": ""})]
    if not extra:
        return base
    return [r for r in lines if r not in base and r.marker.evaluate({"extra": extra})]


def _met(requirement: Requirement) -> tuple[bool, str]:
    """Say whether the requirement is met, and by what."""
    copies = metadata.distributions(name=requirement.name)
    version = next((copy.version for copy in copies), None)
    if version is None:
        return False, "not installed"
    try:
        good = requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:  # packaging before 26 raises it; later ones return False
        good = False
    return good, version if good else f"{version} is outside {requirement.specifier}"


def _module(requirement: Requirement) -> str:
    name = requirement.name.lower()
    return MODULE_NAMES.get(name, name.replace("-", "_"))


def _pip(requirements: Sequence[Requirement], options: str = "") -> str:
    names = " ".join(f'"{r.name}{r.specifier}"' for r in requirements)
    return f"pip install {options} {names}".replace("  ", " ")


def _package(module: str) -> Requirement:
    return next(r for r in _requirements() if _module(r) == module.partition(".")[0])


def _reinstall(package: Requirement, *rivals: str) -> str:
    return f"pip uninstall -y {' '.join([package.name, *rivals])} && {_pip([package])}"


def _python() -> Iterator[Check]:
    wanted = metadata.metadata("maquette")["Requires-Python"]
    version = ".".join(map(str, sys.version_info[:3]))
    bits = 64 if sys.maxsize > 2**32 else 32
    good = bits == 64 and version in SpecifierSet(wanted)
    mend = f"install a 64 bit Python {wanted} and make a new environment with it"
    yield _judge("Python", good, f"{version}, {bits} bit", mend)


def _packages() -> Iterator[Check]:
    for requirement in _requirements():
        yield _judge(requirement.name, *_met(requirement), _pip([requirement]))


def _extras() -> Iterator[Check]:
    for extra in ("samples", "test"):
        wanted = _requirements(extra)
        unmet = [r for r in wanted if not _met(r)[0]]
        found = ", ".join(f"{r.name} {_met(r)[1]}" for r in unmet or wanted)
        yield _judge(f"extra {extra}", not unmet, found, _pip(unmet), "warning")
    for extra, purpose in RARE_EXTRAS.items():
        unmet = [r for r in _requirements(extra) if not _met(r)[0]]
        found = ", ".join(f"{r.name} {_met(r)[1]}" for r in unmet or _requirements(extra))
        outside = [r for r in unmet if any(metadata.distributions(name=r.name))]
        status, needed = "warning" if outside else "ok", f"; only {purpose} needs it"
        mend = _pip(unmet) if unmet else ""
        yield Check(f"extra {extra}", status, found + (needed if unmet else ""), mend)


def _conflicts() -> Iterator[Check]:
    rivals = [name for name in RIVALS if any(metadata.distributions(name=name))]
    found = f"its files are overwritten by: {', '.join(rivals) or 'nothing'}"
    mend = _reinstall(_package("tensorflow"), *rivals)
    yield _judge("tensorflow files", not rivals, found, mend)
    legacy = os.environ.get("TF_USE_LEGACY_KERAS") in ("1", "true", "True")
    found = "TF_USE_LEGACY_KERAS asks for tf-keras, which is Keras 2" if legacy else "not asked for"
    yield _judge("legacy Keras", not legacy, found, "unset TF_USE_LEGACY_KERAS")


def _shadows() -> Iterator[Check]:
    """Find files of the current folder that Python would import instead of a dependency."""
    modules = [_module(requirement) for requirement in _requirements()]
    candidates = [Path(f"{m}{end}") for m in modules for end in (".py", "/__init__.py")]
    shadows = [path for path in candidates if path.is_file()]
    found = ", ".join(str(path.resolve()) for path in shadows) or "none"
    mend = " && ".join(f"mv {path.parts[0]} my_{path.parts[0]}" for path in shadows)
    yield _judge("files that hide a package", not shadows, found, mend)


def _keras_settings() -> Iterator[Check]:
    home = Path.home() if os.access(Path.home(), os.W_OK) else Path("/tmp")  # as Keras does
    path = Path(os.environ.get("KERAS_HOME", home / ".keras")).expanduser() / "keras.json"
    try:
        settings = json.loads(path.read_text()) if path.exists() else {}
        yield Check("keras.json", "ok", f"{path}{'' if path.exists() else ' is not there yet'}")
    except ValueError as error:
        found = f"{path} is not valid JSON, so Keras ignores it: {error}"
        yield Check("keras.json", "warning", found, f'rm "{path}"')
        settings = {}
    for key, wanted, severity in KERAS_SETTINGS:
        variable = os.environ.get("KERAS_BACKEND") if key == "backend" else None
        value = variable or settings.get(key, wanted)
        edit = f'set "{key}": "{wanted}" in {path}'
        mend = f"export KERAS_BACKEND={wanted}" if variable else edit
        yield _judge(f"Keras {key}", value == wanted, str(value), mend, severity)


def _samples() -> Iterator[Check]:
    from maquette.samples import sample_status

    status = sample_status()
    bad = [f"{name} {state}" for name, state in status.items() if state != "ok"]
    mend = _pip(_requirements("samples"), "--force-reinstall --no-deps")
    found = ", ".join(bad) or f"{len(status)} in place"
    yield _judge("samples", not bad, found, mend, "warning")


def _templates() -> Iterator[Check]:
    """Judge the templates of other packages: each is told if it cannot be used."""
    from maquette.gallery import list_templates

    for card in list_templates():
        if card.package is not None:
            mend = f'pip install --force-reinstall --no-deps "{card.package.replace(" ", "==")}"'
            found = card.problem or card.package
            yield _judge(f"template {card.name}", not card.problem, found, mend, "warning")


def _machine() -> Iterator[Check]:
    here, memory = Path.cwd(), _available_memory()
    amounts = [("disk", shutil.disk_usage(here).free, 2, f"make room on the disk of {here}")]
    if memory is not None:
        amounts.append(("memory", memory, 4, "close other programs, or take a smaller batch"))
    for name, size, least, mend in amounts:
        found = f"{size / 2**30:.1f} GiB available"
        yield _judge(name, size >= least * 2**30, found, mend, "warning")
    mend = "cd to a folder you can write in: saved_models lands in the current one"
    yield _judge("current folder", os.access(here, os.W_OK), str(here), mend)
    yield Check("cache", "ok", cache_state())


def _available_memory() -> int | None:
    """Return the bytes of memory available, or None where the system does not say."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():  # sysconf knows only the free pages, without the cache that can be freed
        return int(re.search(r"MemAvailable:\s+(\d+)", meminfo.read_text())[1]) * 1024
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _imports() -> Iterator[Check]:
    reports = try_imports(MODULES)
    yield from map(_judge_import, reports)
    gpus = reports[0].get("gpus")
    if gpus is not None:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
        unseen = gpus == 0 and not hidden and shutil.which("nvidia-smi") is not None
        found = f"CPU cores: {os.cpu_count()}, GPUs: {gpus}"
        found += ", although nvidia-smi is installed" if unseen else ""
        mend = 'pip install "tensorflow[and-cuda]"'
        yield _judge("devices", not unseen, found, mend, "warning")


def _judge_import(report: dict) -> Check:
    package, name = _package(report["module"]), f"import {report['module']}"
    if "error" in report:
        found = last_error(report["error"])
        mends = (mend for pattern, mend in IMPORT_MENDS.items() if re.search(pattern, found))
        return Check(name, "problem", found, next(mends, _reinstall(package)))
    good = package.specifier.contains(report["version"], prereleases=True)
    found = f"{report['version']} in {report['seconds']:.1f} s from {report['file']}"
    return _judge(name, good, found, _reinstall(package))
