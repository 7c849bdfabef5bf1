"""What more photos would give, and what unknown objects that look like the known ones would be taken for."""
