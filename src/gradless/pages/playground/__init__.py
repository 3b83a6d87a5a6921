"""The playground: a page on which one watches networks learn without gradients.

Everything is computed in the browser; what serves the page only hands out the files in ``static``.
"""
