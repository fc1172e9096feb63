"""Images that stand in for public ones where none can be pulled."""
