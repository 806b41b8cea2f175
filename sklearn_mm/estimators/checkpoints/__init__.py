"""Checkpoints: what a fit that was killed goes on from."""
