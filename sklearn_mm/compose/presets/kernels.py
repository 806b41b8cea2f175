"""Models of many numbers a row: linear ones over a kernel of their components."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from sklearn_mm.compose.presets.outputs import PerOutputClassifier

# The most landmarks, rows that others are compared with: time grows with their number
# times that of the rows.
N_LANDMARKS = 1000


def make_kernel_models(*, n_components, C, random_state):
    """Make models that are linear in the radial kernel of principal components.

    On images and sound they were better stacked than support vector machines, since
    their probabilities need no calibration, and their time is linear in the rows.

    Parameters
    ----------
    n_components : int
        Principal components to compare rows by.
    C : float
        Of the logistic regression: the larger, the less it is shrunk.
    random_state : int, RandomState instance or None
        Of components and landmarks.

    Returns
    -------
    classifier, regressor : Pipeline
    """
    kernel = KernelFeatures(n_components=n_components, random_state=random_state)
    logistic = PerOutputClassifier(LogisticRegression(C=C, max_iter=1000))
    return (
        Pipeline([("kernel", kernel), ("linear", logistic)]),
        Pipeline([("kernel", kernel), ("linear", RidgeCV(np.logspace(-3, 2, 6)))]),
    )


class KernelFeatures(TransformerMixin, BaseEstimator):
    """Compare rows with some of the training rows, by their principal components.

    Features are standardised and reduced to principal components, whose radial kernel
    is approximated by the method of Nyström (Williams and Seeger, 2001). Sizes are
    lowered where there are fewer rows or features.

    Parameters
    ----------
    n_components : int, default=50
        The most principal components.
    n_landmarks : int, default=1000
        The most rows to compare with.
    gamma : float, default=1.5
        Of the radial kernel, over the variance of all components together.
    random_state : int, RandomState instance or None, default=None
        Chooses the landmarks.

    References
    ----------
    Williams, C. and Seeger, M. (2001). Using the Nyström method to speed up kernel
    machines. Advances in Neural Information Processing Systems 13.
    """

    def __init__(
        self, n_components=50, *, n_landmarks=N_LANDMARKS, gamma=1.5, random_state=None
    ):
        self.n_components = n_components
        self.n_landmarks = n_landmarks
        self.gamma = gamma
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn scales, components and landmarks from an array (n_samples, n)."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X, y=None):
        """Learn, and compare the rows: (n_samples, landmarks)."""
        X = np.asarray(X, dtype=np.float64)
        self.scaler_ = StandardScaler()
        scaled = self.scaler_.fit_transform(X)
        n_components = min(self.n_components, *X.shape)
        self.pca_ = PCA(n_components, random_state=self.random_state)
        with np.errstate(invalid="ignore"):  # where all rows are equal
            components = self.pca_.fit_transform(scaled)
        variance = components.var(axis=0).sum()
        self.nystroem_ = Nystroem(
            gamma=self.gamma / variance if variance else 1.0,
            n_components=min(self.n_landmarks, len(X)),
            random_state=self.random_state,
        )
        return self.nystroem_.fit_transform(components)

    def transform(self, X):
        """Compare rows with the landmarks: (n_samples, landmarks)."""
        check_is_fitted(self)
        scaled = self.scaler_.transform(np.asarray(X, dtype=np.float64))
        return self.nystroem_.transform(self.pca_.transform(scaled))
