"""Rows stop here: small tables of counts and sums per group of patients, that can be added together."""
