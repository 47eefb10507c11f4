"""Rows: read, cleaned, selected, described, split. Nothing downstream of the tally looks in here."""
