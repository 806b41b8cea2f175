"""What is raised for files that cannot be trusted, read or written."""


class ModelFileError(ValueError):
    """A model file is damaged, was tampered with, or is of another version."""


class UntrustedTypeError(ModelFileError, TypeError):
    """A type is in no list of what a model file may hold, and was not trusted."""
