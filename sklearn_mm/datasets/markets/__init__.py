"""Prices and texts of stocks: rows of windows that end on a day, and what follows."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "csv_files": ["load_prices_and_texts"],
        "stocknet": ["fetch_stocknet"],
    },
)
