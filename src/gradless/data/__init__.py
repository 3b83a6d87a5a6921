"""What is learned from: files, tables, and the inputs and targets that come of them."""
