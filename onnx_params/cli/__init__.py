"""The command line: parse, call one function, print one document, exit status."""

from onnx_params.cli.app import main as main
