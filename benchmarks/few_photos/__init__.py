"""Draws data sets of few photos: how many are refused, and how far the stated accuracy is from the true one."""
