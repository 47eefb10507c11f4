"""Populations whose truth is known, and biases to inject into any cohort."""
