"""EfficientNet-Lite0 to 2: networks made for TFLite, whose weights come as pip packages."""
