"""What each server is given to serve: the same predictor, set up as that server's own documentation advises."""
