"""How loudly each column speaks to a model: the more, the more it says about the targets beyond chance.

A model has to find what matters among columns of which most say nothing, or nothing that others do not say better,
with a few thousand overlapping outcomes. Screening its inputs one by one beforehand makes the search easier (Fan & Lv
2008, "Sure independence screening"), and the more so if each is judged by what it adds to the others: where a signal
lasts, past returns correlate with the next ones, and so does every indicator made of them.
"""

from collections.abc import Iterator

import numpy as np

from forecaster.select import rank_correlations, standard_ranks
from forecaster.windows import Floats, Windows

LEAST = 0.01  # of a weight: a column that says nothing by itself may still say something beside another
INDEPENDENT = 0.3  # how far correlations among columns are taken for chance: of dozens, most are close to others' sums


def evidence_weights(train: Windows, needed: float) -> Floats:
    """Weight of each column, in [`LEAST`, 1]: `(n_features,)`.

    The share of a column's squared semi-partial rank correlation, on the last day of the window and with the horizon
    about which it says most, that `needed` times chance does not explain (a positive-part James-Stein factor).

    Args:
        train: labelled windows, of consecutive origins.
        needed: semi-partial rank correlation, in units of chance, from which on a column is heard.
    """
    shown = rank_correlations(_decorrelated(train.base[train.origin]), train.y).max(axis=1)
    weights: Floats = np.maximum(1 - np.square(needed / np.maximum(shown, 1e-12)), LEAST)
    return weights


def _decorrelated(x: Floats) -> Iterator[Floats]:
    """What each column's ranks say that those of the others do not, in any units: `(n,)` for each of the columns.

    Ranks times their inverse correlation matrix: the residuals of a regression of each column on the others, which is a
    ridge regression where the matrix is shrunk towards the identity (Schaefer & Strimmer 2005, "A shrinkage approach to
    large-scale covariance matrix estimation").
    """
    ranks = standard_ranks(x)
    correlation = (1 - INDEPENDENT) / len(ranks) * (ranks.T @ ranks) + INDEPENDENT * np.eye(ranks.shape[1])
    return (ranks @ weights for weights in np.linalg.inv(correlation))
