import numpy as np
import pytest

from forecaster.gate import MOST, WHISPER, gates, whisper_gates


def val_gate(y, y_hat, horizon):
    return gates({horizon: (y, y_hat)})[horizon]


def drawn(seed, n=600):
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=n)
    return signal, signal + rng.normal(size=n)


def test_a_forecast_that_comes_true_passes_nearly_whole():
    signal, y = drawn(0)
    assert 0.95 < val_gate(y, signal, 1) < 1.1


def test_a_forecast_twice_too_bold_is_halved():
    signal, y = drawn(1)
    assert val_gate(y, 2 * signal, 1) == pytest.approx(0.5, abs=0.05)


def test_a_timid_forecast_is_made_bolder_within_bounds():
    signal, y = drawn(2)
    assert val_gate(y, signal / 1.2, 1) == pytest.approx(1.2, abs=0.1)
    assert val_gate(y, 0.1 * signal, 1) == pytest.approx(MOST, abs=0.05)


def test_evidence_of_one_horizon_helps_another():
    signal, y = drawn(5)
    noisy = signal[:60] + 2 * np.random.default_rng(7).normal(size=60)
    alone, beside = gates({7: (y[:60], noisy)})[7], gates({1: (y, signal), 7: (y[:60], noisy)})[7]
    assert 0 < alone < beside < 0.4


def test_a_wrong_way_stays_closed_beside_a_right_one():
    signal, y = drawn(7)
    assert gates({1: (y, signal), 7: (y, -signal)})[7] == 0


def test_an_uncertain_wrong_way_stays_closed_beside_a_right_one():
    signal, y = drawn(7)
    away = np.random.default_rng(3).normal(size=60)
    away -= away @ y[:60] / (y[:60] @ y[:60]) * y[:60] * 1.05  # just about the wrong way
    assert gates({1: (y, signal), 30: (y[:60], away)})[30] == 0


@pytest.mark.parametrize("y_hat", ["opposite", "zero"])
def test_a_forecast_that_points_the_wrong_way_or_nowhere_is_closed_off(y_hat):
    signal, y = drawn(3)
    assert val_gate(y, {"opposite": -signal, "zero": 0 * signal}[y_hat], 1) == 0


def test_chance_passes_little():
    passed = [val_gate(drawn(seed)[1], drawn(seed + 1000)[0], 1) for seed in range(60)]
    assert np.mean(np.array(passed) == 0) > 0.6
    assert np.mean(passed) < 0.05


def test_overlapping_labels_count_for_less():
    rng = np.random.default_rng(4)
    steps = rng.normal(size=629)
    y = np.convolve(steps, np.ones(30), "valid")  # (600,), each shares 29 steps with the next
    y_hat = 0.3 * y + 3 * rng.normal() + np.convolve(rng.normal(size=629), np.ones(30), "valid")
    assert val_gate(y, y_hat, 30) < val_gate(y, y_hat, 1)


def test_a_whisper_costs_no_more_than_allowed_if_it_is_noise():
    rng = np.random.default_rng(11)
    y, noise = rng.normal(size=(2, 400_000))
    factor = whisper_gates({1: (y, noise)})[1]
    assert factor == pytest.approx(WHISPER**0.5, rel=0.01)
    worse = ((y - factor * noise) ** 2).mean() / (y**2).mean() - 1
    assert worse == pytest.approx(WHISPER, rel=0.2)


def test_what_whispers_already_is_left_alone():
    _, y = drawn(12)
    assert whisper_gates({1: (y, 0.02 * y), 7: (y, 0 * y)}) == {1: 1.0, 7: 1.0}


def test_what_other_days_showed_counts_beside_the_luck_of_a_short_span():
    signal, y = drawn(13, 2000)
    month = {1: (y[:600], signal[:600]), 30: (y[:40], -signal[:40])}
    lucky, seen = gates(month)[30], gates({h: (y[600:], signal[600:]) for h in (1, 30)}, month)[30]
    assert lucky == 0
    assert 0.5 < seen < 1.2
