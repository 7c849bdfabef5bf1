"""Progress bars, tables and all text that ``graft`` prints for a person."""
