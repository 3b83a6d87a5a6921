"""What is learned from: files, tables, inputs and targets."""
