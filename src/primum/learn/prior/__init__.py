"""What is known before the data: directions, bounds, published effects, published scores and expert rules."""
