"""Spec of the encoder of images."""

from sklearn.base import BaseEstimator

from sklearn_mm.estimators.specs.checks import (
    check_integer,
    check_integers,
    check_kernel_size,
    check_kind,
    check_rate,
    check_share,
)


class CNNEncoder(BaseEstimator):
    """Convolutional network for images.

    The cells of the last feature map are the tokens, so that attention can point at a
    place in the image.

    Parameters
    ----------
    channels : tuple of int, default=(32, 64, 64)
        Feature maps after each stage. Every stage but the first begins by halving the
        image, so there are at most log2 of its side in stages that see anything. At
        least 2 each.
    kernel_size : int, default=3
        Side of the convolutions in pixels; odd.
    residual : bool, default=False
        Whether each stage ends in a residual block (He et al. 2016).
    grid : int, default=4
        The last feature map is averaged down to at most ``grid`` x ``grid`` tokens.
        Each place has a projection of its own, so that what is seen is known by its
        place; 1 makes one token that does not know it.
    max_shift : float, default=0.05
        In training each image is moved at random, up or down and left or right, by up
        to this share of its sides, rounded to whole pixels, so that few images teach
        more: by one pixel of 16, and not at all of 8. What moves in is the mean of the
        training images. 0: not at all.
    learning_rate : float or None, default=None
        Of the encoder's weights. Warm-up and schedule scale it as they do the
        estimator's. None: the estimator's.

    Examples
    --------
    >>> from sklearn_mm import CNNEncoder
    >>> CNNEncoder(channels=(16, 32)).get_params()["channels"]
    (16, 32)
    """

    def __init__(
        self,
        channels=(32, 64, 64),
        kernel_size=3,
        *,
        residual=False,
        grid=4,
        max_shift=0.05,
        learning_rate=None,
    ):
        self.channels = channels
        self.kernel_size = kernel_size
        self.residual = residual
        self.grid = grid
        self.max_shift = max_shift
        self.learning_rate = learning_rate

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of kind "image"."""
        from sklearn_mm.nn import encoders

        check_kind(self, modality, ("image",))
        check_rate(self)
        # Two, since one channel of a map of one pixel is normalised to nothing.
        check_integers(self, "channels", minimum=2)
        check_integer(self, "grid", minimum=1)
        check_kernel_size(self)
        check_share(self, "max_shift")
        if not self.channels:
            raise ValueError("CNNEncoder needs at least one stage: channels is empty")
        return encoders.ConvolutionalImageEncoder(
            encoders.Standardize(modality.mean, modality.deviation),
            modality.n_inputs,
            channels=tuple(self.channels),
            kernel_size=self.kernel_size,
            residual=self.residual,
            grid=self.grid,
            max_shift=self.max_shift,
            width=width,
            dropout=dropout,
        )
