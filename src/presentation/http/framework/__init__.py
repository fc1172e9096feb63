"""The parts that all features share. They know Flask, but no feature and no server."""
