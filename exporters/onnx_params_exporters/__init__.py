"""Export models to ONNX with their source map; each framework's module imports that framework."""
