"""Series of numbers with gaps filled, at another rate, or scaled by themselves."""

from fractions import Fraction

import numpy as np

# Numbers that one series may become (a second and 50 MB). A rate in hertz far above
# that of the series is a slip (daily prices at 50 Hz).
MAX_NUMBERS = 1_000_000

# Filters longer than this are not worth their time: what is resampled to so many times
# its rate, or to so small a part of it, is interpolated.
MAX_RATIO = 10_000

# Deviations of which the squares are not exact, or zero.
TINY = 1e-140


def fill_gaps(values, times):
    """Interpolate NaN, channel by channel; one of only NaN stays as it is.

    Parameters
    ----------
    values : ndarray of shape (steps, channels)
        Is changed.
    times : ndarray of shape (steps,), or None
        Of the steps. None: they are evenly spaced.

    Returns
    -------
    ndarray of shape (steps, channels)
        The same array.
    """
    times = np.arange(len(values)) if times is None else times
    for channel in values.T:
        gaps = np.isnan(channel)
        if gaps.any() and not gaps.all():
            channel[gaps] = np.interp(times[gaps], times[~gaps], channel[~gaps])
    return values


def resample_series(values, absent, times, rate):
    """Resample values and their absence to a rate.

    Parameters
    ----------
    values : ndarray of shape (steps, channels)
        Without gaps.
    absent : ndarray of bool, of the same shape
        Where gaps were.
    times : ndarray of shape (steps,), or None
        In seconds.
    rate : float
        Steps a second.

    Returns
    -------
    values : ndarray of shape (new_steps, channels)
    absent : ndarray of bool, of the same shape

    Raises
    ------
    ValueError
        If the times are not known, or more than :data:`MAX_NUMBERS` would come of it.
    """
    from scipy.signal import resample_poly

    if times is None:
        raise ValueError(
            f"the times of the steps, which rate={rate} needs, are not known. Give "
            "sampling_rate, or pandas cells with an index of times"
        )
    if len(values) == 1:
        return values, absent
    spacing = (times[-1] - times[0]) / (len(times) - 1)
    # A hair more, so that rounding does not cost the last step.
    n_steps = min((times[-1] - times[0]) * rate + 1e-6, 1e18)
    n_steps = int(n_steps) + 1
    if n_steps * values.shape[1] > MAX_NUMBERS:
        raise ValueError(
            f"{len(values)} steps at {1 / spacing:.3g} Hz would become {n_steps} at "
            f"rate={rate}, more than {MAX_NUMBERS} numbers. rate is in hertz: one a "
            "day is 1 / 86400"
        )
    grid = times[0] + np.arange(n_steps) / rate
    ratio = Fraction(rate * spacing).limit_denominator(MAX_RATIO)
    if 0 < ratio <= MAX_RATIO and np.allclose(
        np.diff(times), spacing, rtol=1e-3, atol=0
    ):
        up, down = ratio.numerator, ratio.denominator
        resampled = resample_poly(values, up, down, axis=0, padtype="line")[:n_steps]
    else:
        resampled = _interpolate(grid, times, values)
    return resampled, _interpolate(grid, times, absent) > 1e-6


def _interpolate(grid, times, values):
    return np.column_stack([np.interp(grid, times, channel) for channel in values.T])


def scale_by_itself(sample, n_channels):
    """Scale the channels, but not the indicators, of one series by its own steps.

    Parameters
    ----------
    sample : ndarray of shape (steps, channels), or None
        With indicators to the right.
    n_channels : int
        Without them.

    Returns
    -------
    ndarray of the same shape, or None
        With the mean 0 and the standard deviation 1, or all 0 where it is constant.
    """
    if sample is None:
        return None
    # By hand, since a StandardScaler a series takes ten times as long.
    values = np.nan_to_num(sample[:, :n_channels])
    spread = values.std(axis=0)
    spread[np.ptp(values, axis=0) == 0] = 1.0
    if (spread < TINY).any():  # whose squares are not exact, or zero
        values = np.where(spread < TINY, values / np.abs(values).max(axis=0), values)
        spread = np.where(spread < TINY, values.std(axis=0), spread)
    values = (values - values.mean(axis=0)) / spread
    return np.hstack([values, sample[:, n_channels:]])
