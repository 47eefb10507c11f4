"""Strategies for gaps in the features, under one roof: each is fitted on those who train, and never sees an outcome.

(One of them may see the outcomes of those who train; none sees the outcome of anybody who is judged.)
"""
