"""Training: the only home of torch. From samples to a checkpoint, from that to one ONNX file."""
