"""What is a run's network to programs without gradless? Files of other formats, and how to load."""
