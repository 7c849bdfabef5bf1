"""What earlier runs left in the cache: results, and facts of files that have not changed."""
