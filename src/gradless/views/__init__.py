"""What people see: the console, pictures, the model card."""
