from datetime import date
from typing import Any

from forecaster.fitting import FitSpec
from forecaster.settings import TrainingConfig
from forecaster.split import Fold, Span
from tasks.fit import cost_of


def spec(model: str, last: date = date(2020, 12, 31), **training: Any) -> FitSpec:
    return FitSpec(
        coin="BTC",
        model=model,
        fold=Fold(name="judged", train=Span(first=date(2020, 1, 1), last=last)),
        lookback=60,
        horizons=(1,),
        settings=None,
        training=TrainingConfig(**training) if training else None,
        seed=1,
    )


def test_a_fit_costs_more_the_slower_its_network_and_the_longer_its_train_part() -> None:
    assert cost_of(spec("transformer", epochs=100)) > cost_of(spec("tcn", epochs=100)) > cost_of(spec("lightgbm"))
    assert cost_of(spec("tcn", epochs=100)) > cost_of(spec("tcn", last=date(2020, 6, 30), epochs=100))


def test_a_refit_of_few_epochs_is_not_taken_for_a_long_fit() -> None:
    assert cost_of(spec("transformer", epochs=1)) < cost_of(spec("tcn", epochs=100))


def test_a_fit_is_expected_to_stop_early() -> None:
    assert cost_of(spec("tcn", epochs=100)) == cost_of(spec("tcn", epochs=1000))
