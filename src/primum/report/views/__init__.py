"""The chapters of the report as tables: one module a chapter, pure functions from a run to grids."""
