"""How is the site made of the pages here, of docstrings, of help and of examples?"""
