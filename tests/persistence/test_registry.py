"""The closed list knows all that this package fits."""

import inspect

import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

import sklearn_mm
from sklearn_mm.persistence.values.registry import (
    CLASSES,
    FUNCTIONS,
    find_ours,
    name_ours,
)
from sklearn_mm.persistence.values.sklearn_types import (
    SKLEARN,
    find_function,
    name_function,
)


def test_every_public_estimator_is_in_the_list():
    public = [getattr(sklearn_mm, name) for name in sklearn_mm.__all__]
    fitted = [
        each for each in public if inspect.isclass(each) and hasattr(each, "get_params")
    ]
    assert [each.__name__ for each in fitted if name_ours(each) is None] == []


@pytest.mark.parametrize("name", [*CLASSES, *FUNCTIONS])
def test_each_name_is_found_and_named_back(name):
    assert name_ours(find_ours(f"sklearn_mm.{name}")) == f"sklearn_mm.{name}"


@pytest.mark.parametrize("name", ["TextTransformer", "os.system", "sklearn_mm.load"])
def test_other_names_are_not_found(name):
    assert find_ours(name) is None


def test_a_class_of_the_same_name_is_not_ours():
    class TextTransformer:
        pass

    assert name_ours(TextTransformer) is None


def functions_in(estimator):
    """List the functions that an unfitted estimator holds, however deep."""
    if isinstance(estimator, FunctionTransformer):
        names = estimator.feature_names_out
        yield estimator.func
        if callable(names):
            yield names
    params = getattr(estimator, "get_params", dict)()
    for value in params.values():
        if inspect.isfunction(value):
            yield value
        elif isinstance(value, Pipeline | FunctionTransformer):
            yield from functions_in(value)


def test_every_function_of_a_made_union_is_in_the_list(table):
    made = sklearn_mm.make_multimodal_union(table[0], random_state=0)
    found = set(functions_in(made)) - {None}
    assert found
    assert [f for f in found if not (name_ours(f) or name_function(f))] == []


def test_what_is_listed_of_scikit_learn_is_there():
    import sklearn.experimental.enable_halving_search_cv

    from sklearn_mm.persistence.values import sklearn_types

    if not sklearn.__version__.startswith("1.9"):
        pytest.skip("the list is that of scikit-learn 1.9")
    for name, place in SKLEARN.items():
        assert f"{place[0]}.{sklearn_types.find(place).__qualname__}" == name


def test_functions_of_numpy_are_found_by_their_names_alone():
    import numpy as np

    assert find_function("numpy.log1p") is np.log1p
    for name in ("numpy.load", "numpy.lib.format", "numpy.os", "os.system"):
        assert find_function(name) is None
