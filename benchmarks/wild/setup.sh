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

new later
$PIP numpy safetensors onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 onnxsim==0.8.1 \
    onnxslim==0.1.98 onnxconverter-common==1.16.0 scipy einops==0.8.2 pyyaml requests tqdm pillow \
    packaging psutil opencv-python-headless==5.0.0.93 loguru fire beartype matplotlib pandas \
    scikit-learn scikit-image huggingface-hub imageio shapely pyclipper rapidfuzz anyascii \
    defusedxml langdetect regex tokenizers tensorboardX jaxtyping addict attrs pypdfium2 h5py \
    validators typeguard ase typing-inspection
$PIP --no-deps torchvision==0.28.0 torchaudio==2.11.0 transformers==5.24.0 accelerate==1.15.0 \
    ultralytics==8.4.190 python-doctr==1.1.0 easyocr==1.7.2 kornia==0.9.0 kornia_rs==0.2.0 \
    efficientnet_pytorch==0.7.1 pretrainedmodels==0.7.4 resnest==0.0.5 segment-anything==1.0 \
    facenet-pytorch==2.6.0 torchreid==0.2.5 torchxrayvision==1.5.7 facexlib==0.3.0 \
    torch-mimicry==0.1.16 denoising-diffusion-pytorch==2.3.4 ema-pytorch==0.8.3 \
    siren-pytorch==0.1.7 nflows==0.14 litgpt==0.5.13 loralib==0.1.2 mambapy==1.2.0 \
    performer-pytorch==1.1.4 reformer-pytorch==1.4.4 linformer==0.2.3 local-attention==1.11.2 \
    nystrom-attention==0.0.14 MEGABYTE-pytorch==0.3.6 x-clip==0.14.4 axial-attention==0.6.1 \
    lambda-networks==0.4.0 product-key-memory==0.3.0 conformer==0.3.2 demucs==4.1.0 \
    openunmix==1.3.0 s3tokenizer==0.3.0 snac==1.2.1 kokoro==0.9.4 torchfm==0.7.0 \
    neuralforecast==3.3.0 coreforecast==0.0.20 utilsforecast==0.2.17 schnetpack==2.1.1 \
    egnn-pytorch==0.2.8 lightly==1.6.0 lightning==2.6.6 pytorch-lightning==2.6.6 \
    lightning-utilities==0.15.3 torchmetrics==1.9.0 julius==0.2.8 hyper-connections==0.4.11 \
    torch-einops-utils==0.2.0 axial-positional-embedding==0.3.12 rotary-embedding-torch==0.9.1 \
    opt_einsum==3.4.0 einx==0.4.3 frozendict==2.5.1 CoLT5-attention==0.11.2
$PIP --no-deps basicsr==1.4.2
$PIP --no-deps linear-attention-transformer==0.19.1 sinkhorn-transformer==0.11.4 \
    routing-transformer==1.6.1 mixture-of-experts==0.2.3 curated-transformers==2.0.1 \
    catalogue==2.0.10 g-mlp-pytorch==0.1.5 perceiver-pytorch==0.11.0 soft-moe-pytorch==0.1.9 \
    mlp-mixer-pytorch==0.3.1 bottleneck-transformer-pytorch==0.1.4 tab-transformer-pytorch==0.6.1 \
    x-mlps-pytorch==0.6.9 discrete-continuous-embed-readout==0.2.12 \
    vector-quantize-pytorch==1.32.0 spandrel==0.4.2 openai-whisper==20250625 tiktoken==0.14.0 \
    denoiser==0.1.5 pytorch-tcn==1.2.3 torchani==2.9.0 torchdiffeq==0.2.5

new later-quant
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 transformers==5.24.0 safetensors \
    onnxslim==0.1.98 onnxsim==0.8.1 onnxoptimizer==0.4.2 onnxconverter-common==1.16.0 scipy pandas \
    tqdm pillow psutil flatbuffers toml cryptography loguru tabulate opencv-python-headless PuLP \
    scikit-learn scikit-image matplotlib attrs bitstring clize toposort importlib_metadata \
    jsonschema bokeh cvxpy nncf==3.4.0 ninja sentencepiece zstandard jax==0.10.2 \
    orbax-checkpoint==0.12.8
$PIP --no-deps esp-ppq==1.3.12 xslim==2.1.2 onnx-quantize==0.2.0 onnx-shrink-ray==0.0.11 \
    onnx-graphsurgeon==0.6.1 model-compression-toolkit==2.6.1 mct-quantizers==1.7.0 \
    edge-mdt-cl==1.1.1 onnxruntime-extensions==0.15.2 qonnx==1.0.0 aimet-torch==2.42.0 \
    torchao==0.18.0 amd-quark==0.13 hqq==0.2.8.post1 keras==3.15.1 accelerate==1.15.0 osqp \
    holoviews hvplot param panel pyviz_comms colorcet tensorboard absl-py datasets evaluate dill \
    multiprocess xxhash pyarrow plotly termcolor h5py optree namex

new later-optimum
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 transformers==4.57.6 safetensors \
    onnxslim==0.1.98 onnxsim==0.8.1 scipy
$PIP --no-deps optimum==2.1.0 optimum-onnx==0.1.0 datasets
