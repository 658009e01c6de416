"""The specification's own figures ("Training Results (February 2026)"), by model, in the order of its coins.

Units are not written there; what they turn out to be is said where they are shown.
"""

from forecaster.settings import COINS

Row = dict[str, float]  # coin -> figure


def _by_coin(*figures: float) -> Row:
    return dict(zip(COINS, figures, strict=True))


VAL_RMSE = {
    "dlinear": _by_coin(1.29, 0.88, 0.84, 1.02, 1.34),
    "tcn": _by_coin(0.91, 0.84, 0.83, 1.02, 1.29),
    "enhanced_lstm": _by_coin(0.91, 0.83, 0.84, 1.02, 1.28),
    "transformer": _by_coin(0.91, 0.83, 0.83, 1.01, 1.28),
    "lightgbm": _by_coin(0.61, 0.59, 0.57, 0.64, 0.92),  # an MAE, it says
    "advanced_ensemble": _by_coin(0.75, 0.95, 0.82, 0.91, 1.09),  # equal to its test RMSE below
}
GAP = {
    "dlinear": _by_coin(1.35, 1.25, 1.25, 1.30, 1.13),
    "tcn": _by_coin(1.88, 1.29, 1.30, 1.33, 1.26),
    "enhanced_lstm": _by_coin(1.93, 1.36, 1.30, 1.33, 1.29),
    "transformer": _by_coin(1.93, 1.36, 1.32, 1.34, 1.29),
}
BEST_MODEL: dict[str, str] = dict(
    zip(COINS, ("lightgbm", "enhanced_lstm", "tcn", "transformer", "transformer"), strict=True)
)
BEST_TEST_RMSE = _by_coin(0.716, 0.947, 0.819, 0.900, 1.083)
ENSEMBLE_TEST_RMSE = _by_coin(0.748, 0.954, 0.822, 0.913, 1.090)
DIRECTION = {  # shares of days with the right sign, one day ahead
    "dlinear": _by_coin(0.527, 0.554, 0.531, 0.472, 0.494),
    "tcn": _by_coin(0.485, 0.480, 0.520, 0.506, 0.513),
    "enhanced_lstm": _by_coin(0.475, 0.465, 0.498, 0.535, 0.494),
    "transformer": _by_coin(0.496, 0.469, 0.491, 0.531, 0.487),
}
MINUTES = {  # Apple M3 Max, Metal
    "dlinear": _by_coin(2.4, 0.8, 0.6, 0.8, 1.5),
    "tcn": _by_coin(17.1, 3.3, 4.8, 3.1, 7.7),
    "enhanced_lstm": _by_coin(50.6, 6.6, 7.5, 4.8, 9.4),
    "transformer": _by_coin(38.6, 22.1, 9.6, 12.3, 5.4),
    "lightgbm": _by_coin(0.03, 0.01, 0.02, 0.01, 0.01),
    "advanced_ensemble": _by_coin(0.3, 0.2, 0.1, 0.1, 0.2),
}
TUNED: dict[tuple[str, str], tuple[str, ...]] = {  # (model, our name of the setting)
    ("dlinear", "kernel_size"): ("31", "31", "27", "17", "19"),
    ("tcn", "filters"): ("default", "64", "default", "16", "default"),
    ("enhanced_lstm", "units"): ("default", "64, 128, 64", *(("128, 128, 128",) * 3)),
    ("transformer", "d_model"): ("128", "64", "default", "64", "default"),
    ("lightgbm", "num_leaves"): ("26", "39", "64", "18", "10"),
    ("lightgbm", "n_estimators"): ("223", "351", "146", "174", "452"),
}
WIDTH = {
    "dlinear": _by_coin(21.2, 1.93, 0.64, 11.6, 2.83),
    "tcn": _by_coin(0.50, 1.02, 0.74, 0.48, 1.00),
    "enhanced_lstm": _by_coin(0.05, 0.04, 0.04, 0.09, 0.04),
    "transformer": _by_coin(0.00, 0.00, 0.00, 0.00, 0.00),
}
