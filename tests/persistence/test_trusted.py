"""What is in no list is refused by name, unless the user trusts it."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import sklearn_mm
from sklearn_mm import ModelFileError, UntrustedTypeError


class Shift(TransformerMixin, BaseEstimator):
    def __init__(self, by=1.0):
        self.by = by

    def fit(self, X, y=None):
        self.mean_ = np.mean(X, axis=0)
        return self

    def transform(self, X):
        return X - self.mean_ + self.by


class Marked(Shift):
    def __getstate__(self):
        return {**super().__getstate__(), "is_marked": True}

    def __setstate__(self, state):
        super().__setstate__(state)
        self.was_set = True


def double(X):
    return 2 * X


def split_at_dots(text):
    return text.split(".")


@pytest.fixture
def own(numbers):
    return make_pipeline(Shift(), FunctionTransformer(double)).fit(numbers[0])


def test_a_type_of_the_user_is_refused_with_the_place_and_the_cure(own, tmp_path):
    message = r"Pipeline\.steps\[0\]\[1\]: found an object of .*Shift.* trusted="
    with pytest.raises(UntrustedTypeError, match=message):
        sklearn_mm.save(own, tmp_path / "m.mm")
    assert not (tmp_path / "m.mm").exists()


def test_the_error_is_a_value_error_and_a_type_error(own, tmp_path):
    for kind in (TypeError, ValueError, ModelFileError):
        with pytest.raises(kind):
            sklearn_mm.save(own, tmp_path / "m.mm")


def test_a_function_of_the_user_is_refused(own, tmp_path):
    with pytest.raises(UntrustedTypeError, match="the function .*double"):
        sklearn_mm.save(own, tmp_path / "m.mm", trusted=[Shift])


def test_what_is_trusted_is_kept(own, numbers, again, tmp_path):
    loaded = again(own, tmp_path / "m.mm", trusted=[Shift, double])
    assert loaded.transform(numbers[0]).tolist() == own.transform(numbers[0]).tolist()


def test_what_was_trusted_must_be_trusted_in_load(own, tmp_path):
    path = sklearn_mm.save(own, tmp_path / "m.mm", trusted=[Shift, double])
    with pytest.raises(
        UntrustedTypeError, match=r"names the class '.*Shift'.*trusted="
    ):
        sklearn_mm.load(path)
    with pytest.raises(UntrustedTypeError, match="names the function '.*double'"):
        sklearn_mm.load(path, trusted=[Shift])


def test_what_must_be_trusted_is_told_without_loading(own, tmp_path):
    path = sklearn_mm.save(own, tmp_path / "m.mm", trusted=[Shift, double])
    names = sklearn_mm.inspect(path)["trusted"]
    assert [name.rpartition(".")[2] for name in names] == ["Shift", "double"]


def test_what_has_moved_is_trusted_under_its_old_name(own, numbers, tmp_path):
    saved_as = {"old.Shift": Shift, "old.double": double}
    path = sklearn_mm.save(own, tmp_path / "m.mm", trusted=saved_as)
    loaded = sklearn_mm.load(path, trusted=saved_as)
    assert loaded.transform(numbers[0]).tolist() == own.transform(numbers[0]).tolist()


def test_a_class_may_say_what_its_state_is(numbers, again, tmp_path):
    fitted = Marked().fit(numbers[0])
    loaded = again(fitted, tmp_path / "m.mm", trusted=[Marked])
    assert loaded.is_marked
    assert loaded.was_set


def test_a_tokenizer_that_is_a_function_is_trusted(again, tmp_path):
    fitted = sklearn_mm.TextTransformer(tokenizer=split_at_dots).fit(["a.b", "b.c"])
    with pytest.raises(UntrustedTypeError, match="split_at_dots"):
        sklearn_mm.save(fitted, tmp_path / "m.mm")
    loaded = again(fitted, tmp_path / "m.mm", trusted=[split_at_dots])
    assert loaded.transform(["c.b"]).values.tolist() == (
        fitted.transform(["c.b"]).values.tolist()
    )


def test_a_lambda_is_refused(tmp_path):
    model = make_pipeline(FunctionTransformer(lambda X: X))
    with pytest.raises(UntrustedTypeError, match="not a lambda"):
        sklearn_mm.save(model, tmp_path / "m.mm")


def test_names_are_not_trusted(own, tmp_path):
    for trusted in (["tests.Shift"], "Shift", Shift, [Shift()]):
        with pytest.raises(TypeError, match="trusted must"):
            sklearn_mm.save(own, tmp_path / "m.mm", trusted=trusted)


def test_data_is_sent_to_where_it_is_kept(features, tmp_path):
    model = sklearn_mm.AttentionFusionClassifier(net_params={"data": features})
    with pytest.raises(UntrustedTypeError, match=r"MultimodalFeatures\.save"):
        sklearn_mm.save(model, tmp_path / "m.mm")


def test_only_estimators_are_saved(tmp_path):
    with pytest.raises(TypeError, match="model must be an estimator, found dict"):
        sklearn_mm.save({}, tmp_path / "m.mm")


def test_a_cache_is_left_out_and_said(table, tmp_path, make_union, again):
    fitted = make_union().set_params(memory=str(tmp_path / "cache")).fit(table[0])
    assert again(fitted, tmp_path / "m.mm").memory is None
    (left_out,) = sklearn_mm.inspect(tmp_path / "m.mm")["left_out"]
    assert "memory, the place of a cache" in left_out
