"""What does a browser show? The playground, and runs while they train: servers and built pages.

Sources of the pages are in ``web``, built by ``npm ci && npm run build`` into the folders
``static`` here, which are committed. Nothing of them loads anything from a network.
"""
