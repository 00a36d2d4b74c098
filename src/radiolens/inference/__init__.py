"""Serving of bundles: the only home of ONNX Runtime."""
