"""What do runs do just now? A page of all runs in a folder, which follows their files."""
