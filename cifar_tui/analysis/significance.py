"""How certain accuracies and their differences are: confidence intervals and an exact test."""

from __future__ import annotations

import math

Z95 = 1.959963984540054
"""Of the normal distribution, 95 % lie so many standard deviations or less from its mean."""


def wilson_interval(correct: int, images: int) -> tuple[float, float]:
    """The 95 % interval of the share `correct` of `images`, from 0 to 1; NaN where there is no image.

    E. B. Wilson's score interval, Journal of the American Statistical Association 22 (1927), 209–212.
    """
    if not images:
        return math.nan, math.nan
    z2, share = Z95 * Z95, correct / images
    middle = share + z2 / (2 * images)
    reach = Z95 * math.sqrt(share * (1 - share) / images + z2 / (4 * images * images))
    low, high = ((middle + side * reach) / (1 + z2 / images) for side in (-1, 1))
    # The ends are exact where none or all are correct, which rounding would miss by a little.
    return (low if correct else 0.0), (high if correct < images else 1.0)


def difference_interval(both: int, only_a: int, only_b: int, neither: int) -> tuple[float, float]:
    """The 95 % interval of the difference between two accuracies on the same images; NaN where there is no image.

    Wilson's intervals of the two, squared and added, with what the two have in common taken off: method 10 of R. G.
    Newcombe, Improved confidence intervals for the difference between binomial proportions based on paired data,
    Statistics in Medicine 17 (1998), 2635–2650. It holds for few images and for shares near 0 and 1 too.

    Args:
        both: Images that both models classify correctly.
        only_a: Those that only the first one does.
        only_b: Those that only the second one does.
        neither: Those that neither does.
    """
    images = both + only_a + only_b + neither
    if not images:
        return math.nan, math.nan
    a, b = (both + only_a) / images, (both + only_b) / images
    low_a, high_a = wilson_interval(both + only_a, images)
    low_b, high_b = wilson_interval(both + only_b, images)
    together = float(both * neither - only_a * only_b)
    if together > 0:
        together = max(together - images / 2, 0.0)
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    phi = together / math.sqrt(margins) if margins else 0.0
    down, up = _combined(a - low_a, high_b - b, phi), _combined(high_a - a, b - low_b, phi)
    return a - b - down, a - b + up


def _combined(x: float, y: float, phi: float) -> float:
    # Rounding may leave a square a little below zero.
    return math.sqrt(max(x * x - 2 * phi * x * y + y * y, 0.0))


def mcnemar_test(only_a: int, only_b: int) -> float:
    """The probability that images on which two models differ split this unevenly, or more, by chance alone.

    The exact, two-sided form of Q. McNemar, Note on the sampling error of the difference between correlated
    proportions or percentages, Psychometrika 12 (1947), 153–157: each such image is a fair coin's toss.

    Args:
        only_a: Images that only the first model classifies correctly.
        only_b: Those that only the second one does.
    """
    from scipy.special import bdtr

    tosses = only_a + only_b
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), tosses, 0.5))) if tosses else 1.0
