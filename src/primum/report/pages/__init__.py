"""Pages beside the report: a summary for everyone, a model card and a datasheet, in more than one language."""
