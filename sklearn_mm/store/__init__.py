"""Features on disk: a folder of NumPy files that is written and read in chunks."""

from sklearn_mm.store.arrays import StoredArray, StoredRows
from sklearn_mm.store.blocks import StoredBlock, load_blocks
from sklearn_mm.store.writing import write_features

__all__ = ["StoredArray", "StoredBlock", "StoredRows", "load_blocks", "write_features"]
