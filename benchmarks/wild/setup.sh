#!/bin/sh
# Make the environments in which the second zoo is built: architectures, the LLM builder, quantizers.
# torch first and by number; --no-deps where a package asks for CUDA.
set -e
ROOT=.cache/wild

new() {
    test -d "$ROOT/venv-$1" || python3 -m venv "$ROOT/venv-$1"
    PIP="$ROOT/venv-$1/bin/pip install -q"
    $PIP torch==2.13.0
}

new arch
$PIP --no-deps timm==1.0.31 diffusers==0.42.1 transformers==5.24.0 accelerate==1.15.0
$PIP --no-deps torchvision==0.28.0 torchaudio==2.11.0
$PIP numpy safetensors onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 onnxsim==0.8.1 \
    onnxslim==0.1.98 scipy sentencepiece huggingface-hub tokenizers regex pyyaml requests tqdm \
    pillow packaging psutil httpx importlib_metadata einops typer

new genai
$PIP transformers==5.24.0 onnx==1.23.2 onnx_ir==1.1.0 onnxruntime==1.32.0 safetensors tokenizers \
    sentencepiece protobuf psutil
$PIP --no-deps onnxruntime-genai==0.18.0 accelerate==1.15.0

new quant
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 transformers==5.24.0 \
    onnxconverter-common==1.16.0 onnxslim==0.1.98 onnxsim==0.8.1 brevitas==0.13.4 safetensors \
    accelerate==1.15.0 lightning-utilities==0.15.3 olive-ai==0.13.0 PuLP ninja omegaconf scipy \
    lightning==2.6.6 requests
$PIP --no-deps nvidia-modelopt==0.47.0 onnx-graphsurgeon==0.6.1 polygraphy==0.53.6 lief cppimport \
    mako pybind11 nvidia-ml-py onnxoptimizer==0.4.2
