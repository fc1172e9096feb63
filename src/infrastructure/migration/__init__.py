"""Import and export: files of this service and of other systems."""
