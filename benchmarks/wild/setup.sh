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

new kept
$PIP --no-deps timm==1.0.31 diffusers==0.42.1 transformers==5.24.0 accelerate==1.15.0 \
    torchvision==0.28.0 torchaudio==2.11.0 segmentation-models-pytorch==0.6.0 \
    open-clip-torch==3.3.0 pytorch-tabnet==4.1.0 torch-geometric==2.8.1 x-transformers==2.31.10 \
    torch-einops-utils==0.2.0 vit-pytorch==1.26.14 einx==0.4.3 pytorchcv==0.0.74 monai==1.6.1 \
    rtdl-revisiting-models==0.0.2 rtdl-num-embeddings==0.0.12 tabm==0.0.3 vocos==0.1.0 \
    encodec==0.1.1 deepctr-torch==0.3.0 speechbrain==1.1.2 HyperPyYAML==1.2.3 skorch==1.4.0 \
    fastai==2.8.12 fastprogress==1.0.3 fastdownload==0.0.8 stable-baselines3==2.9.2 \
    gymnasium==1.4.0 Farama-Notifications==0.0.6 ema-pytorch==0.8.3 keras==3.15.1 torchao==0.18.0 \
    optimum-quanto==0.2.7 hqq==0.2.8.post1 matplotlib==3.11.2
$PIP numpy safetensors onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 onnxsim==0.8.1 \
    onnxslim==0.1.98 onnxoptimizer==0.4.2 scipy sentencepiece huggingface-hub tokenizers regex \
    pyyaml requests tqdm pillow packaging psutil httpx importlib_metadata einops typer loguru ftfy \
    ruamel.yaml scikit-learn frozendict joblib pandas xxhash aiohttp pyparsing namex optree absl-py \
    h5py ninja termcolor fastcore fasttransform plum-dispatch contourpy cycler kiwisolver fonttools \
    tabulate platformdirs

new kept-quant
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 transformers==5.24.0 safetensors \
    onnxslim==0.1.98 onnxsim==0.8.1 onnxoptimizer==0.4.2 onnxconverter-common==1.16.0 scipy \
    nncf==3.4.0 ninja bokeh pandas jsonschema einops sentencepiece zstandard py-cpuinfo prettytable \
    schema
$PIP --no-deps torchao==0.18.0 amd-quark==0.13 onnx-neural-compressor==1.0 aimet-onnx==2.42.0 \
    hvplot param panel pyviz_comms plotly evaluate osqp accelerate==1.15.0 brevitas==0.13.4 \
    unfoldNd==0.2.3 dependencies==2.0.1
