"""What bad labels, missing inputs and shift do to a model, for each group."""
