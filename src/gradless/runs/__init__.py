"""What is done with whole runs: recipes, run folders, comparisons, diagnosis."""
