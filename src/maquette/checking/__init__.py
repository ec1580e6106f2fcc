"""Checking data before a training: what would break it, what would falsify its result."""
