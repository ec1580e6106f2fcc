"""What the doctor finds in healthy and in broken installations."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from importlib import metadata
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from maquette import import_trial, samples
from maquette import installation as module
from maquette.installation import Check, doctor, format_checks

HEALTHY_MODULES = {
    "tensorflow.py": "__version__ = '2.99'\n"
    "class config:\n    list_physical_devices = lambda kind: []\n",
    "keras.py": "__version__ = '3.99'\n",
    "ai_edge_litert/__init__.py": "__version__ = '2.99'\n",
    "ai_edge_litert/interpreter.py": "",
}
KERAS = next(r for r in metadata.requires("maquette") if Requirement(r).name == "keras")
VARIABLES = ("KERAS_BACKEND", "TF_USE_LEGACY_KERAS", "CUDA_VISIBLE_DEVICES")


@pytest.fixture
def versions(monkeypatch):
    """The installed packages, by name: at first all that maquette asks for, at its lower bound."""
    installed = {
        requirement.name: next(iter(requirement.specifier)).version
        for requirement in map(Requirement, metadata.requires("maquette"))
    }

    def distributions(name):
        return [SimpleNamespace(version=installed[name])] if name in installed else []

    monkeypatch.setattr(metadata, "distributions", distributions)
    return installed


@pytest.fixture(autouse=True)
def healthy(tmp_path, monkeypatch, versions):
    """A folder, settings, samples and a machine with nothing wrong."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras home"))
    (tmp_path / "keras home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(samples, "sample_status", lambda: {"digits": "ok"})
    monkeypatch.setattr(module, "_available_memory", lambda: 8 * 2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=8 * 2**30))
    monkeypatch.setattr(shutil, "which", lambda program: None)


@pytest.fixture
def fake_modules(tmp_path, monkeypatch):
    """A folder whose modules the child imports instead of the installed ones."""
    folder = tmp_path / "modules"
    (folder / "ai_edge_litert").mkdir(parents=True)
    for name, source in HEALTHY_MODULES.items():
        (folder / name).write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def bad(imports: bool = False) -> list[Check]:
    return [check for check in doctor(imports) if check.status != "ok"]


def only_bad(imports: bool = False) -> Check:
    (check,) = bad(imports)
    return check


def write_settings(tmp_path, text: str) -> None:
    (tmp_path / "keras home" / "keras.json").write_text(text)


def test_healthy_environment_is_in_order(fake_modules):
    checks = doctor()
    assert not bad(imports=True)
    assert format_checks(checks).endswith("\neverything is in order")
    assert {"Python", "tensorflow", "import keras", "devices"} <= {check.name for check in checks}


def test_real_imports_work_and_stay_out_of_the_own_process():
    script = (
        "import json, sys; from dataclasses import asdict;"
        "from maquette.installation import doctor;"
        "checks = [asdict(check) for check in doctor()];"
        "loaded = sorted({'tensorflow', 'keras', 'ai_edge_litert'} & set(sys.modules));"
        "print(json.dumps([checks, loaded]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    checks, loaded = json.loads(done.stdout)
    assert loaded == []
    assert [check for check in checks if check["status"] == "problem"] == []
    names = [check["name"] for check in checks]
    assert sum(name.startswith("import ") for name in names) == 3
    assert "memory" in names or sys.platform == "win32"


def test_imports_can_be_left_out(monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a child was started"))
    assert not any(check.name.startswith("import ") for check in doctor(imports=False))


def test_unsupported_python_is_a_problem(monkeypatch):
    monkeypatch.setattr(metadata, "metadata", lambda name: {"Requires-Python": ">=3.99"})
    check = only_bad()
    assert (check.name, check.status) == ("Python", "problem")
    assert ">=3.99" in check.mend


def test_32_bit_python_is_a_problem(monkeypatch):
    monkeypatch.setattr(module, "sys", SimpleNamespace(maxsize=2**31 - 1, version_info=(3, 12, 1)))
    check = only_bad()
    assert check.found == "3.12.1, 32 bit"
    assert "64 bit" in check.mend


def test_missing_package_is_a_problem_mended_by_pip(versions):
    del versions["pillow"]
    assert only_bad() == Check("pillow", "problem", "not installed", 'pip install "pillow>=11.0"')


@pytest.mark.parametrize("version", ["2.15.0", "not a version", "3.13.0rc1"])
def test_package_outside_its_bounds_is_a_problem(versions, version):
    versions["keras"] = version
    check = only_bad()
    assert check.found == f"{version} is outside {Requirement(KERAS).specifier}"
    assert check.mend == f'pip install "{KERAS}"'


def test_prerelease_within_bounds_is_accepted(versions):
    versions["tensorflow"] = "2.99.0rc1"
    assert not bad()


@pytest.mark.parametrize(("extra", "package"), [("samples", "mlxtend"), ("test", "pytest-xdist")])
def test_missing_extra_is_a_warning_with_the_pip_line(versions, extra, package):
    del versions[package]
    check = only_bad()
    assert (check.name, check.status) == (f"extra {extra}", "warning")
    assert check.found == f"{package} not installed"
    assert check.mend.startswith(f'pip install "{package}>=')


def test_an_extra_that_few_need_may_be_missing_and_the_doctor_tells_what_it_is_for(versions):
    del versions["tf2onnx"], versions["openvino"]
    checks = {check.name: check for check in doctor(imports=False)}
    onnx, openvino, quantize = (checks[f"extra {n}"] for n in ("onnx", "openvino", "quantize"))
    assert (onnx.status, openvino.status) == ("ok", "ok")
    assert onnx.found == "tf2onnx not installed; only export --formats onnx needs it"
    assert openvino.mend.startswith('pip install "openvino>=')
    assert (quantize.found, quantize.mend) == ("ai-edge-quantizer 0.10", "")


def test_an_extra_of_a_version_outside_the_bounds_is_a_warning(versions):
    versions["ai-edge-quantizer"] = "0.1.0"
    check = only_bad()
    assert (check.name, check.status) == ("extra quantize", "warning")


def test_second_tensorflow_package_is_a_problem(versions):
    versions["tensorflow-cpu"] = "2.20.0"
    check = only_bad()
    assert check.status == "problem"
    assert check.mend == (
        'pip uninstall -y tensorflow tensorflow-cpu && pip install "tensorflow>=2.20"'
    )


def test_legacy_keras_variable_is_a_problem(monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    assert (only_bad().status, only_bad().mend) == ("problem", "unset TF_USE_LEGACY_KERAS")


@pytest.mark.parametrize("state", ["missing", "changed"])
def test_absent_or_changed_sample_is_a_warning(monkeypatch, state):
    monkeypatch.setattr(samples, "sample_status", lambda: {"digits": "ok", "photos": state})
    check = only_bad()
    assert (check.status, check.found) == ("warning", f"photos {state}")
    assert check.mend.startswith("pip install --force-reinstall ")


def test_invalid_keras_json_is_a_warning(tmp_path):
    write_settings(tmp_path, "{")
    check = only_bad()
    assert (check.name, check.status) == ("keras.json", "warning")
    assert check.mend == f'rm "{tmp_path / "keras home" / "keras.json"}"'


def test_keras_json_that_is_no_object_is_a_problem(tmp_path):
    write_settings(tmp_path, "[1]")
    assert (only_bad().name, only_bad().status) == ("keras settings", "problem")


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("backend", "jax", "warning"),
        ("image_data_format", "channels_first", "problem"),
        ("floatx", "float16", "warning"),
    ],
)
def test_setting_that_templates_do_not_support_is_reported(tmp_path, key, value, status):
    write_settings(tmp_path, json.dumps({key: value}))
    check = only_bad()
    assert (check.name, check.status, check.found) == (f"Keras {key}", status, value)
    assert check.mend.startswith(f'set "{key}": "')


def test_backend_variable_overrides_keras_json(tmp_path, monkeypatch):
    write_settings(tmp_path, '{"backend": "jax"}')
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert not bad()
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert (only_bad().found, only_bad().mend) == ("torch", "export KERAS_BACKEND=tensorflow")


@pytest.mark.parametrize(
    ("file", "mend"),
    [
        ("keras.py", "mv keras.py my_keras.py"),
        ("tensorflow/__init__.py", "mv tensorflow my_tensorflow"),
        ("PIL.py", "mv PIL.py my_PIL.py"),
    ],
)
def test_file_that_hides_a_package_is_a_problem(tmp_path, file, mend):
    path = tmp_path / "work" / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    check = only_bad()
    assert (check.status, check.mend) == ("problem", mend)
    assert check.found == str(path.resolve())


def test_plain_folder_named_like_a_package_hides_nothing(tmp_path):
    (tmp_path / "work" / "keras").mkdir()
    assert not bad()


def test_little_memory_or_disk_space_is_a_warning(monkeypatch):
    monkeypatch.setattr(module, "_available_memory", lambda: 3 * 2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**30))
    found = {check.name: (check.status, check.found) for check in bad()}
    assert found["memory"] == ("warning", "3.0 GiB available")
    assert found["disk"] == ("warning", "1.0 GiB available")


def test_unknown_memory_is_left_out(monkeypatch):
    monkeypatch.setattr(module, "_available_memory", lambda: None)
    assert "memory" not in {check.name for check in doctor(imports=False)}


def test_folder_without_write_permission_is_a_problem(tmp_path, monkeypatch):
    work, access = tmp_path / "work", os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != work and access(path, mode))
    assert (only_bad().name, only_bad().status) == ("current folder", "problem")


def test_broken_check_does_not_hide_the_others(monkeypatch):
    def fail():
        raise RuntimeError("no samples today")

    monkeypatch.setattr(samples, "sample_status", fail)
    assert only_bad().found == "this check failed: RuntimeError: no samples today"
    assert doctor(imports=False)[-1].name == "cache"


@pytest.mark.parametrize(
    ("source", "found", "mend"),
    [
        (
            r"raise ImportError('Traceback:\nImportError: libfoo.so.1: no such file\n\nHelp')",
            "ImportError: libfoo.so.1: no such file",
            f'pip uninstall -y keras && pip install "{KERAS}"',
        ),
        (
            "raise ImportError(\"No module named 'jax'\")",
            "ImportError: No module named 'jax'",
            "export KERAS_BACKEND=tensorflow",
        ),
        (
            r"import os; os.write(2, b'built to use AVX instructions\n@ 0x7f main'); os._exit(3)",
            "exit code 3: built to use AVX instructions",
            "use a machine whose processor has AVX instructions",
        ),
    ],
    ids=["library", "backend", "AVX"],
)
def test_failed_import_is_reported_by_its_last_error(fake_modules, source, found, mend):
    (fake_modules / "keras.py").write_text(source)
    assert only_bad(imports=True) == Check("import keras", "problem", found, mend)


def test_old_copy_of_keras_that_is_imported_first_is_a_problem(fake_modules):
    (fake_modules / "keras.py").write_text("__version__ = '2.12.0'")
    check = only_bad(imports=True)
    assert (check.name, check.status) == ("import keras", "problem")
    assert str(fake_modules / "keras.py") in check.found


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
@pytest.mark.parametrize(
    ("name", "hint"), [("SIGILL", "AVX"), ("SIGSEGV", "pip uninstall"), ("SIGKILL", "memory")]
)
def test_import_killed_by_a_signal_is_recognised(fake_modules, name, hint):
    source = f"import os, signal; os.kill(os.getpid(), signal.{name})"
    (fake_modules / "keras.py").write_text(source)
    check = only_bad(imports=True)
    assert check.name == "import keras"
    assert check.found.startswith(f"killed by {name}")
    assert hint in check.mend


def test_import_that_hangs_is_recognised(fake_modules, monkeypatch):
    monkeypatch.setattr(import_trial, "IMPORT_SECONDS", 2)
    (fake_modules / "ai_edge_litert" / "interpreter.py").write_text("import time; time.sleep(60)")
    check = only_bad(imports=True)
    assert check.name == "import ai_edge_litert.interpreter"
    assert check.found.startswith("no answer after 2 s")


def test_gpu_that_tensorflow_does_not_see_is_a_warning(fake_modules, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: f"/bin/{program}")
    check = only_bad(imports=True)
    assert (check.name, check.status) == ("devices", "warning")
    assert check.mend == 'pip install "tensorflow[and-cuda]"'
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert not bad(imports=True)


def test_gpu_that_tensorflow_sees_is_counted(fake_modules, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: f"/bin/{program}")
    source = HEALTHY_MODULES["tensorflow.py"].replace("[]", "[kind]")
    (fake_modules / "tensorflow.py").write_text(source)
    assert doctor()[-1].found.endswith(", GPUs: 1")


def test_text_is_aligned_and_counts_what_is_wrong():
    checks = [
        Check("disk", "ok", "9 GiB"),
        Check("a longer name", "problem", "two\nlines", "pip install x"),
        Check("b", "problem", "gone", "pip install y"),
        Check("c", "warning", "old"),
    ]
    assert format_checks(checks).splitlines() == [
        "ok       disk           9 GiB",
        "PROBLEM  a longer name  two lines",
        "           pip install x",
        "PROBLEM  b              gone",
        "           pip install y",
        "warning  c              old",
        "2 problems, 1 warning",
    ]
    assert json.loads(json.dumps([asdict(check) for check in checks]))[0]["name"] == "disk"
