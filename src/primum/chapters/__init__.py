"""The chapters of an audit: each puts its contents into the run and returns what it found."""
