"""Docstrings of public objects have the form of numpydoc."""

import inspect

import pytest
from numpydoc.validate import validate

import sklearn_mm

# What is not asked of any docstring.
NOT_ASKED = {
    "ES01",  # an extended summary: where one line says it all
    "SA01",  # "See Also": where there is nothing to see
    "RT03",  # a description of what is returned: where its type says it
}
# Methods are shown in the example of their class.
NOT_ASKED_OF_MEMBERS = {"EX01"}

# Called by the estimators, not by users.
HOOKS = ("build",)


def public_objects():
    """List (name, object) of each public class and function."""
    for name in sklearn_mm.__all__:
        public = getattr(sklearn_mm, name)
        if inspect.ismodule(public):
            for inner in public.__all__:
                yield f"sklearn_mm.{name}.{inner}", getattr(public, inner)
        else:
            yield f"sklearn_mm.{name}", public


def public_members():
    """List the names of methods and properties that this package defines."""
    for name, public in public_objects():
        if not inspect.isclass(public):
            continue
        for member, value in inspect.getmembers(public):
            value = value.fget if isinstance(value, property) else value
            is_ours = (getattr(value, "__module__", "") or "").startswith("sklearn_mm")
            if is_ours and member not in HOOKS and not member.startswith("_"):
                yield f"{name}.{member}"


def shortcomings(name, not_asked):
    """List what numpydoc finds, apart from what is not asked."""
    errors = validate(name)["errors"]
    return [f"{code}: {what}" for code, what in errors if code not in not_asked]


@pytest.mark.parametrize("name", sorted(name for name, _ in public_objects()))
def test_a_public_object_is_documented_and_has_an_example(name):
    assert shortcomings(name, NOT_ASKED) == []


@pytest.mark.parametrize("name", sorted(public_members()))
def test_a_public_method_or_property_is_documented(name):
    assert shortcomings(name, NOT_ASKED | NOT_ASKED_OF_MEMBERS) == []


def test_what_a_docstring_lacks_is_found():
    found = shortcomings("sklearn_mm.readers.text._to_text", NOT_ASKED)
    assert any(error.startswith("GL08") for error in found)
