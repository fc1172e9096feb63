"""The parts of a run. Each measures one subject and returns its figures for the file of results."""
