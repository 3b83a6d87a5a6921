"""What is done with whole runs: recipes, folders, comparisons, and what went wrong in one."""
