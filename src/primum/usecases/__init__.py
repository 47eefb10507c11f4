"""Use cases that come with the package, as data: `primum list` shows them, `primum audit NAME` runs one."""
