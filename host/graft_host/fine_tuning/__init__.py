"""``--fine-tune``: trains the last layers of a backbone on the photos, if held-out photos say that this helps."""
