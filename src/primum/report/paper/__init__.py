"""Text, tables and references of a finished run, ready to be edited into a paper."""
