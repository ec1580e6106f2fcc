"""Mixed precision: the training computes in 16 bits, what it leaves has 32."""

import keras
import pytest

import maquette
from maquette.errors import UserError

SMALL = {"data": "digits", "hidden_units": (16,), "epochs": 2}


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_run_is_exported_like_any_other(precision, tmp_path, command):
    words = ["--data", "digits", "--hidden-units", "16", "--epochs", "2", "--out", tmp_path]
    assert command("train", "mlp", *words, "--name", "run", "--precision", precision).code == 0
    run = maquette.Run(tmp_path / "mlp" / "run")
    assert {layer.dtype_policy.name for layer in run.model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    rows = maquette.export(run, formats=["float32", "int8"], max_drop=0.03)
    assert [row["failures"] for row in rows] == [[], []]


def test_the_training_itself_computes_in_16_bits(tmp_path, monkeypatch):
    seen = []

    def look(*args, fit=keras.Model.fit, **options):
        seen.append({layer.compute_dtype for layer in args[0].layers})
        return fit(*args, **options)

    monkeypatch.setattr(keras.Model, "fit", look)
    run = maquette.train("mlp", out=tmp_path, name="run", precision="mixed_bfloat16", **SMALL)
    assert all("bfloat16" in dtypes for dtypes in seen)
    assert run.record["fitting"]["precision"] == "mixed_bfloat16"


def test_an_unknown_precision_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"precision must be one of .* received 'half'"):
        maquette.train("mlp", out=tmp_path, precision="half", **SMALL)
    assert not (tmp_path / "mlp").exists()
