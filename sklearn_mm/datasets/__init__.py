"""Data to try the package on: a table of cells and a target."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_home": ["get_data_home"],
        "digits": ["load_digits_multimodal"],
        "lookup": ["make_multimodal_lookup"],
        "markets": ["fetch_stocknet", "load_prices_and_texts"],
        "spoken_digits": ["fetch_spoken_digits"],
        "synthetic": ["make_multimodal_classification"],
    },
)
