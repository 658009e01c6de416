"""How loudly each column speaks to a network: the more, the more it says about the targets beyond chance.

A network has to find what matters among columns of which most say nothing, with a few thousand overlapping outcomes.
Screening its inputs one by one beforehand makes the search easier (Fan & Lv 2008, "Sure independence screening").
"""

import numpy as np
import pandas as pd

from forecaster.select import rank_correlation
from forecaster.settings import SelectConfig
from forecaster.windows import Floats, Windows

LEAST = 0.1  # of a weight: a column that says nothing by itself may still say something beside another


def evidence_weights(train: Windows, needed: float) -> Floats:
    """Weight of each column, in [`LEAST`, 1]: `(n_features,)`.

    The share of a column's squared rank correlation, on the last day of the window and with the horizon about which it
    says most, that `needed` times chance does not explain (a positive-part James-Stein factor).

    Args:
        train: labelled windows, of consecutive origins.
        needed: rank correlation, in units of chance, from which on a column is heard.
    """
    x = pd.DataFrame(train.base[train.origin])
    shown = rank_correlation(x, train.y, SelectConfig()).max(axis=1)
    weights: Floats = np.maximum(1 - np.square(needed / np.maximum(shown, 1e-12)), LEAST)
    return weights
