"""How is a population scored fast? Layout, blocks and devices."""
