"""How results become pages: the parts, tables, charts and what machine it was."""
