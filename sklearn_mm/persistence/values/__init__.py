"""Between a model and plain values: what of each class is kept, and how."""
