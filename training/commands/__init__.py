"""What the command line runs, end to end."""
