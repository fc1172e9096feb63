"""What the service costs, measured beside the least that any service of its kind must do. Run by `make bench`."""
