"""How a broken estimator is caught."""

import pytest

from sklearn_mm.testing import parametrize_with_multimodal_checks


@pytest.fixture
def is_caught():
    """Give a function that asserts that a check fails, and with which message."""

    def is_caught(estimator, name, message, **data):
        mark = parametrize_with_multimodal_checks([estimator], **data).mark
        checks = {case.values[1].__name__: case.values[1] for case in mark.args[1]}
        with pytest.raises(AssertionError, match=f"^{name}: .*{message}"):
            checks[name](estimator)

    return is_caught
