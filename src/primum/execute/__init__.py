"""Where work runs, and what is left of it: the run folder, progress, resuming."""
