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

plain() { # without torch
    test -d "$ROOT/venv-$1" || python3 -m venv "$ROOT/venv-$1"
    PIP="$ROOT/venv-$1/bin/pip install -q"
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

new other
$PIP setuptools==80.9.0 numpy==2.4.6 safetensors==0.8.0 onnx==1.23.2 onnxruntime==1.32.0 \
    onnxscript==0.7.2 onnxsim==0.8.1 onnxslim==0.1.98 onnxconverter-common==1.16.0 \
    scipy==1.17.1 einops==0.8.2 PyYAML==6.0.4 requests==2.34.2 tqdm==4.70.1 pillow==13.0.0 \
    packaging==26.4 psutil==7.2.2 opencv-python-headless==5.0.0.93 loguru==0.7.3 \
    matplotlib==3.11.2 pandas==3.1.1 scikit-learn==1.9.1 scikit-image==0.26.0 \
    huggingface_hub==2.4.0 regex==2026.11.19 tokenizers==0.23.3 attrs==26.1.0 h5py==3.16.0 \
    addict==2.4.0 rich==15.0.0 termcolor==3.3.0 yapf==0.43.0 omegaconf==2.4.0 numba==0.68.1 \
    importlib_metadata==10.2.0 six==1.17.0 pydantic==2.14.4 Deprecated==1.3.1 \
    tensorboard==2.21.0 sentencepiece==0.2.3 tiktoken==0.14.0
$PIP --no-deps absl-py==2.5.1 accelerate==1.15.0 aiohttp==3.14.5 antlr4-python3-runtime==4.9.3 \
    anyascii==0.3.3 asteroid==0.7.0 asteroid-filterbanks==0.4.0 audioread==3.1.0 \
    axial_positional_embedding==0.3.12 backgroundremover==0.4.5 beartype==0.23.1 \
    bigvgan==2.4.1 bpnet-lite==1.1.0 braindecode==1.8.1 cachebox==6.2.10 cffi==2.1.1 \
    chronos-forecasting==2.3.2 clip-anytorch==2.6.0 cloudpickle==3.1.3 \
    colorama==0.4.6 colorlog==6.12.0 CoLT5-attention==0.11.2 compressai==1.2.8 \
    coqpit-config==0.2.5 coqui-tts==0.28.0 coqui-tts-trainer==0.4.0 d3rlpy==2.8.1 \
    DALL-E==0.1 dctorch==0.1.2 decorator==5.3.1 deepdiff==9.1.0 DeepXDE==1.15.0 \
    descript-audio-codec==1.0.0 docstring-inheritance==3.0.0 docstring_parser==0.18.0 \
    dynamic_network_architectures==0.4.4 e3nn==0.6.0 einx==0.4.3 enformer-pytorch==0.8.12 \
    entmax==1.3 fair-esm==2.0.0 Farama-Notifications==0.0.6 FrEIA==0.2 frozendict==2.5.1 \
    ftfy==6.3.1 fuxictr==2.3.10 fvcore==0.1.5.post20221221 gateloop-transformer==0.2.5 \
    gliner==0.2.29 gluonts==0.17.0 gymnasium==1.4.0 h-transformer-1d==0.1.9 \
    hydra-core==1.3.8 hyper-connections==0.4.11 iopath==0.1.10 iTransformer==0.8.1 \
    jsonargparse==4.53.0 k-diffusion==0.1.1.post1 kornia==0.9.0 kornia_rs==0.2.0 \
    lazy-importer==0.1.0 lazy-loader==0.6 librosa==0.11.0 lightning==2.6.6 \
    lightning-utilities==0.15.3 linear-attention-transformer==0.19.1 \
    linformer==0.2.3 local-attention==1.11.2 lpips==0.1.4 matcha-tts==0.0.7.2 \
    mmcv-lite==2.2.0 mmdet==3.3.0 mmengine==0.10.7 mmpretrain==1.2.0 mmsegmentation==1.2.2 \
    mne==1.13.2 monai==1.6.1 moshi==0.2.13 msgpack==1.2.4 ncps==1.0.1 opt-einsum-fx==0.1.4 \
    opt_einsum==3.4.0 orderly-set==5.5.0 overrides==7.7.0 parallel_wavegan==0.6.1 \
    performer-pytorch==1.1.4 pettingzoo==1.27.0 platformdirs==4.14.8 polars==2.1.0 \
    polars-runtime-32==2.1.0 pooch==1.9.0 portalocker==4.4.2 pretty_midi==0.2.11.post0 \
    product_key_memory==0.3.0 pyannote-audio==4.0.7 pyarrow==26.0.1 pycocotools==2.0.11 \
    pycparser==3.12 pyfaidx==0.9.2.2 pykan==0.2.8 pypots==1.5 pytorch-forecasting==1.8.0 \
    pytorch-lightning==2.6.6 pytorch-msssim==1.0.0 pytorch-widedeep==1.7.0 \
    pytorchvideo==0.1.5 pyvers==0.2.3 recbole==1.2.1 reformer-pytorch==1.4.4 resampy==0.4.3 \
    Resemblyzer==0.1.4 rotary-embedding-torch==0.9.1 seaborn==0.13.2 \
    segment-anything-hq==0.3 sensai-utils==1.6.0 shapely==2.2.0 skorch==1.4.0 \
    snntorch==1.0.0 soundfile==0.14.0 soxr==1.1.0 speechtokenizer==1.0.1 stanza==1.15.0 \
    stylegan2_pytorch==1.9.0 super-image==0.2.0 tabulate==0.10.0 taming-transformers==0.0.1 \
    tangermeme==1.6.0 tensordict==0.15.3 tensorly==0.10.0 tensorly-torch==0.5.0 \
    terminaltables==3.1.10 texttable==1.7.2 tianshou==2.0.1 timm==1.0.31 toolz==1.2.0 \
    torch-einops-utils==0.2.0 torch-geometric==2.8.1 torch-rechub==0.9.0 \
    torch_uncertainty==0.13.0 torchao==0.18.0 torchaudio==2.11.0 torchcrepe==0.0.24 \
    torchdiffeq==0.2.5 torchgeo==0.8.1 torchinfo==1.8.0 torchmetrics==1.9.0 torchrl==0.14.1 \
    torchsr==1.0.4 torchtune==0.6.1 torchvision==0.28.0 transformers==5.24.0 wcwidth==0.9.4 \
    thop==0.1.1.post2209072238 torchsde==0.2.6 trampoline==0.1.2 sensai==1.6.0 xlstm==2.0.6 xxhash==4.1.0 yolov5==7.0.14 zuko==1.6.0

new other-quant
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 transformers==5.24.0 safetensors==0.8.0 \
   onnxslim==0.1.98 onnxsim==0.8.1 onnxoptimizer==0.4.2 onnxconverter-common==1.16.0 scipy==1.17.1 \
   pandas==3.1.1 tqdm==4.70.1 pillow==13.0.0 psutil==7.2.2 nncf==3.4.0 sentencepiece==0.2.3 \
   h5py==3.16.0 msgpack==1.2.4 einops==0.8.2 pydantic==2.14.4 cryptography==50.0.2 loguru==0.7.3 \
   tabulate==0.10.0 PuLP==3.3.2 ninja==1.13.2 omegaconf==2.4.0 scikit-learn==1.9.1 \
   jsonschema==4.26.0 py-cpuinfo==9.0.0 prettytable==3.18.0 schema==0.7.8 attrs==26.1.0 \
   cattrs==26.2.1 pyaml==26.7.0 toml==0.10.2 matplotlib==3.11.2 flatbuffers==25.12.19 \
   opentelemetry-sdk==1.45.2 optuna==5.0.0 tornado==6.6.1 xyzservices==2026.9.1 Markdown==3.11.3 \
   linkify-it-py==2.2.0 mdit-py-plugins==0.7.0 cvxpy==1.9.3 questionary==2.1.1 bokeh==3.6.3 \
   nh3==0.3.8
$PIP --no-deps torchao==0.18.0 accelerate==1.15.0 brevitas==0.13.4 unfoldNd==0.2.3 \
   dependencies==2.0.1 onnx_graphsurgeon==0.6.1 nvidia-modelopt==0.47.0 olive-ai==0.13.0 \
   polygraphy==0.53.6 lief==1.0.0 cppimport==26.4.17 Mako==1.4.3 pybind11==3.1.0 \
   nvidia-ml-py==13.615.71 amd-quark==0.13 onnx-neural-compressor==1.0 aimet-torch==2.42.0 \
   aimet-onnx==2.42.0 hqq==0.2.8.post1 optimum-quanto==0.2.7 termcolor==3.3.0 onnx_quantize==0.2.0 \
   onnx_shrink_ray==0.0.11 keras==3.15.1 optree==0.20.0 namex==0.1.0 absl-py==2.5.1 \
   lightning-utilities==0.15.3 peft==0.21.2 datasets==5.2.0 evaluate==0.4.6 osqp==1.1.3 \
   holoviews==1.23.2 hvplot==0.12.2 param==2.4.2 panel==1.9.4 pyviz_comms==3.0.6 plotly==7.1.0 \
   colorcet==3.2.1 dill==0.4.1 multiprocess==0.70.19 xxhash==4.1.0 pyarrow==26.0.1 gguf==0.19.0 \
   compressed-tensors==0.20.0 scs4onnx==1.0.18 sor4onnx==1.0.7 scc4onnx==1.0.7 sbi4onnx==1.0.7 \
   coremltools==9.0 bitsandbytes==0.50.2 auto-round==0.16.1 llmcompressor==0.14.0.1 \
   torchmetrics==1.9.0 panel-material-ui==0.16.6 tensorboard==2.21.0 qonnx==1.0.0 bitstring==5.0.0 \
   clize==5.0.2 toposort==1.10 sigtools==4.0.1 od==2.0.2 docutils==0.23 bitarray==3.12.3 \
   tibs==2.0.2

plain other-fw
$PIP tensorflow-cpu==2.21.0 keras==3.15.1
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxslim==0.1.98 onnxsim==0.8.1 safetensors==0.8.0 \
    sympy==1.14.0
$PIP --no-deps tf2onnx==1.17.0 onnxconverter-common==1.16.0
$PIP jax==0.10.2 flax==0.12.8 equinox==0.13.8 dm-haiku==0.0.17 orbax-checkpoint==0.11.36
$PIP jax2onnx==0.17.1
$PIP --no-deps keras-hub==0.32.0 kagglehub==1.0.3 kagglesdk==0.1.38 regex==2026.11.19 sentencepiece==0.2.3 tokenizers==0.23.3 

plain other-fw2
$PIP paddlepaddle==3.3.1
$PIP paddle2onnx==2.1.0
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxslim==0.1.98 onnxsim==0.8.1 safetensors==0.8.0 \
    sympy==1.14.0 onnx-graphsurgeon==0.6.1
$PIP --no-deps onnxconverter-common==1.16.0

new wider-quant
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 transformers==5.24.0 safetensors==0.8.0 \
    onnxslim==0.1.98 onnxsim==0.8.1 onnxconverter-common==1.16.0 scipy==1.17.1
$PIP --no-deps torchvision==0.28.0 timm==1.0.31 brevitas==0.13.4 unfoldNd==0.2.3 \
    dependencies==2.0.1 torchao==0.18.0 torch-pruning==1.6.1 accelerate==1.15.0 \
    onnx_graphsurgeon==0.6.1 nvidia-modelopt==0.47.0 polygraphy==0.53.6 lief==1.0.0 \
    cppimport==26.4.17 Mako==1.4.3 pybind11==3.1.0 nvidia-ml-py==13.615.71 olive-ai==0.13.0 \
    lightning-utilities==0.15.3 torchmetrics==1.9.0 compressed-tensors==0.20.0 \
    llmcompressor==0.14.0.1 hqq==0.2.8.post1 termcolor==3.3.0 amd-quark==0.13 \
    aimet-onnx==2.42.0 onnx-neural-compressor==1.0 datasets==5.2.0 dill==0.4.1 \
    multiprocess==0.70.19 xxhash==4.1.0 pyarrow==26.0.1 pillow==13.0.0 onnxoptimizer==0.4.2 \
    bitsandbytes==0.50.2 auto-round==0.16.1
$PIP pandas==3.1.1 tqdm==4.70.1 psutil==7.2.2 ninja==1.13.2 omegaconf==2.4.0 pydantic==2.14.4 \
    PuLP==3.3.2 cryptography==50.0.2 opentelemetry-sdk==1.45.2 optuna==5.0.0 einops==0.8.2 \
    loguru==0.7.3 requests==2.34.2 toml==0.10.2 py-cpuinfo==9.0.0 prettytable==3.18.0 \
    schema==0.7.8 cvxpy==1.9.3 scikit-learn==1.9.1 httpx==0.28.1
$PIP --no-deps torchaudio==2.11.0 diffusers==0.42.1

plain wider-quant-tf
$PIP tensorflow-cpu==2.21.0 keras==3.15.1 tf-keras==2.21.0 onnx==1.23.2 onnxruntime==1.32.0 \
    safetensors==0.8.0 onnxslim==0.1.98 dm-tree==0.1.10
$PIP --no-deps tf2onnx==1.17.0 tensorflow-model-optimization==0.8.1 onnxconverter-common==1.16.0

new wider-quant-genai
$PIP transformers==5.24.0 onnx==1.23.2 onnx_ir==1.1.0 onnxruntime==1.32.0 safetensors==0.8.0 \
    tokenizers==0.23.3 sentencepiece==0.2.3 protobuf==7.36.2 psutil==7.2.2 ml_dtypes==0.6.0
$PIP --no-deps onnxruntime-genai==0.18.0 accelerate==1.15.0

plain wider-fw
$PIP tensorflow-cpu==2.21.0 keras==3.15.1
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxslim==0.1.98 onnxsim==0.8.1 safetensors==0.8.0 \
    sympy==1.14.0
$PIP --no-deps tf2onnx==1.17.0 onnxconverter-common==1.16.0
$PIP jax==0.10.2 flax==0.12.8 equinox==0.13.8 dm-haiku==0.0.17 orbax-checkpoint==0.11.36
$PIP jax2onnx==0.17.1
$PIP --no-deps keras-hub==0.32.0 kagglehub==1.0.3 kagglesdk==0.1.38 regex==2026.11.19 \
    sentencepiece==0.2.3 tf-keras==2.21.0 dm-sonnet==2.0.2 dm-tree==0.1.10 tabulate==0.10.0 \
    transformers==4.57.6 huggingface-hub==0.36.0 tokenizers==0.22.1 filelock==4.3.1 \
    fsspec==2026.9.0 tqdm==4.70.1 PyYAML==6.0.4 hf-xet==1.8.0 pillow==13.0.0 \
    cloudpickle==3.1.3 decorator==5.3.1 attrs==26.1.0
$PIP scipy==1.17.1

new wider-fw2
$PIP paddlepaddle==3.3.1
$PIP paddle2onnx==2.1.0
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxslim==0.1.98 onnxsim==0.8.1 safetensors==0.8.0 \
    sympy==1.14.0 onnx-graphsurgeon==0.6.1
$PIP --no-deps onnxconverter-common==1.16.0
$PIP scikit-learn==1.9.1 xgboost-cpu==3.2.0 lightgbm==4.7.0
$PIP --no-deps skl2onnx==1.20.0 onnxmltools==1.16.0 catboost==1.2.10 onnxscript==0.7.2 \
    onnx_ir==1.1.0 spox==0.18.2 psutil==7.2.2 dill==0.4.1
$PIP six==1.17.0 python-dateutil==4.0.0 pandas==3.1.1

plain wider-fw3
$PIP "setuptools<70" wheel
$PIP --no-build-isolation chainer==7.8.1
$PIP mxnet==1.9.1
$PIP numpy==1.23.5 protobuf==3.20.3 scipy==1.10.1
$PIP --no-deps onnx==1.14.1 onnxruntime==1.17.3 coloredlogs==15.0.1 humanfriendly==10.0 \
    flatbuffers==25.12.19 packaging==26.4 typing_extensions==4.16.0 sympy==1.13.3 mpmath==1.3.0 \
    onnxslim==0.1.98 colorama==0.4.6 ml_dtypes==0.3.2 onnxconverter-common==1.13.0 \
    onnxsim==0.4.36 rich==15.0.0 markdown-it-py==4.3.0 mdurl==0.1.2 Pygments==2.21.0 h5py==3.10.0

new wider
$PIP setuptools==80.9.0 wheel==0.48.0 numpy==2.4.6 onnx==1.23.2 onnx_ir==1.1.0 \
    onnxruntime==1.32.0 onnxscript==0.7.2
$PIP --no-deps timm==1.0.31 diffusers==0.42.1 transformers==5.24.0 torchvision==0.28.0 \
    torchaudio==2.11.0 accelerate==1.15.0 safetensors==0.8.0 tokenizers==0.23.3 \
    huggingface_hub==2.4.0 hf-xet==1.8.0 httpx==0.28.1 httpcore==1.0.9 httpx2==2.16.2 \
    httpcore2==2.16.2 truststore==0.10.5 h11==0.16.0 anyio==4.16.0 sniffio==1.3.1 idna==3.20 \
    certifi==2026.10.19.post1 charset-normalizer==3.5.3 urllib3==2.8.0 regex==2026.11.19 \
    PyYAML==6.0.4 requests==2.34.2 tqdm==4.70.1 pillow==13.0.0 packaging==26.4 psutil==7.2.2 \
    importlib_metadata==10.2.0 zipp==4.1.2 einops==0.8.2 rich==15.0.0 typer==0.29.2 click==8.5.1 \
    sentencepiece==0.2.3 scipy==1.17.1 colorama==0.4.6 onnxslim==0.1.98 onnxsim==0.8.1 \
    onnxconverter-common==1.16.0
$PIP --no-deps matplotlib==3.11.2 opencv-python-headless==5.0.0.93 joblib==1.6.0 cycler==0.12.1 \
    kiwisolver==1.5.1 pyparsing==3.3.3 contourpy==1.3.3 fonttools==4.68.0 \
    python-dateutil==4.0.0 six==1.17.0 pytz==2026.6 pandas==3.1.1 loguru==0.7.3 \
    omegaconf==2.4.0 attrs==26.1.0 opt-einsum==3.4.0 einx==0.4.3 frozendict==2.5.1 \
    natsort==8.4.0 h5py==3.16.0 torch-einops-utils==0.2.0 einops-exts==0.0.4 \
    rotary-embedding-torch==0.9.1 tensordict==0.15.3 pyvers==0.2.3 ftfy==6.3.1 wcwidth==0.9.4 \
    addict==2.4.0 yacs==0.1.8 jaxtyping==0.3.11 wadler-lindig==0.1.8 beartype==0.23.1 \
    gymnasium==1.4.0 cloudpickle==3.1.3 Farama-Notifications==0.0.6 lightning-utilities==0.15.3
$PIP --no-deps --no-build-isolation segmentation-models-pytorch==0.6.0 espnet==202511 \
    pyannote.audio==4.0.7 open-clip-torch==3.3.0 torch-geometric==2.8.1 \
    pytorch-forecasting==1.8.0 vit-pytorch==1.26.11 kornia==0.9.0 kornia_rs==0.2.0 \
    ultralytics==8.4.190 pytorch-widedeep==1.7.0 taylor-series-linear-attention==0.2.0 \
    carvekit==4.1.2 dreamsim==0.2.1 make-a-video-pytorch==0.4.0 laion-clap==1.1.7 \
    soundstorm-pytorch==0.6.1 mambular==1.5.1 mace-torch==0.3.16 mushroom-rl==1.10.2 \
    sbi==0.27.0 iunets==0.1 memcnn==1.5.2 e3nn==0.6.0 opt_einsum_fx==0.1.4 ase==3.29.0 \
    nflows==0.14 pyannote.core==6.1.0 sortedcontainers==2.4.0 typeguard==4.6.1 \
    lightning==2.6.6 torchmetrics==1.9.0 scikit-base==1.2.0 scikit-learn==1.9.1 \
    narwhals==2.29.0 threadpoolctl==3.8.0 xxhash==4.1.0 torchlibrosa==0.1.0 librosa==0.11.0 \
    lazy_loader==0.6 decorator==5.3.1 pooch==1.9.0 platformdirs==4.14.9 msgpack==1.2.4
$PIP --no-deps --no-build-isolation st-moe-pytorch==0.1.8 joeynmt==2.3.0 bert-pytorch==0.0.1a4 \
    sru==2.6.0 esbn-pytorch==0.0.4 glom-pytorch==0.0.14 fastseg==0.1.2 uniformer-pytorch==0.0.4 \
    kraken==7.1.1 pesto-pitch==2.0.1 voicefixer==0.1.3 nussl==1.1.9 chatterbox-tts==0.1.7 \
    styletts2==0.1.6 uni2ts==2.0.0 pytorch-tsmixer==0.2.0 tabicl==2.2.0 nodegam==0.3.0 \
    scgpt==0.2.4 sequence-models==1.8.0 sheeprl==0.8.4 rl-games==1.6.5 replay-rec==0.22.0 \
    lampe==0.9.0 swyft==0.4.5 dgmr==1.4.4 monotonenorm==1.0.0 cplxmodule==2022.6 \
    CoLT5-attention==0.11.2 local-attention==1.11.2 hyper-connections==0.4.11 geffnet==1.0.2 \
    zuko==1.6.0 lazy-importer==0.1.0
$PIP --no-deps --no-build-isolation normflows==1.7.3 pyro-ppl==1.9.2 pyro-api==0.1.2 unet==0.8.1 \
    realesrgan==0.3.0 torchcfm==1.0.7 pytorch-crf==0.7.2 beat-this==1.1.0 \
    audio-encoders-pytorch==0.0.22 pytorch-ood==0.4.0 sb3-contrib==2.9.2 \
    stable-baselines3==2.9.2 deepinv==0.5.0 torchscale==0.3.0 allRank==1.4.3 convkan==0.0.1.2 \
    charformer-pytorch==0.0.4 flamingo-pytorch==0.1.2 PEER-pytorch==0.2.2 \
    graph-transformer-pytorch==0.1.1 point-transformer-pytorch==0.1.5 \
    invariant-point-attention==0.2.2 geometric-vector-perceptron==0.0.14 \
    video-diffusion-pytorch==0.7.0 controlnet-aux==0.0.10 funasr==1.4.16 audioseal==0.2.0 \
    f5-tts==1.1.22 x-transformers==2.31.10 nnAudio==0.3.4 face-alignment==1.5.0 \
    sixdrepnet==0.1.6 opacus==1.6.0 pytorch-pretrained-biggan==0.1.1 ablang2==0.2.1 \
    pytorchyolo==1.8.0 pfrl==0.4.0 depthcharge-ms==0.5.0 microsoft-aurora==2.0.1 \
    cellpose==3.1.1.2 alias-free-torch==0.0.6 stable-audio-tools==0.0.19 \
    monai-generative==0.2.3 monai==1.6.1 peft==0.21.2 terratorch==1.2.13 anomalib==2.7.0
$PIP --no-deps --no-build-isolation native-sparse-attention-pytorch==0.2.3 supar==1.1.4 \
    nnunetv2==2.8.1 batchgenerators==0.25.5 dynamic_network_architectures==0.4.4 \
    torchmultimodal-nightly==2024.4.1 iopath==0.1.10 portalocker==4.4.2 \
    rectified-flow-pytorch==0.14.0 x-unet==0.5.0 torchdiffeq==0.2.5 wavmark==0.0.3 \
    waveglow==22.12.28 momentfm==0.1.4 coral-pytorch==1.4.0 en-transformer==1.6.6 \
    equiformer-pytorch==0.5.4 robotic-transformer-pytorch==0.2.3 \
    classifier-free-guidance-pytorch==0.7.1 glasflow==0.4.1 bayesian-torch==0.5.0 \
    speechbrain==1.1.2 HyperPyYAML==1.2.3 ruamel.yaml==0.19.1 sentence-transformers==6.2.0 \
    darts==0.48.1 pytorch-lightning==2.6.6 tianshou==2.0.1 overrides==7.7.0 sensai-utils==1.6.0
$PIP --no-deps --no-build-isolation basicsr==1.4.2 gluonts==0.17.0 nystrom-attention==0.0.14 \
    pydantic==2.14.4 pydantic-core==2.50.5 annotated-types==0.8.0 typing-inspection==0.4.5 \
    toolz==1.2.0
$PIP --no-deps --no-build-isolation memory-transformer-xl==0.1.0 mogrifier==0.0.5 \
    axial-positional-embedding==0.3.12 protein-bert-pytorch==0.1.0 \
    audio-diffusion-pytorch==0.1.3 a-unet==0.0.16 d3rlpy==2.8.1 dataclasses-json==0.6.7 \
    marshmallow==4.4.0 typing-inspect==0.9.0 mypy-extensions==1.2.0 structlog==26.1.0 \
    pretrainedmodels==0.7.4 munch==4.0.0
$PIP --no-deps --no-build-isolation nemoasr2pytorch==0.1.6 saldet==0.6.1 \
    tabular-transformers==0.1.1 flood-forecast==1.0.dev0 disco-rl-pytorch==0.0.10 \
    x-mlps-pytorch==0.6.9 discrete-continuous-embed-readout==0.2.12 assoc-scan==0.0.6 \
    cosmic-torch==0.1.11 freerec==0.9.7 audio-xlstm==0.0.1 lafhterlearn==0.7.1 \
    catalyst-gnn==2.2.0 torch-pointcloud==0.0.18 bert4torch==0.6.2 torch4keras==0.3.4
$PIP --no-deps --no-build-isolation neuralforecast==3.3.0 torchrl==0.14.1 \
    pytorch-tabular==1.2.0 pytorch-tabnet==4.1.0 asteroid-filterbanks==0.4.0

new wider-layouts
$PIP numpy==2.4.6 safetensors onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2 onnxslim==0.1.98 \
    onnxsim==0.8.1 onnxconverter-common==1.16.0 scipy==1.17.1 h5py==3.16.0 pyyaml==6.0.4 \
    msgpack==1.2.4 tqdm==4.70.1 pillow==13.0.0 huggingface-hub==2.4.0 tokenizers==0.23.3 \
    regex==2026.11.19 packaging==26.4 psutil==7.2.2 requests==2.34.2 sentencepiece==0.2.3 \
    scikit-learn==1.9.1 einops==0.8.2 joblib==1.6.0 typer==0.29.2
$PIP --no-deps transformers==5.24.0 accelerate==1.15.0 timm==1.0.31 diffusers==0.42.1 \
    torchvision==0.28.0 torchaudio==2.11.0 peft==0.21.2 lightning==2.6.6 \
    pytorch-lightning==2.6.6 lightning-utilities==0.15.3 torchmetrics==1.9.0 speechbrain==1.1.2 \
    HyperPyYAML==1.2.3 gguf==0.19.0 keras==3.15.1 pytorch-ignite==0.5.5 \
    sentence-transformers==6.2.0 stable-baselines3==2.9.2 gymnasium==1.4.0 \
    Farama-Notifications==0.0.6 cloudpickle==3.1.3 tensordict==0.15.3 importlib_metadata==10.2.0 \
    pyvers==0.2.3 orjson==3.13.0 ruamel.yaml==0.19.1 rich==15.0.0 termcolor==3.3.0 \
    addict==2.4.0 yapf==0.43.0 fastcore==2.2.41 typing-inspection==0.4.5 pandas==3.1.1 \
    python-dateutil==4.0.0 six==1.17.0 pytz==2026.6 tzdata==2026.6 aiohttp==3.14.5
$PIP --no-deps openvino==2026.4.1 openvino-telemetry==2025.2.0 skl2onnx==1.20.0 \
    onnxmltools==1.16.0 xgboost==3.2.0 lightgbm==4.7.0 skops==0.16.0 prettytable==3.18.0 \
    wcwidth ctranslate2==4.8.5 catboost==1.2.10 absl-py==2.5.1 namex==0.1.0 optree==0.20.0 \
    coremltools==9.0 attrs cattrs pyaml toml

plain wider-layouts-tf
$PIP tensorflow-cpu==2.21.0 keras==3.15.1
$PIP onnx==1.23.2 onnxruntime==1.32.0 onnxslim==0.1.98 safetensors==0.8.0 sympy==1.14.0
$PIP --no-deps tf-keras==2.21.0 tf2onnx==1.17.0 onnxconverter-common==1.16.0 onnxsim==0.8.1 \
    tabulate wrapt
$PIP jax==0.10.2 flax==0.12.8 equinox==0.13.8 dm-haiku==0.0.17 orbax-checkpoint==0.11.36 \
    jax2onnx==0.17.1
$PIP torch==2.13.0
$PIP --no-deps transformers==5.24.0 huggingface-hub tokenizers regex pyyaml tqdm
$PIP onnxscript==0.7.2
