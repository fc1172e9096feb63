"""The groups of settings. Each field declares its variable, parser, default and description.

The docstring of a group appears in the reference, in Markdown: its first paragraph before the table of the group, the
others after the table.
"""
