"""The finder: it leaves no trace in the model, stops at divergence, and suggests a rate."""

import keras
import numpy as np
import pytest

from maquette.callbacks.learning_rate_finder import LearningRateFinder
from maquette.errors import UserError
from maquette.rate_finding import find_learning_rate

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype(np.float32)
Y = X @ RNG.normal(size=(4, 1)).astype(np.float32)


def model_of(rate: float = 0.01, optimizer=keras.optimizers.SGD) -> keras.Model:
    keras.utils.set_random_seed(0)
    parts = [keras.layers.Dropout(0.01), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((4,)), *parts])
    model.compile(optimizer(rate), "mse")
    return model


def find(model: keras.Model, **options) -> LearningRateFinder:
    finder = LearningRateFinder(**options)
    model.fit(X, Y, batch_size=8, epochs=1000, verbose=0, callbacks=[finder])
    return finder


@pytest.mark.parametrize("optimizer", [keras.optimizers.SGD, keras.optimizers.AdamW])
def test_the_model_is_as_before_to_the_bit_and_learns_as_if_nothing_had_been(optimizer):
    def trained(search: bool) -> list[np.ndarray]:
        model = model_of(optimizer=optimizer)
        if search:
            before = [np.array(v) for v in model.variables]
            find(model)
            for a, b in zip(before, model.variables, strict=True):
                np.testing.assert_array_equal(a, b)
            assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
            assert int(model.optimizer.iterations) == 0
        model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        return [np.array(v) for v in (*model.variables, *model.optimizer.variables)]

    for plain, searched in zip(trained(False), trained(True), strict=True):
        np.testing.assert_array_equal(plain, searched)


def test_the_rates_grow_by_the_same_factor_and_the_search_ends_when_training_diverges():
    finder = find(model_of(), lowest=1e-4, highest=1e4, steps=81)
    np.testing.assert_allclose(finder.rates[1:] / finder.rates[:-1], 10**0.1, rtol=1e-6)
    assert finder.rates[0] == pytest.approx(1e-4)
    assert len(finder.rates) == len(finder.losses) < 81
    assert finder.has_diverged()


def test_the_suggestion_trains():
    finder = find(model_of())
    assert 1e-3 < finder.suggestion < 0.5
    assert finder.steepest_rate <= finder.best_rate
    model = model_of(finder.suggestion)
    losses = model.fit(X, Y, batch_size=8, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]  # noise sets a floor


def finder_of(losses: np.ndarray) -> LearningRateFinder:
    finder = LearningRateFinder(1e-6, 10, len(losses))
    finder.losses = list(losses)
    return finder


def fall(where: float, until: float) -> np.ndarray:
    """Losses that fall around a rate, in powers of ten, and rise again from another one on."""
    logs = np.linspace(-6, 1, 100)
    return 2 - np.tanh(2 * (logs - where)) + 0.5 * np.maximum(logs - until, 0) ** 2


def test_the_suggestion_is_where_the_loss_falls_fastest():
    finder = finder_of(fall(-4, -1))
    assert -4 <= np.log10(finder.suggestion) < -3.5  # smoothing lags behind a little
    assert finder.suggestion == finder.steepest_rate


def test_a_fall_at_the_very_edge_is_not_trusted():
    finder = finder_of(fall(-1.4, -1))
    assert finder.suggestion == pytest.approx(finder.best_rate / 10)


def test_noise_at_the_start_is_no_fall():
    losses = fall(-4, -1)
    losses[0] += 5
    assert finder_of(losses).suggestion == finder_of(fall(-4, -1)).suggestion


def test_losses_are_those_of_single_steps():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    x = np.arange(4, 0, -1, dtype=np.float32)[:, None]
    finder = LearningRateFinder(lowest=1e-12, highest=1e-11, steps=4)
    options = {"batch_size": 1, "shuffle": False, "epochs": 2, "verbose": 0}
    model.fit(x, 0 * x, callbacks=[finder], **options)
    np.testing.assert_allclose(finder.losses, [16, 9, 4, 1], rtol=1e-5)


def test_nothing_is_suggested_where_no_rate_makes_the_loss_fall():
    finder = LearningRateFinder(steps=30)
    model = model_of()
    model.fit(X, 0 * Y + RNG.normal(size=Y.shape) * 1e-9, batch_size=8, epochs=9, verbose=0)
    constant = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False)])
    constant.compile("sgd", "mse")
    constant.fit(0 * X, 1 + 0 * Y, batch_size=8, epochs=9, verbose=0, callbacks=[finder])
    assert finder.suggestion is None


def test_a_loss_that_is_no_number_ends_the_search():
    finder = LearningRateFinder()
    finder.losses = [1.0, float("nan")]
    assert finder.has_diverged()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    return folder, find_learning_rate("mlp", "digits", out=folder, steps=60, hidden_units=(16,))


def test_a_template_is_searched_with_its_own_data_and_options(found):
    folder, result = found
    assert result.stage == "train"
    assert 1e-4 < result.suggestion < 1
    assert len(result.rates) == len(result.losses) == len(result.smoothed)
    assert [path.name for path in folder.iterdir()] == ["learning_rate.png"]


def test_the_picture_tells_the_suggestion(found):
    (legend,) = found[1].figure().legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert f"suggested {found[1].suggestion:.1e}" in texts


def test_the_search_is_the_same_again_with_the_same_seed(found):
    again = find_learning_rate("mlp", "digits", steps=60, hidden_units=(16,))
    np.testing.assert_array_equal(again.losses, found[1].losses)


def test_a_stage_that_does_not_exist_is_told():
    with pytest.raises(UserError, match="mlp has no stage 'head'; there are train"):
        find_learning_rate("mlp", "digits", stage="head", epochs=1, hidden_units=(4,))
