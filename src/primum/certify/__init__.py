"""Paired no-harm certificates: their bounds, their robustness to under-diagnosis, monitoring."""
