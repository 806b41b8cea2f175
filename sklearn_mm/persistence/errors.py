"""What is raised for files that cannot be trusted, read or written."""


class ModelFileError(ValueError):
    """A model file is damaged, was changed, or is of another format.

    See Also
    --------
    load : Raises it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import sklearn_mm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "other.mm")
    ...     _ = path.write_text("no model")
    ...     try:
    ...         sklearn_mm.load(path)
    ...     except sklearn_mm.ModelFileError as error:
    ...         print("damaged or truncated" in str(error))
    True
    """


class UntrustedTypeError(ModelFileError, TypeError):
    """A type is in no list of what a model file may hold, and was not trusted.

    See Also
    --------
    save : Takes types of your own as ``trusted``.

    Examples
    --------
    >>> import sklearn_mm
    >>> model = sklearn_mm.TextTransformer(tokenizer=lambda text: text.split("."))
    >>> try:
    ...     sklearn_mm.save(model, "words.mm")
    ... except sklearn_mm.UntrustedTypeError as error:
    ...     print("TextTransformer.tokenizer: found the function" in str(error))
    True
    """
