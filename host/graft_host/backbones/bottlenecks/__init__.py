"""The bottlenecks of photos: computed by a backbone on all cores, and cached by tap."""
