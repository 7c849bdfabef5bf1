"""Float weights become a quantized backbone, and photos become its bottlenecks."""
