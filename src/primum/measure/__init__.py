"""From tallies to estimates: pure functions over counts, each with its interval and its reason when undefined."""
