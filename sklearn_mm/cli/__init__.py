"""The command line: ``sklearn-mm``, or ``python -m sklearn_mm``."""
