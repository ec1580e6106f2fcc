"""The variational autoencoder: its bounds, its randomness, its endpoints, any size of image."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import integrate, stats

import maquette
from maquette.evidence import importance_weighted_bound, negative_elbo
from maquette.gallery import load_template
from maquette.probability import BernoulliPixels
from maquette.tasks.image_task import ImageSpec

VAE = load_template("vae")
VariationalAutoencoder = VAE.build.__globals__["VariationalAutoencoder"]
RNG = np.random.default_rng(0)


def fresh(shape=(8, 8, 1), **options) -> keras.Model:
    config = VAE.Config(**{**VAE.TINY.model_dump(), **options})
    return VAE.build(config, ImageSpec(shape, ("a",)))


def images(count: int, shape=(8, 8, 1)) -> np.ndarray:
    return RNG.integers(0, 256, (count, *shape), np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> maquette.Run:
    options = VAE.TINY.model_dump()
    return maquette.train("vae", "digits", out=tmp_path_factory.mktemp("runs"), **options)


@pytest.fixture(scope="module")
def digits(run) -> np.ndarray:
    data = VAE.TASK.open("digits", run.config)
    return VAE.TASK.examples(run.model, data, "test").sample(60).x


def test_loss_weighs_the_kl_and_the_reported_bound_does_not():
    model, x = fresh(), images(32)
    model.kl_weight.assign(0.25)
    found = model.evaluate(x, batch_size=32, verbose=0, return_dict=True)
    assert found["kl"] > 0.01
    assert found["negative_elbo"] == pytest.approx(found["reconstruction"] + found["kl"], rel=1e-5)
    assert found["loss"] == pytest.approx(found["reconstruction"] + 0.25 * found["kl"], rel=1e-5)


def test_beta_is_the_weight_of_a_fresh_model():
    assert float(fresh(beta=4.0).kl_weight) == 4.0


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_pixels_and_codes_are_drawn_anew_at_each_step_and_equal_with_an_equal_seed(likelihood):
    x = images(16)

    def losses() -> list[float]:
        keras.utils.set_random_seed(1)
        model = fresh(likelihood=likelihood)
        model.optimizer.learning_rate = 0.0
        return model.fit(x, epochs=4, batch_size=16, verbose=0).history["loss"]

    first = losses()
    assert len(set(first)) == 4
    assert losses() == first


def test_binarisation_itself_is_drawn_anew():
    model, grey = fresh(), np.full((16, 8, 8, 1), 128, np.uint8)
    seen = []
    model.likelihood.draw = lambda x, noise: seen.append(noise) or ops.cast(noise < 0.5, "float32")
    for training in (True, True, False, False):
        model.compute_loss(x=grey, training=training)
    first, second, validation, again = (np.asarray(noise) for noise in seen)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(validation, again)


def test_validation_has_the_same_noise_each_time():
    model, x = fresh(), images(16)
    values = [model.evaluate(x, verbose=0, return_dict=True)["negative_elbo"] for _ in range(2)]
    assert values[0] == values[1]


def test_bound_of_one_code_is_the_negative_elbo_on_average(run, digits):
    copies = np.repeat(digits[:1], 4000, axis=0)
    elbo = negative_elbo(run.model, copies)
    single = importance_weighted_bound(run.model, copies, samples=1, seed=1)
    spread = np.hypot(elbo.values.std(), single.std()) / np.sqrt(len(copies))
    assert abs(elbo.values.mean() - single.mean()) < 4 * spread
    # The two differ in each draw: the one has the KL in closed form.
    assert spread > 0
    assert elbo.kl.min() > 0.1


def test_more_codes_tighten_the_bound(run, digits):
    copies = np.repeat(digits, 8, axis=0)
    bounds = [importance_weighted_bound(run.model, copies, k).mean() for k in (1, 8, 64)]
    assert bounds[0] > bounds[1] > bounds[2]
    assert bounds[0] - bounds[2] > 0.05


def test_bound_of_many_codes_is_the_evidence_where_that_is_known():
    # One latent decides all: x is a single pixel whose logit is the code, z ~ N(0, 1).
    code = keras.Input((1,))
    decoder = keras.Model(code, keras.layers.Reshape((1, 1, 1))(2 * code))
    pixels = keras.Input((1, 1, 1))
    flat = keras.layers.Flatten()(pixels)
    encoder = keras.Model(pixels, [0.3 * flat + 0.2, 0.1 * flat - 0.5])
    model = VariationalAutoencoder(encoder, decoder, BernoulliPixels())
    white = np.full((1, 1, 1, 1), 255, np.uint8)
    model(white)
    evidence = integrate.quad(lambda z: stats.norm.pdf(z) / (1 + np.exp(-2 * z)), -10, 10)[0]
    found = importance_weighted_bound(model, white, samples=200_000)
    assert found[0] == pytest.approx(-np.log(evidence), abs=0.005)


def test_bounds_are_the_same_each_time(run, digits):
    for bound in (
        lambda: negative_elbo(run.model, digits).values,
        lambda: importance_weighted_bound(run.model, digits[:5], 7),
    ):
        np.testing.assert_array_equal(bound(), bound())


def test_active_latents_are_those_whose_mean_varies(run, digits):
    elbo = negative_elbo(run.model, digits)
    expected = (np.var(elbo.means, axis=0) > 0.01).sum()
    assert elbo.active_latents == expected
    assert 1 <= expected <= 4


def test_training_lowers_the_bound_and_uses_the_code(run):
    history, metrics = run.history, run.metrics["test"]["metrics"]
    assert history[-1]["val_negative_elbo"] < history[0]["val_negative_elbo"] - 2
    assert metrics["kl"] > 0.5
    assert metrics["negative_elbo"] == pytest.approx(metrics["reconstruction"] + metrics["kl"])
    assert metrics["importance_weighted_bound"] < metrics["negative_elbo"]
    assert {row["class"] for row in run.metrics["test"]["tables"]["Classes"]} == set("0123456789")


def test_kl_weight_rises_in_training(run):
    weighted = [row["loss"] - row["reconstruction"] for row in run.history]
    kl = [row["kl"] for row in run.history]
    assert weighted[0] < 0.3 * kl[0]
    assert weighted[-1] == pytest.approx(kl[-1], rel=1e-3)


def test_endpoints_agree_with_each_other(run, digits):
    ends = {k: e.predict_on_batch for k, e in VAE.endpoints(run.model).items()}
    code = ends["encode"]({"image": digits})
    noise = RNG.standard_normal(code["mean"].shape).astype(np.float32)
    drawn = code["mean"] + np.exp(code["log_variance"] / 2) * noise
    reconstructed = ends["reconstruct"]({"image": digits, "noise": noise})["pixels"]
    np.testing.assert_allclose(reconstructed, ends["decode"]({"code": drawn})["pixels"], atol=1e-5)
    still = ends["reconstruct"]({"image": digits, "noise": 0 * noise})["pixels"]
    np.testing.assert_allclose(still, np.asarray(run.model(digits)), atol=1e-5)
    generated = ends["generate"]({"noise": noise})["pixels"]
    np.testing.assert_allclose(generated, ends["decode"]({"code": noise})["pixels"], atol=1e-6)
    assert generated.min() >= 0
    assert generated.max() <= 1


def test_an_unusual_image_has_a_higher_bound(run, digits, tmp_path):
    from PIL import Image

    files = [tmp_path / name for name in ("digit.png", "noise.png")]
    Image.fromarray(digits[0, ..., 0]).save(files[0])
    Image.fromarray(images(1)[0, ..., 0]).save(files[1])
    rows = maquette.predict(run, files)
    assert rows[0]["negative_elbo"] < rows[1]["negative_elbo"] - 5
    assert maquette.predict(run, files[::-1]) == rows[::-1]


def test_images_of_classes_it_has_not_seen_can_be_judged(run, pets):
    found = maquette.evaluate(run, str(pets))
    assert found["split"] == "test"
    assert found["metrics"]["negative_elbo"] > run.metrics["test"]["metrics"]["negative_elbo"]


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 30, 3), (33, 9, 1)])
def test_any_size_of_image_trains_and_comes_back_from_its_file(shape, likelihood, tmp_path):
    model, x = fresh(shape, likelihood=likelihood), images(8, shape)
    losses = model.fit(x, epochs=3, batch_size=8, verbose=0).history["loss"]
    assert np.all(np.isfinite(losses))
    expected = np.asarray(model(x))
    assert expected.shape == x.shape
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(loaded(x)), expected)
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_gaussian_pixels_learn_their_scale():
    keras.utils.set_random_seed(0)
    x = np.clip(RNG.normal(128, 10, (256, 8, 8, 1)), 0, 255).astype(np.uint8)
    model = fresh(likelihood="gaussian")
    model.optimizer.learning_rate = 1e-2
    model.fit(x, epochs=30, batch_size=32, verbose=0)
    assert np.exp(float(model.likelihood.log_scale)) * 256 == pytest.approx(10, rel=0.2)
    # The entropy of 64 levels with that noise: no model can do better.
    floor = 64 * stats.norm(0, 10).entropy()
    assert negative_elbo(model, x).values.mean() == pytest.approx(floor, rel=0.03)


def test_images_of_many_sizes_get_one():
    assert fresh((None, None, 3)).input_shape == (None, 64, 64, 3)
    assert fresh((None, None, 3), image_size=20).input_shape == (None, 20, 20, 3)


def test_two_latents_are_drawn_as_a_plane(tmp_path):
    options = {**VAE.TINY.model_dump(), "latent_dim": 2, "epochs": 1, "importance_samples": 0}
    run = maquette.train("vae", "digits", out=tmp_path, **options)
    assert (run.path / "figures" / "latent_grid.png").exists()
    assert "importance_weighted_bound" not in run.metrics["test"]["metrics"]
