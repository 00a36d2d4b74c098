"""Training of networks and their export to bundles: the only home of TensorFlow and Keras."""
