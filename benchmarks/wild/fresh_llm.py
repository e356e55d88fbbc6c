"""More language models of onnxruntime-genai's builder, all of them held out.

Families, shapes, options and quantized checkpoints that ``genai`` does not have; how a case is
built is ``genai``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wild.fresh_checkpoints import PHI3_SMALL, draw_gemma4, fp8, gptq, lfm2_audio, nvfp4, olive
from wild.genai import (
    _LINEAR,
    _LONG_ROPE,
    _QWEN_VISION,
    BF16_CUDA,
    FP16_CUDA,
    FP16_DML,
    FP16_TRT,
    FP16_WEBGPU,
    FP32_CPU,
    Family,
    Variant,
    _awq,
    _build,
    _draw,
    _draw_coded,
    _draw_pair,
    _int4,
    _int8,
    _mxfp4,
)
from wild.workshop import Builder

if TYPE_CHECKING:
    pass

_PAGED: Final = ("use_paged_attention=true", "paged_block_size=32")
_WIDE: Final[dict[str, Any]] = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_attention_heads": 8,
    "num_key_value_heads": 1,
}


_GEMMA4_PATCH: Final = {"global_head_dim": 16, "num_global_key_value_heads": 2}  # as it was
_NVFP4_GROUP: Final = {"num_bits": 4, "type": "float", "group_size": 16, "dynamic": False}
_GPTQ: Final[dict[str, Any]] = {"quant_method": "gptq", "bits": 4, "desc_act": False}
FAMILIES: Final[dict[str, Family]] = {
    "llama_wide": Family(
        _draw("LlamaForCausalLM", **_WIDE, attention_bias=True, mlp_bias=True),
        {
            "fp32-cuda": Variant("fp32", "cuda"),
            "fp16-pruned": Variant("fp16", "cuda", ("prune_lm_head=true",)),
            "int4-64-pruned": _int4("cpu", "block_size=64", "prune_lm_head=true"),
            "int4-128-level": _int4("cuda", "block_size=128", "accuracy_level=2"),
            "int8-asymmetric": _int8("cpu", "is_symmetric=false", "block_size=64"),
            "int8-webgpu": _int8("webgpu", "algo_config=rtn"),
        },
        dtype="bfloat16",
    ),
    "llama_paged": Family(
        _draw("LlamaForCausalLM", num_hidden_layers=4, head_dim=32, rms_norm_eps=1e-6),
        {
            "fp16-paged": Variant("fp16", "cuda", _PAGED),
            "bf16-paged-unfused": Variant("bf16", "cuda", (*_PAGED, "fuse_qkv=false")),
            "int4-paged": _int4("cuda", *_PAGED, "prune_lm_head=true"),
            "fp16-hidden": Variant("fp16", "dml", ("include_hidden_states=true",)),
            "int4-aux": _int4("cuda", "aux_hidden_state_layers=1,3"),
            "int4-gate-up-rtn": _int4("cuda", "fuse_mlp_gate_up=true", "algo_config=rtn"),
        },
        dtype="float16",
    ),
    "mistral_excluded": Family(
        _draw("MistralForCausalLM", head_dim=32, num_hidden_layers=3, tie_word_embeddings=True),
        {
            "int4-head-kept": _int4("cpu", "nodes_to_exclude=/lm_head/MatMul"),
            "int4-mixed-layers": _int4("cpu", "matmul_mixed_precision=mixed_layers:int8"),
            "int4-rtn-16": _int4("cuda", "algo_config=rtn", "block_size=16"),
            "int4-qdq-64": _int4("cpu", "use_qdq=true", "block_size=64", "shared_embeddings=false"),
            "fp16-webgpu-fp32": Variant("fp32", "webgpu", ("use_webgpu_fp32=true",)),
            "int4-prepacked-hopper": _int4(
                "cuda", "matmulnbits_weights_prepacked=2", "block_size=64"
            ),
        },
    ),
    "qwen2_tied": Family(
        _draw("Qwen2ForCausalLM", num_key_value_heads=4, tie_word_embeddings=True),
        {
            "bf16-cuda": BF16_CUDA,
            "int8-shared": _int8("cpu"),
            "int8-rtn-shared": _int8("cuda", "algo_config=rtn"),
            "int4-asymmetric-k_quant": _int4("cpu", "algo_config=k_quant", "is_symmetric=false"),
            "int4-webgpu": _int4("webgpu", "enable_webgpu_graph=true"),
        },
        dtype="float16",
    ),
    "qwen3_wide": Family(
        _draw("Qwen3ForCausalLM", **_WIDE, head_dim=32, num_hidden_layers=3),
        {
            "fp16-unfused-norm": Variant("fp16", "cuda", ("fuse_qk_norm_gqa=false",)),
            "fp16-paged": Variant("fp16", "cuda", _PAGED),
            "bf16-trt": Variant("bf16", "NvTensorRtRtx"),
            "int4-no-head": _int4("cpu", "exclude_lm_head=true", "block_size=128"),
            "int8-mixed": _int8("cuda", "block_size=128", "is_symmetric=false"),
        },
        dtype="bfloat16",
    ),
    "phi_biased": Family(
        _draw("PhiForCausalLM", num_key_value_heads=2, partial_rotary_factor=0.5),
        {
            "bf16-cuda": BF16_CUDA,
            "fp16-dml": FP16_DML,
            "int4-rtn_last": _int4("cpu", "algo_config=rtn_last"),
            "int8-rtn": _int8("cuda", "algo_config=rtn", "is_symmetric=false"),
        },
        dtype="float16",
    ),
    "phi3_grouped": Family(
        _draw(
            "Phi3ForCausalLM",
            tie_word_embeddings=True,
            max_position_embeddings=512,
            original_max_position_embeddings=128,
            rope_parameters=_LONG_ROPE,
            sliding_window=100,
        ),
        {
            "fp16-webgpu": FP16_WEBGPU,
            "int8-cpu": _int8(),
            "int4-mixed-layers": _int4("cuda", "algo_config=k_quant_mixed"),
            "fp16-trt": FP16_TRT,
        },
        patch={"rope_parameters": {**_LONG_ROPE, "type": "longrope"}},
    ),
    "phi3_small": Family(
        _draw_coded(PHI3_SMALL, "Phi3SmallForCausalLM"),
        {"fp16-cuda": FP16_CUDA, "int4-cuda": _int4("cuda"), "fp32-cpu": FP32_CPU},
        code=PHI3_SMALL,
    ),
    "gemma2_softcap": Family(
        _draw("Gemma2ForCausalLM", head_dim=32, query_pre_attn_scalar=24, num_hidden_layers=3),
        {
            "fp32-cpu": FP32_CPU,
            "int8-bf16": _int8("cuda", "use_cuda_bf16=true"),
            "int4-k_quant-unshared": _int4(
                "cpu", "algo_config=k_quant", "shared_embeddings=false", "is_symmetric=false"
            ),
            "int4-qdq": _int4("cpu", "use_qdq=true", "shared_embeddings=false"),
        },
    ),
    "gemma4_unified": Family(
        draw_gemma4("Gemma4Unified", None),
        {"fp32-cpu": FP32_CPU, "bf16-cuda": BF16_CUDA, "int4-default": _int4()},
        dtype="bfloat16",
        patch=_GEMMA4_PATCH,
    ),
    "gemma4_moe": Family(
        draw_gemma4(
            "Gemma4",
            None,
            enable_moe_block=True,
            num_experts=4,
            top_k_experts=2,
            moe_intermediate_size=64,
            hidden_size_per_layer_input=0,
        ),
        {
            "fp16-cuda": FP16_CUDA,
            "int4-default": _int4(),
            "int4-int8-experts": _int4("cuda", "moe_quant_type=int8", "qmoe_weights_prepacked=0"),
        },
        patch=_GEMMA4_PATCH,
    ),
    "lfm2_vl": Family(
        _draw_pair(
            "Lfm2VlForConditionalGeneration",
            "Lfm2VlConfig",
            {
                "model_type": "siglip2_vision_model",
                "hidden_size": 32,
                "intermediate_size": 48,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "num_patches": 16,
            },
            model_type="lfm2",
            layer_types=["conv", "full_attention"],
            block_multiple_of=32,
        ),
        {
            "fp32-cpu": FP32_CPU,
            "fp16-no-embeds": Variant("fp16", "cuda", ("exclude_embeds=true",)),
            "int4-rtn": _int4("cpu", "algo_config=rtn"),
        },
        dtype="bfloat16",
    ),
    "lfm2_audio": Family(
        lfm2_audio,
        {
            "fp32-cpu": FP32_CPU,
            "fp16-cuda": FP16_CUDA,
            "int4-cuda": _int4("cuda", "block_size=16"),
        },
    ),
    "qwen3_5_tied": Family(
        _draw_pair(
            "Qwen3_5ForConditionalGeneration",
            "Qwen3_5Config",
            _QWEN_VISION,
            **{**_LINEAR, "layer_types": ["linear_attention"] * 2 + ["full_attention"]},
            num_hidden_layers=3,
            tie_word_embeddings=True,
        ),
        {
            "bf16-cuda": BF16_CUDA,
            "fp16-no-embeds": Variant("fp16", "cuda", ("exclude_embeds=true",)),
            "int4-rtn-linear": _int4(
                "cpu", "algo_config=rtn", "matmul_mixed_precision=linear_attn:int8"
            ),
            "int8-cpu": _int8("cpu", "block_size=16"),
        },
        dtype="bfloat16",
    ),
    "gptoss_wide": Family(
        _draw(
            "GptOssForCausalLM",
            head_dim=16,
            hidden_size=128,
            intermediate_size=128,
            num_local_experts=2,
            num_experts_per_tok=1,
        ),
        {
            "int4-channels": _int4("cpu", "qmoe_block_size=0"),
            "int4-experts-64": _int4("cuda", "qmoe_block_size=64", "qmoe_weights_prepacked=0"),
            "int4-prepacked": _int4("cuda", "qmoe_weights_prepacked=1"),
            "int4-int2-experts": _int4("cuda", "moe_quant_type=int2", "qmoe_block_size=64"),
            "bf16-cuda": BF16_CUDA,
            "int8-webgpu": _int8("webgpu", "moe_quant_type=int8"),
            "int4-trt": _int4("NvTensorRtRtx"),
        },
        dtype="bfloat16",
        rewrite=_mxfp4,
        own=False,
        quantization={
            "quant_method": "mxfp4",
            "modules_to_not_convert": [
                "model.layers.*.self_attn",
                "model.layers.*.mlp.router",
                "model.embed_tokens",
                "lm_head",
            ],
        },
    ),
    "olmo_tied": Family(
        _draw("OlmoForCausalLM", tie_word_embeddings=True, clip_qkv=4.0, num_key_value_heads=4),
        {
            "fp32-cpu": FP32_CPU,
            "int8-default": _int8(),
            "int4-rtn": _int4("cpu", "algo_config=rtn"),
        },
    ),
    "nemotron_wide": Family(
        _draw("NemotronForCausalLM", **_WIDE, head_dim=32, attention_bias=True, mlp_bias=True),
        {
            "bf16-cuda": BF16_CUDA,
            "int4-asymmetric": _int4("cpu", "is_symmetric=false", "block_size=128"),
            "int8-k_quant": _int8("cuda", "algo_config=k_quant"),
        },
        dtype="float16",
    ),
    "granite_tied": Family(
        _draw(
            "GraniteForCausalLM",
            tie_word_embeddings=True,
            embedding_multiplier=12.0,
            residual_multiplier=0.22,
            attention_multiplier=0.015625,
        ),
        {
            "fp16-cuda": FP16_CUDA,
            "int4-rtn-unfused": _int4("cuda", "algo_config=rtn", "fuse_qkv=false"),
            "int4-qdq": _int4("cpu", "use_qdq=true", "shared_embeddings=false"),
        },
        dtype="bfloat16",
    ),
    "hunyuan_tied": Family(
        _draw("HunYuanDenseV1ForCausalLM", head_dim=32, tie_word_embeddings=True),
        {
            "bf16-cuda": BF16_CUDA,
            "int8-default": _int8(),
            "int4-k_quant_last": _int4("cpu", "algo_config=k_quant_last"),
        },
        dtype="bfloat16",
    ),
    "whisper_wide": Family(
        _draw(
            "WhisperForConditionalGeneration",
            "WhisperConfig",
            d_model=128,
            encoder_layers=1,
            decoder_layers=3,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=256,
            decoder_ffn_dim=192,
            num_mel_bins=128,
            max_source_positions=1500,
            max_target_positions=64,
            decoder_start_token_id=1,
        ),
        {
            "fp16-encoder": Variant("fp16", "cuda", (), "encoder"),
            "fp16-decoder": Variant("fp16", "cuda", (), "decoder"),
            "int4-encoder": Variant("int4", "cpu", ("block_size=16",), "encoder"),
            "int8-decoder": Variant("int8", "cpu", ("algo_config=rtn",), "decoder"),
        },
    ),
    "llama_gptq_8": Family(
        _draw("LlamaForCausalLM", attention_bias=True),
        {"int8-cpu": _int8(), "int4-cuda": _int4("cuda", "fuse_qkv=false")},
        dtype="float16",
        rewrite=gptq(32, 8, symmetric=True),
        quantization={**_GPTQ, "bits": 8, "group_size": 32, "sym": True},
    ),
    "qwen3_gptq_64": Family(
        _draw("Qwen3ForCausalLM", head_dim=32),
        {"int4-cpu": _int4(), "int4-dml": _int4("dml")},
        dtype="float16",
        rewrite=gptq(64, symmetric=True),
        quantization={**_GPTQ, "group_size": 64, "sym": True},
    ),
    "mistral_gptq_head": Family(
        _draw("MistralForCausalLM", sliding_window=None),
        {"int4-cpu": _int4(), "int4-cuda": _int4("cuda")},
        dtype="float16",
        rewrite=gptq(16, head=True),
        quantization={**_GPTQ, "group_size": 16, "lm_head": True},
    ),
    "llama_gptq_mixed": Family(
        _draw("LlamaForCausalLM"),
        {"int4-cpu": _int4()},
        dtype="float16",
        rewrite=gptq(32, wider=("down_proj",)),
        quantization={
            **_GPTQ,
            "group_size": 32,
            "dynamic": {r"+:.*\.down_proj.*": {"bits": 8}},
        },
    ),
    "qwen2_awq": Family(
        _draw("Qwen2ForCausalLM", hidden_size=128, intermediate_size=192),
        {"int4-cpu": _int4(), "int4-unfused": _int4("cuda", "fuse_qkv=false")},
        dtype="float16",
        rewrite=_awq(64),
        quantization={"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": True},
    ),
    "llama_olive_8": Family(
        _draw("LlamaForCausalLM", tie_word_embeddings=True),
        {"int8-cpu": _int8()},
        dtype="float16",
        rewrite=olive(16, 8),
        quantization={"quant_method": "olive", "bits": 8, "group_size": 16, "symmetric": False},
    ),
    "qwen3_5_nvfp4": Family(
        _draw_pair("Qwen3_5ForConditionalGeneration", "Qwen3_5Config", _QWEN_VISION, **_LINEAR),
        {"bf16-cuda": BF16_CUDA, "int4-cuda": _int4("cuda")},
        dtype="bfloat16",
        rewrite=nvfp4(False),
        quantization={
            "quant_method": "modelopt",
            "quant_algo": "NVFP4",
            "group_size": 16,
            "bits": 4,
        },
    ),
    "qwen3_5_compressed": Family(
        _draw_pair("Qwen3_5ForConditionalGeneration", "Qwen3_5Config", _QWEN_VISION, **_LINEAR),
        {"bf16-cuda": BF16_CUDA},
        dtype="bfloat16",
        rewrite=nvfp4(True),
        quantization={
            "quant_method": "compressed-tensors",
            "format": "nvfp4-pack-quantized",
            "group_size": 16,
            "bits": 4,
            "config_groups": {"group_0": {"targets": ["Linear"], "weights": _NVFP4_GROUP}},
        },
    ),
    "qwen3_5_fp8": Family(
        _draw_pair("Qwen3_5ForConditionalGeneration", "Qwen3_5Config", _QWEN_VISION, **_LINEAR),
        {"bf16-cuda": BF16_CUDA, "fp16-cuda": FP16_CUDA},
        dtype="bfloat16",
        rewrite=fp8(False),
        quantization={"quant_method": "modelopt", "quant_algo": "FP8", "group_size": 0, "bits": 8},
    ),
}
CASES: dict[str, Builder] = {name: _build(family) for name, family in FAMILIES.items()}
OPENED: frozenset[str] = frozenset(CASES)
