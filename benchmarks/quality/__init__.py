"""What was tried to make the answers better, one change at a time, and what came out."""
