"""Repairs: scikit-learn estimators that change a model for the groups it fails, probabilities kept."""
