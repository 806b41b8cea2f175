"""Estimators that learn from several modalities, and the encoders they use."""
