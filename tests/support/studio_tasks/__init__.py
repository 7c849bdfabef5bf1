"""Tasks for tests of the studio's queue."""
