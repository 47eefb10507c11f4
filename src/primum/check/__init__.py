"""Checks: small functions with a stable code that turn estimates into findings, by margins declared beforehand."""
