"""What every feature needs of Flask; it knows no feature and no server."""
