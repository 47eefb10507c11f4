"""The report: one HTML file, one PDF, tables and figures, all from a finished run and never from patients."""
