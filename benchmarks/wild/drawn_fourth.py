"""A fourth draw by lot, of what the third left of its lists: the same machinery, other seeds.

Of timm and torchvision no module is left of which nothing was built, so that the lot is among their
other sizes. What could not be made at all is in ``UNBUILT``, and nothing was taken in its place. Three
kinds of steps are new: weights of products in blocks of 4-bit floating-point or of 8 bits, words'
embeddings in blocks as well, and what is done to the graph alone, of a newer opset or with names
that begin otherwise.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import onnx
import torch
from torch import nn

from wild import drawn_again as again
from wild import drawn_models as earlier
from wild import drawn_third as third
from wild import later_models, other_models
from wild.drawn_again import _four_bits, _stage
from wild.drawn_models import (
    _BOTH,
    _GRID,
    _HEADS,
    _IDS,
    _LM,
    _MOE,
    _SEQ2SEQ,
    _TEXT,
    _WIDE,
    _WORDS,
    Drawn,
    _convnext,
    _diffuser,
    _known,
    _mask,
    _mixed,
    _narrower,
    _other,
    _timm,
)
from wild.drawn_third import _PIXELS, _SEEN, _X64, _listener, _own
from wild.later_models import _from, _get
from wild.shipping import declare_operators
from wild.steps import Step
from wild.tables import parsed
from wild.workshop import Builder

Tensor = torch.Tensor
SEED: Final = 20261203


# --- the lots


def lots() -> dict[str, list[Any]]:
    """What was drawn of each library, as in ``drawn_third``."""
    declare_operators()
    texts = earlier.texts_but(*earlier.DRAWN[3:])
    words = set(re.findall(r"\w+", "\n".join(texts)))
    with patch.object(third, "SEED", SEED):
        return {
            "transformers": earlier._lot_of_transformers(random.Random(SEED), words)[:22],
            "timm": third._lot_of_timm(words)[:10],
            "diffusers": earlier._lot_of_diffusers(random.Random(SEED), words)[:6],
            "torchvision": earlier._lot_of_torchvision(random.Random(SEED), words)[:3],
            "torchaudio": third._lot_of_torchaudio(words),
            "packages": third._lot_of_packages(words)[:8],
        }


# --- timm

_TIMM: Final[Mapping[str, Drawn]] = {
    "hrnet": _timm(
        "hrnet_w18",
        " ".join(
            f"stage{len(sizes)}={_stage(sizes)}"
            for sizes in ([24], [12, 24], [12, 24, 48], [12, 24, 48, 96])
        ),
        by=4,
    ),
    "dla": _timm("dla169", "levels=[1,1,1,2,2,1] channels=[16,16,32,48,64,96]"),
    "vovnet": _timm(
        "vovnet57a",
        """
            stem_chs=[16,16,32] stage_conv_chs=[32,40,48,56] stage_out_chs=[64,96,128,160]
            layer_per_block=3 block_per_stage=[1,1,2,1]
        """,
    ),
    "levit": _timm(
        "levit_conv_512",
        "img_size=64 embed_dim=(48,64,96) key_dim=16 num_heads=(3,4,6) depth=(1,1,2)",
    ),
    "efficientnet": Drawn(
        _from(
            "timm.models.efficientnet._gen_efficientnet_edge",
            """
                variant='tf_efficientnet_em' channel_multiplier=0.25 depth_multiplier=0.5
                pad_type='same' num_classes=10
            """,
        ),
        _X64,
    ),
    "cait": _timm("cait_s24_224", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
    "nfnet": _timm("nf_resnet50", "depths=(1,1,2,1) channels=(64,96,128,160)"),
    "resnetv2": _other("resnetv2_101x1_bit", "layers=(1,1,2,1) channels=(128,128,256,256)"),
    "xcit": _timm("xcit_medium_24_p8_384", "img_size=64 embed_dim=64 depth=2 num_heads=4"),
    "mobilevit": _timm("mobilevitv2_150", "width_factor=0.25"),
}


# --- torchvision


def _resnet() -> nn.Module:
    kinds: Any = import_module("torchvision.models.resnet")
    model: nn.Module = kinds.ResNet(kinds.Bottleneck, [1, 1, 2, 1], num_classes=10)
    return model


_TORCHVISION: Final[Mapping[str, Drawn]] = {
    "swin_s": Drawn(
        _from(
            "torchvision.models.SwinTransformer",
            """
                patch_size=[4,4] embed_dim=32 depths=[1,1,2,1] num_heads=[1,2,4,8]
                window_size=[7,7] num_classes=10
            """,
        ),
        _X64,
        save="pth",
    ),
    "convnext_tiny": Drawn(
        partial(_convnext, (24, 48, 1), (48, 96, 1), (96, 128, 2), (128, None, 1)), _X64, save="pth"
    ),
    "resnet101": Drawn(_narrower(4, _resnet), _X64, save="pth"),
}


# --- torchaudio

_TORCHAUDIO: Final[Mapping[str, Drawn]] = {
    "hdemucs_medium": Drawn(
        _from(
            "torchaudio.models.HDemucs",
            "sources=['voice','rest'] channels=8 nfft=256 depth=3 norm_starts=2 dconv_attn=2",
        ),
        {"input": (1, 2, 1024)},
        save="pth",
    ),
    "emformer_rnnt_base": Drawn(
        _from(
            "torchaudio.models.emformer_rnnt_model",
            """
                input_dim=20 encoding_dim=48 num_symbols=30 segment_length=8
                right_context_length=4 time_reduction_input_dim=16 time_reduction_stride=4
                transformer_num_heads=4 transformer_ffn_dim=128 transformer_num_layers=2
                transformer_dropout=0.0 transformer_activation='gelu'
                transformer_left_context_length=8 transformer_max_memory_size=0
                transformer_weight_init_scale_strategy='depthwise' transformer_tanh_on_mem=True
                symbol_embedding_dim=32 num_lstm_layers=2 lstm_layer_norm=True
                lstm_layer_norm_epsilon=0.001 lstm_dropout=0.0
            """,
        ),
        {
            "sources": (1, 20, 20),
            "source_lengths": torch.tensor([16], dtype=torch.int32),
            "targets": torch.tensor([[3, 9, 17, 4]], dtype=torch.int32),
            "target_lengths": torch.tensor([4], dtype=torch.int32),
        },
        save="pth",
    ),
    "hubert_large": _listener(
        "wav2vec2_model",
        """
            extractor_mode='layer_norm' extractor_conv_bias=False encoder_layer_norm_first=True
            aux_num_out=None
        """,
        {"waveforms": (1, 800)},
    ),
}


# --- diffusers


def _tiled(model: Any) -> None:
    """In tiles, which is the only way that it knows, and smaller ones."""
    model.enable_tiling()
    model.kernel, model.stride = (8, 32, 32), (8, 16, 16)


_DIFFUSERS: Final[Mapping[str, Drawn]] = {
    "AutoencoderKLLTX2Audio": _diffuser(
        "models.autoencoders.autoencoder_kl_ltx2_audio.AutoencoderKLLTX2Audio",
        """
            base_channels=32 ch_mult=(1,1,2) num_res_blocks=1 resolution=32 latent_channels=4
            mel_bins=16
        """,
        {"sample": (1, 2, 17, 16)},
    ),
    "AutoencoderKLAllegro": _diffuser(
        "AutoencoderKLAllegro",
        """
            down_block_types=('AllegroDownBlock3D','AllegroDownBlock3D')
            up_block_types=('AllegroUpBlock3D','AllegroUpBlock3D') block_out_channels=(16,32)
            temporal_downsample_blocks=(True,False) temporal_upsample_blocks=(False,True)
            layers_per_block=1 norm_num_groups=4 temporal_compression_ratio=2 sample_size=32
        """,
        {"sample": (1, 3, 8, 32, 32)},
    )._replace(last=_tiled),
    "WanAnimateTransformer3DModel": _diffuser(
        "WanAnimateTransformer3DModel",
        """
            num_attention_heads=4 attention_head_dim=16 in_channels=12 latent_channels=4
            out_channels=4 text_dim=24 freq_dim=32 ffn_dim=128 num_layers=2 image_dim=20
            rope_max_seq_len=32 motion_encoder_channel_sizes={'4':16,'8':16,'16':16}
            motion_encoder_size=16 motion_style_dim=8 motion_dim=4 motion_encoder_dim=16
            face_encoder_hidden_dim=16 face_encoder_num_heads=2 inject_face_latents_blocks=2
        """,
        {
            "hidden_states": (1, 12, 3, 8, 8),
            "timestep": torch.tensor([500]),
            "encoder_hidden_states": (1, 6, 24),
            "encoder_hidden_states_image": (1, 7, 20),
            "pose_hidden_states": (1, 4, 2, 8, 8),
            "face_pixel_values": (1, 3, 5, 16, 16),
        },
    ),
    "AutoencoderKLMiniMaxH3": _diffuser(
        "models.autoencoders.autoencoder_kl_minimax_h3.AutoencoderKLMiniMaxH3",
        f"""
            latent_channels=4 block_out_channels=(16,32) layers_per_block=1
            spatial_downsample_factors=(2,2) temporal_downsample_factors=(1,2) norm_num_groups=4
            decoder_num_layers=2 decoder_num_attention_heads=4 decoder_attention_head_dim=16
            decoder_ffn_mult=2 clip_length=5 token_drop=1 latents_mean={(0.1,) * 4}
            latents_std={(1.1,) * 4}
        """.replace(", ", ","),
        {"sample": (1, 3, 10, 32, 32)},
    ),
    "DreamLiteUNetModel": _diffuser(
        "models.unets.unet_dreamlite.DreamLiteUNetModel",
        """
            sample_size=16 block_out_channels=(16,32,64) layers_per_block=1 norm_num_groups=8
            cross_attention_dim=24 attention_head_dim=(2,4,4) ff_mult=2
        """,
        {
            "sample": (1, 4, 16, 16),
            "timestep": torch.tensor([500]),
            "encoder_hidden_states": (1, 6, 24),
        },
    ),
}


# --- smaller packages


def _next_latent() -> nn.Module:
    """x-transformers' decoder, and what foretells its next state."""
    layers: Any = import_module("x_transformers")
    inner = layers.TransformerWrapper(
        num_tokens=64,
        max_seq_len=16,
        attn_layers=layers.Decoder(dim=64, depth=2, heads=4, attn_dim_head=16),
    )
    kind: Any = _get("x_transformers.next_latent_wrapper.NextLatentWrapper")
    model: nn.Module = kind(inner, dim=64, num_rollouts=2, kl_loss_weight=0.0)
    return model


def _foretold(inner: Any, words: Tensor) -> Any:
    """Its answer, the states, and the states that it foretells."""
    model = inner.__self__
    answer, states = model.net(words, return_logits_and_embeddings=True)
    following = model.token_emb(words)[:, 1:]
    return answer, model.dynamics_model(following[None], states[:, :-1])


def _words_of_images() -> nn.Module:
    """monai-generative's transformer; a module beside this one has the name of its package."""
    here = Path(__file__).parent
    with patch.object(sys, "path", [each for each in sys.path if Path(each).resolve() != here]):
        return _from(
            "generative.networks.nets.transformer.DecoderOnlyTransformer",
            """
                num_tokens=64 max_seq_len=16 attn_layers_dim=64 attn_layers_depth=2
                attn_layers_heads=4 with_cross_attention=True
            """,
        )()


def _quadratic() -> nn.Module:
    box: Any = import_module("gymnasium.spaces").Box(-2.0, 2.0, (4,), np.float32)
    model: nn.Module = _get("pfrl.q_functions.state_q_functions.FCQuadraticStateQFunction")(
        12, 4, 96, 3, box
    )
    return model


def _action_values(inner: Any, state: Tensor) -> Any:
    made = inner(state)
    return made.mu, made.mat, made.v


def _coupled(width: int) -> list[Any]:
    """Steps of a flow: half of the channels say how the other half is scaled and moved."""
    flows: Any = import_module("normflows")
    net = flows.nets.ConvNet2d([width // 2, 32, 32, width], [3, 1, 3])
    return [
        flows.flows.AffineCouplingBlock(net, split_mode="channel"),
        flows.flows.AffineConstFlow((width, 1, 1)),
        flows.flows.Permute(width, "swap"),
    ]


def _flow() -> nn.Module:
    """normflows' flow of two levels."""
    flows: Any = import_module("normflows")
    levels = [[*_coupled(width), *_coupled(width), flows.flows.Squeeze()] for width in (24, 12)]
    bases = [flows.distributions.DiagGaussian(shape) for shape in ((24, 4, 4), (6, 8, 8))]
    model: nn.Module = flows.MultiscaleFlow(bases, levels, [flows.flows.Merge()], class_cond=False)
    return model


def _paraformer() -> nn.Module:
    """funasr's recognizer, whose parts are known by name when their files were imported."""
    for name in _UNHEARD.split():
        sys.modules.setdefault(name, other_models._Anything(name))
    later_models._bare("funasr")
    for name in "sanm.encoder paraformer.decoder paraformer.cif_predictor".split():
        import_module(f"funasr.models.{name}")
    shared = "attention_heads=4 linear_units=128 num_blocks=2 kernel_size=5 sanm_shfit=0"
    return _from(
        "funasr.models.paraformer.model.Paraformer",
        """
            input_size=40 vocab_size=60 ctc_weight=0.0 encoder='SANMEncoder'
            decoder='ParaformerSANMDecoder' predictor='CifPredictorV2'
        """,
        encoder_conf=partial(parsed, f"{shared} output_size=64 input_layer='pe'"),
        decoder_conf=partial(parsed, f"{shared} att_layer_num=2"),
        predictor_conf=partial(parsed, "idim=64 threshold=1.0 l_order=1 r_order=1"),
    )()


_UNHEARD: Final = "kaldiio librosa rapidfuzz rapidfuzz.distance funasr.utils.load_utils"


def _recognized(inner: Any, speech: Tensor, length: Tensor) -> Any:
    """Its answer for as many words as it counts."""
    model = inner.__self__
    heard, lengths = model.encode(speech, length)
    words, count, *_ = model.calc_predictor(heard, lengths)
    return model.cal_decoder_with_predictor(heard, lengths, words, count.round().long())


_PACKAGES: Final[Mapping[str, Drawn]] = {
    "PEER-pytorch": _own(
        "PEER_pytorch.PKAttention.PKAttention",
        "dim=64 heads=8 num_key_values=256 key_value_pk_topk=4 pre_rmsnorm=True",
        {"x": (1, 8, 64)},
    ),
    "x-transformers": Drawn(_next_latent, {"x": _IDS}, _foretold, "own"),
    "deepinv": _own(
        "deepinv.models.PDNet.PDNet_PrimalBlock",
        "in_channels=6 out_channels=5 depth=5 nf=48",
        {"x": (1, 5, 24, 24), "Atu": (1, 1, 24, 24)},
    ),
    "monai-generative": Drawn(_words_of_images, {"x": _IDS, "context": (1, 4, 64)}, save="own"),
    "pfrl": Drawn(_quadratic, {"state": (3, 12)}, _action_values, "own"),
    "funasr": Drawn(
        _paraformer,
        {"speech": (1, 20, 40), "length": torch.tensor([20], dtype=torch.int32)},
        _recognized,
        "own",
    ),
    "normflows": Drawn(_flow, {"x": (2, 3, 16, 16)}, save="own"),
}


# --- transformers

_AUDIO: Final = f"{_WIDE} num_mel_bins=20"
_TRANSFORMERS: Final[Mapping[str, Drawn]] = {
    "altclip": _known(
        "AltCLIPModel",
        "projection_dim=48",
        {**_TEXT, **_PIXELS},
        text_config=f"{_WORDS} project_dim=48",
        vision_config=f"{_SEEN} projection_dim=48",
    ),
    "udop": _known(
        "UdopModel",
        """
            vocab_size=99 d_model=64 d_kv=16 d_ff=128 num_layers=2 num_heads=4
            max_2d_position_embeddings=64 image_size=32 patch_size=8 use_cache=False
        """,
        {
            **_BOTH,
            "attention_mask": torch.ones_like(_IDS),
            "bbox": torch.arange(32).reshape(1, 8, 4) / 40,
            **_PIXELS,
        },
    ),
    "llava_next": _known(
        "LlavaNextModel",
        "image_token_index=98 image_grid_pinpoints=[[16,32],[32,16]]",
        {
            "input_ids": _mixed(98, 14),
            "attention_mask": _mask(_mixed(98, 14)),
            "pixel_values": (1, 3, 3, 16, 16),
            "image_sizes": torch.tensor([[16, 32]]),
        },
        vision_config=f"model_type='clip_vision_model' {_WIDE} image_size=16 patch_size=8",
        text_config=f"model_type='llama' {_LM}",
    ),
    "florence2": _known(
        "Florence2Model",
        "image_token_id=98",
        {
            "input_ids": _mixed(98, 5),
            "attention_mask": _mask(_mixed(98, 5)),
            "pixel_values": (1, 3, 64, 64),
            "decoder_input_ids": _IDS[:, :5],
        },
        vision_config="""
            depths=(1,1,1,1) embed_dim=(16,32,32,64) num_heads=(2,2,4,4) num_groups=(2,2,4,4)
            window_size=4 projection_dim=64
        """,
        text_config=f"model_type='bart' {_SEQ2SEQ}",
    ),
    "dory": _known(
        "DoryForCausalLM",
        f"""
            {_LM} {_HEADS} num_hidden_layers=4 sliding_window=4 n_input_layers=1 n_output_layers=1
        """.replace("num_hidden_layers=2", ""),
        _TEXT,
    ),
    "qwen3_5_vision": _known(
        "Qwen3_5VisionModel",
        """
            depth=2 hidden_size=64 intermediate_size=128 num_heads=4 patch_size=8
            out_hidden_size=48 num_position_embeddings=64
        """,
        {"hidden_states": (16, 384), "grid_thw": _GRID},
    ),
    "kimi_linear": _known(
        "KimiLinearModel",
        f"""
            {_LM} {_MOE} num_key_value_heads=4 num_local_experts=4 kv_lora_rank=16
            qk_nope_head_dim=16 qk_rope_head_dim=8 v_head_dim=16 linear_head_dim=16
            linear_num_heads=4 layer_types=['linear_attention','full_attention']
        """,
        _TEXT,
    ),
    "qwen2_5_vl_text": _known(
        "Qwen2_5_VLTextModel",
        f"""
            {_LM}
            rope_parameters={{'rope_type':'default','rope_theta':10000.0,'mrope_section':[4,2,2]}}
        """,
        _TEXT,
    ),
    "bitnet": _known("BitNetForCausalLM", _LM, _TEXT),
    "chameleon": _known(
        "ChameleonModel",
        f"""
            {_LM} vocabulary_map={
            {"<image>": 98, **{f"IMGIMG{chr(65 + each)}Z": 40 + each for each in range(10)}}
        }
        """.replace(": ", ":").replace(", ", ","),
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (1, 3, 8, 8),
        },
        vq_config="""
            embed_dim=16 num_embeddings=10 latent_channels=16 resolution=8 base_channels=32
            channel_multiplier=(1,2,2) num_res_blocks=1
        """,
    ),
    "radio": _known(
        "RadioModel",
        """
            hidden_size=64 num_hidden_layers=2 num_attention_heads=4 mlp_ratio=2.0 patch_size=8
            image_size=32 max_img_size=64
        """,
        _PIXELS,
    ),
    "glm4v_moe": _known(
        "Glm4vMoeModel",
        "image_token_id=98 image_start_token_id=97 image_end_token_id=96",
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (16, 384),
            "image_grid_thw": _GRID,
            "position_ids": torch.arange(9).expand(3, 1, 9).clone(),
        },
        text_config=f"""
            {_LM} {_MOE} n_routed_experts=4
            rope_parameters={{'rope_type':'default','rope_theta':10000.0,'mrope_section':[2,1,1],'partial_rotary_factor':0.5}}
        """,
        vision_config="""
            depth=2 hidden_size=64 num_heads=4 image_size=32 patch_size=8 out_hidden_size=64
            intermediate_size=128
        """,
    ),
    "granitemoe_swa": _known(
        "GraniteMoeSWAForCausalLM",
        f"""
            {_LM} num_local_experts=4 sliding_window=4 shared_intermediate_size=96
            layer_rope_theta=[10000.0,0]
        """,
        _TEXT,
    ),
    "glmasr_encoder": _known("GlmAsrEncoder", _AUDIO, {"input_features": (1, 20, 32)}),
    "modernvbert": _known(
        "ModernVBertModel",
        "image_token_id=98 pixel_shuffle_factor=2",
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (1, 1, 3, 32, 32),
        },
        text_config=f"model_type='modernbert' {_WORDS} local_attention=8 pad_token_id=0",
        vision_config=f"model_type='siglip_vision_model' {_SEEN}",
    ),
    "audioflamingo3_encoder": _known(
        "AudioFlamingo3Encoder",
        f"{_AUDIO} max_source_positions=16",
        {"input_features": (1, 20, 32), "input_features_mask": torch.ones((1, 32)).long()},
    ),
    "kosmos-2.5": _known(
        "Kosmos2_5Model",
        "latent_query_num=4",
        {
            "input_ids": _IDS,
            "flattened_patches": torch.cat(
                [
                    torch.arange(18).reshape(1, 9, 2) // 3 % 4,
                    torch.linspace(-1, 1, 432).reshape(1, 9, 48),
                ],
                -1,
            ),
            "image_embeds_position_mask": torch.tensor([[0, 1, 1, 1, 1, 0, 0, 0]]),
            "attention_mask": torch.ones_like(_IDS),
        },
        text_config="""
            vocab_size=99 max_position_embeddings=64 embed_dim=64 layers=2 ffn_dim=128
            attention_heads=4 use_cache=False
        """,
        vision_config=f"{_WIDE} {_HEADS} patch_embed_hidden_size=48 max_num_patches=16",
    ),
    "flint": _known(
        "FlintForCausalLM",
        f"""
            {_LM} {_HEADS} {_MOE} num_experts=4 sliding_window=4 mlp_only_layers=[0]
            shared_expert_intermediate_size=48 layer_types=['full_attention','sliding_attention']
        """,
        _TEXT,
    ),
    "qwen3_5_text": _known(
        "Qwen3_5TextForSequenceClassification",
        f"""
            {_LM} {_HEADS} {earlier._LINEAR} layer_types=['linear_attention','full_attention']
            num_labels=3
        """,
        _TEXT,
    ),
    "inkling2": _known(
        "Inkling2Model",
        "image_token_id=98",
        {
            "input_ids": _mixed(98, 4),
            "attention_mask": _mask(_mixed(98, 4)),
            "pixel_values": (4, 16, 16, 3),
            "image_grid_thw": torch.tensor([[1, 2, 2]]),
        },
        text_config=f"""
            {_LM} {_HEADS} {_MOE} unpadded_vocab_size=99 n_routed_experts=4 d_rel=8 rel_extent=16
            swa_num_attention_heads=4 swa_num_key_value_heads=2 swa_head_dim=16
            sliding_window_size=4 n_layers_per_attn_res_block=1
            layer_types=['hybrid_sliding','hybrid']
        """,
        vision_config=f"""
            {_WIDE} patch_size=8 posemb_grid_size=8 projection_hidden_dim=96 text_hidden_size=64
        """,
    ),
    "align": _known(
        "AlignModel",
        "projection_dim=40",
        {**_TEXT, "pixel_values": (1, 3, 64, 64)},
        text_config=_WORDS,
        vision_config="""
            image_size=64 width_coefficient=1.0 depth_coefficient=1.0 kernel_sizes=(3,3,5)
            in_channels=(32,16,24) out_channels=(16,24,40) strides=(1,2,2)
            num_block_repeats=(1,2,1) expand_ratios=(1,4,4) hidden_dim=40
        """,
    ),
    "qwen3_vl_moe_vision": _known(
        "Qwen3VLMoeVisionModel",
        """
            depth=3 hidden_size=64 intermediate_size=128 num_heads=4 patch_size=8
            out_hidden_size=48 num_position_embeddings=64 deepstack_visual_indexes=(0,1)
        """,
        {"hidden_states": (16, 384), "grid_thw": _GRID},
    ),
}


# --- what is done to an export


def _four_bit_floats(source: Path, target: Path, inputs: Path, kind: str, size: int) -> None:
    """The numbers of bitsandbytes, in blocks, each with its greatest."""
    from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer

    quantizer = MatMulBnb4Quantizer(
        onnx.load(source), getattr(MatMulBnb4Quantizer, kind), block_size=size
    )
    quantizer.process()
    quantizer.model.save_model_to_file(str(target), False)
    if "MatMulBnb4" not in {node.op_type for node in onnx.load(target).graph.node}:
        raise ValueError("nothing of it was quantized")


def _words_too(source: Path, target: Path, inputs: Path) -> None:
    """Matrices in blocks, those that rows are taken of as well."""
    graph = onnx.load(source).graph
    tables = {value.name for value in graph.initializer if len(value.dims) == 2}
    left = [
        each.name for each in graph.node if each.op_type == "Gather" and each.input[0] not in tables
    ]
    kinds: dict[str, Any] = {
        "op_types_to_quantize": ("MatMul", "Gather"),
        "quant_axes": (("MatMul", 0), ("Gather", 1)),
    }
    _four_bits(
        source, target, inputs, block_size=32, is_symmetric=True, nodes_to_exclude=left, **kinds
    )


def _newer(source: Path, target: Path, inputs: Path, opset: int) -> None:
    """What onnx's own converter makes of it for a newer opset."""
    onnx.save(onnx.version_converter.convert_version(onnx.load(source), opset), target)


def _renamed(source: Path, target: Path, inputs: Path) -> None:
    """With other names for all but inputs and outputs, as before two graphs become one."""
    made = onnx.compose.add_prefix(
        onnx.load(source), "first/", rename_inputs=False, rename_outputs=False
    )
    onnx.save(made, target)


_STEPS: Final[Mapping[str, Step]] = {
    **third._STEPS,
    "nf4-block64": partial(_four_bit_floats, kind="NF4", size=64),
    "fp4-block32": partial(_four_bit_floats, kind="FP4", size=32),
    "int8-block32": partial(_four_bits, bits=8, block_size=32, is_symmetric=True),
    "int8-block64-asymmetric": partial(_four_bits, bits=8, block_size=64, is_symmetric=False),
    "int4-block32-gather": _words_too,
    "newer22": partial(_newer, opset=22),
    "newer21": partial(_newer, opset=21),
    "renamed": _renamed,
}
_CHAINS: Final = (
    *third._CHAINS,
    "nf4-block64",
    "fp4-block32",
    "float16+nf4-block64",
    "onnxslim+nf4-block64",
    "int8-block32",
    "int8-block64-asymmetric",
    "onnxsim+int8-block32",
    "int8-block32+fp16",
    "int4-block32-gather",
    "int4-block32-gather+external",
    "newer22",
    "newer21+onnxslim",
    "newer21+int4-qdq-asymmetric",
    "renamed",
    "renamed+int8-dynamic",
    "renamed+fp16-common",
    "onnxsim+renamed",
)
_FOR_PRODUCTS: Final = re.compile("nf4|fp4|int8-block")


def _drawn(title: str, exporter: str, source: Path) -> list[str]:
    """As ``drawn_again`` draws, of fewer chains where no weight is of a product."""
    graph = onnx.load(source, load_external_data=False).graph
    held = {value.name for value in graph.initializer}
    has_products = any(node.op_type == "MatMul" and set(node.input) & held for node in graph.node)
    lot = [text for text in _CHAINS if has_products or not _FOR_PRODUCTS.search(text)]
    with patch.object(again, "_CHAINS", lot):
        return _draw_of_again(title, exporter, source)


_draw_of_again: Final = again._drawn


# --- build, compare, ship


def _build(title: str, drawn: Drawn, folder: Path) -> None:
    """As ``drawn_third`` builds, with what this draw has."""
    changed: dict[str, Any] = {
        "SEED": SEED,
        "_BARE": _BARE,
        "_CHAINS": _CHAINS,
        "_FAMILIES": _FAMILIES,
        "_STEPS": _STEPS,
    }
    with patch.multiple(third, **changed), patch.object(again, "_drawn", _drawn):
        third._build(title, drawn, folder)


_BARE: Final = ("deepinv", "deepinv.models", "funasr", "pfrl", "pfrl.q_functions")
_BY_FAMILY: Final[Mapping[str, str]] = {  # of onnxruntime's optimizer of transformers
    "vit": "timm-cait timm-xcit timm-levit transformers-radio transformers-qwen3_5_vision transformers-qwen3_vl_moe_vision",
    "swin": "torchvision-swin_s",
    "bert": "torchaudio-hubert_large transformers-modernvbert transformers-align package-x-transformers",
    "bart": "transformers-florence2 transformers-udop transformers-kosmos-2.5",
    "clip": "transformers-altclip transformers-llava_next",
    "conformer": "transformers-glmasr_encoder transformers-audioflamingo3_encoder",
    "qwen3": """
        transformers-qwen2_5_vl_text transformers-bitnet transformers-dory transformers-flint
        transformers-qwen3_5_text transformers-granitemoe_swa
    """,
    "gpt2": "package-monai-generative transformers-chameleon",
    "unet": "diffusers-DreamLiteUNetModel",
    "mmdit": "diffusers-WanAnimateTransformer3DModel",
    "vae": """
        diffusers-AutoencoderKLLTX2Audio diffusers-AutoencoderKLAllegro
        diffusers-AutoencoderKLMiniMaxH3
    """,
}
_FAMILIES: Final = {
    title: family for family, titles in _BY_FAMILY.items() for title in titles.split()
}
# the codes of each are within half a step of its weights, of these too, but they answer far from it
_LARGEST: Final = "a mask of the least number was calibrated: one step of its activations is all"
DAMAGED: Final = {
    "package-monai-generative/torchscript+int8-qdq-channels+ort-extended": again._MASK,
    "timm-mobilevit/torchscript+prepared+int8-qoperator-channels": "by its operators of integers",
    "transformers-flint/dynamo-library+int8-percentile": _LARGEST,
    "transformers-flint/dynamo-library+int8-static-channels": _LARGEST,
    "transformers-florence2/torchscript+prepared+int8-qoperator-channels": again._MASK,
    "transformers-qwen2_5_vl_text/torchscript+int8-qdq-channels+ort-extended": again._MASK,
}
UNBUILT: Final = {  # drawn, and not made at all, or not one of the exporters takes it
    "diffusers-WanAnimate2Transformer3DModel": "complex numbers, which no exporter has",
    "diffusers-WanAnimateTransformer3DModel": "a decomposition into Q and R, which no exporter has",
    "package-funasr": "sizes that depend on data, and a trace of two kinds of integers",
    "package-nnAudio": "a transform without parameters",
    "torchaudio-hdemucs_medium": "complex numbers, which no exporter has",
    "transformers-udop": "a mask by which sizes depend on data, and an operator that TorchScript lacks",
}
_EVERY: Final = {
    **{f"transformers-{name}": drawn for name, drawn in _TRANSFORMERS.items()},
    **{f"diffusers-{name}": drawn for name, drawn in _DIFFUSERS.items()},
    **{f"timm-{name}": drawn for name, drawn in _TIMM.items()},
    **{f"torchvision-{name}": drawn for name, drawn in _TORCHVISION.items()},
    **{f"torchaudio-{name}": drawn for name, drawn in _TORCHAUDIO.items()},
    **{f"package-{name}": drawn for name, drawn in _PACKAGES.items()},
}
CASES: Final[dict[str, Builder]] = {
    title: partial(_build, title, drawn) for title, drawn in _EVERY.items()
}
OPENED: Final = frozenset(CASES)  # looked at after it had been measured
