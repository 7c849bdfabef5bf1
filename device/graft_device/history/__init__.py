"""The history of events: kept on disk with their pictures, within a limit of bytes and days, and read for a page."""
