"""How does a search run? The loop, its state, what ends it and what is kept."""
