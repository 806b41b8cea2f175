"""Plain PyTorch modules: encoders, attention, the network. No scikit-learn."""
