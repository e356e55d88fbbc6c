"""Run the command line as ``python -m onnx_params``."""

from onnx_params.cli import main

main()
