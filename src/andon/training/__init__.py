"""Training: the only home of torch. From samples to a checkpoint, and from a checkpoint to one ONNX file."""
