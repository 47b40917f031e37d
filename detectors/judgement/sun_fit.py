"""Learns what an inverter makes of its sun from its own history, by the regression of Theil and Sen
(scikit-learn): days on which it stood still, or lay under snow, do not move it, up to a fifth of all.
Three numbers come out, and no model file."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import TheilSenRegressor

from detectors.judgement.solar import SunModel

LEAST_W_M2: Final = 150.0  # below, an inverter's own losses are most of it
_SUBSETS: Final = 3_000  # of rows, of which the spatial median is taken


def fit_sun(
    kilowatts: NDArray[np.float64],
    w_m2: NDArray[np.float64],
    module_celsius: NDArray[np.float64],
) -> SunModel:
    """Raises ValueError from fewer than ten rows of sun."""
    bright = (w_m2 >= LEAST_W_M2) & np.isfinite(kilowatts) & np.isfinite(module_celsius)
    if bright.sum() < 10:
        raise ValueError(f"{int(bright.sum())} rows of sun are too few")
    sun = w_m2[bright] / 1_000.0
    inputs = np.column_stack([sun, sun**2, sun * (module_celsius[bright] - 25.0)])
    largest = float(np.max(np.abs(kilowatts[bright]))) or 1.0
    model = TheilSenRegressor(fit_intercept=False, max_subpopulation=_SUBSETS, random_state=0)
    model.fit(inputs, kilowatts[bright] / largest)
    per_sun, bend, warmth = (float(each) * largest for each in model.coef_)
    return SunModel(per_sun=per_sun, bend=bend, warmth=warmth)
