"""Small networks of the reference libraries from which other settings start.

Part of tests/weights/reference_settings.py. Their widths divide by the usual numbers of heads, so
that tensors fit where config.json is silent about those.
"""

import copy
import inspect
import json
import typing

import diffusers
import library_settings
import numpy as np
import torch
import transformers
from reference import spread
from transformers.models.clip import modeling_clip
from transformers.models.gpt2 import modeling_gpt2
from transformers.models.siglip import modeling_siglip
from transformers.models.t5 import modeling_t5

INPUTS = ("ids", "mask", "prefix", "words", "pixels", "codes", "picture")
COMPUTED = ("dense_act_fn", "is_gated_act")
SIDE = 16  # pixels


class Base(typing.NamedTuple):
    """A network of a library: its classes, its settings, and how it is asked."""

    config_class: type
    model_class: type
    source: typing.Any
    config: typing.Any
    outputs: typing.Callable
    sections: dict = {}  # {name: class} of a config within the config
    file: str = "config.json"

    def names(self):
        """Paths of settings: (name,) or (section, name)."""
        own = library_settings.names(self.config_class, self.source.__file__)
        found = [(name,) for name in own]
        for section, kind in self.sections.items():
            inner = library_settings.names(kind, self.source.__file__)
            found += [(section, name) for name in inner]
        return found

    def others(self, key, told):
        """Other values of a setting than config.json tells."""
        *sections, name = key
        kind = self.sections[sections[0]] if sections else self.config_class
        value = (told[sections[0]] if sections else told).get(name)
        if value is None:
            value = getattr(kind, name, None)
        field = getattr(kind, "__dataclass_fields__", {}).get(name)
        return library_settings.others(name, value, str(field.type) if field else "")

    def fresh(self, config):
        """A network with random parameters."""
        alone = isinstance(config, dict)
        model = self.model_class(**config) if alone else self.model_class(config)
        spread(model.eval())
        # Fresh embeddings of 0.02 would hide behind the others; of one spread at every width, the
        # attention of a wide network is so sharp that it enlarges rounding beyond the tolerance.
        for weight in model.parameters():
            if self.sections and weight.ndim > 1:
                weight.data.mul_(1.5 / weight[0].numel() ** 0.5 / weight.std())
        return model

    def read(self, told):
        """What `fresh` takes, of a config.json."""
        if self.model_class is diffusers.VQModel:
            known = inspect.signature(diffusers.VQModel.__init__).parameters
            return {name: value for name, value in told.items() if name in known}
        return self.config_class.from_dict(told)

    def opened(self, folder):
        """-> (network, whether every tensor fits), as the library opens the folder."""
        how = {"output_loading_info": True}
        if self.model_class is not diffusers.VQModel:
            how |= {"dtype": torch.float32}
        model, told = self.model_class.from_pretrained(folder, **how)
        lacks = told["missing_keys"] or told.get("mismatched_keys") or told.get("error_msgs")
        return model.float().eval(), not lacks

    def save(self, model, folder):
        """As the library writes it, without what it computes of other settings: where that is
        told too, it counts and not they."""
        model.save_pretrained(folder)
        told = json.loads((folder / "config.json").read_text())
        told = {name: value for name, value in told.items() if name not in COMPUTED}
        (folder / "config.json").write_text(json.dumps(told))


def t5(model):
    """Features, of texts longer than the exact buckets of the bias."""
    ids = _ids(model.config.vocab_size, 3, 40)
    mask = (torch.arange(40)[None] < torch.tensor([[40], [17], [1]])).long()
    ids = ids * mask
    features = model(input_ids=ids, attention_mask=mask).last_hidden_state * mask[..., None]
    return _arrays(ids=ids, mask=mask, features=features)


def gpt2(model):
    """Logits of words behind a prefix of vectors."""
    prefix = torch.randn(2, 3, model.config.n_embd, generator=_draw())
    words = _ids(model.config.vocab_size, 2, model.config.n_positions - 3)
    inputs = torch.cat([prefix, model.transformer.wte(words)], dim=1)
    logits = model(inputs_embeds=inputs).logits[:, 2:-1]  # the next word after each but the last
    return _arrays(prefix=prefix, words=words, logits=logits)


def vq(model):
    """Latents of pixels, and pixels of codes, through its public methods; in float64, as many
    layers add up to as much as the tolerance in float32."""
    model = copy.deepcopy(model).double()
    shape = (2, model.config.in_channels, SIDE, SIDE)
    pixels = torch.rand(shape, generator=_draw()).double() * 2 - 1
    latents = model.encode(pixels).latents
    codes = model.quantize(latents)[2][2].reshape(2, -1)
    last = lambda x: x.permute(0, 2, 3, 1)
    return _arrays(pixels=last(pixels), latents=last(latents), codes=codes,
                   decoded=last(model.decode(latents).sample))  # fmt: skip


def towers(model):
    """Features of pictures and texts, and their logits."""
    text, vision = model.config.text_config, model.config.vision_config
    side = vision.image_size
    pixels = torch.randn(3, vision.num_channels, side, side, generator=_draw())
    ids = _ids(text.vocab_size - 1, 4, text.max_position_embeddings)
    for row, place in zip(ids, (1, 3, 5, text.max_position_embeddings - 1)):
        row[place] = row[-1] = text.vocab_size - 1  # the first end counts
    logits = model(input_ids=ids, pixel_values=pixels).logits_per_image
    pooled = lambda found: getattr(found, "pooler_output", found)
    return _arrays(
        pixels=pixels.permute(0, 2, 3, 1), ids=ids, logits=logits,
        image=pooled(model.get_image_features(pixel_values=pixels)),
        text=pooled(model.get_text_features(input_ids=ids)),
    )  # fmt: skip


def _draw():
    return torch.Generator().manual_seed(0)  # inputs alone; weights come from the seed


def _ids(count, rows, length):
    return torch.randint(1, count, (rows, length), generator=_draw())


def _arrays(**found):
    arrays = {name: np.asarray(value.detach()) for name, value in found.items()}
    return {n: a.astype(np.float32) if a.dtype == np.float64 else a for n, a in arrays.items()}


def _tower(width, **more):
    return dict(hidden_size=width, intermediate_size=20, num_hidden_layers=2, **more)


_TEXT = dict(vocab_size=29, max_position_embeddings=9)
_IMAGE = dict(image_size=SIDE, patch_size=8)
_CLIP = transformers.CLIPConfig(
    text_config=_tower(24, num_attention_heads=6, eos_token_id=28, **_TEXT),
    vision_config=_tower(24, num_attention_heads=4, **_IMAGE),
    projection_dim=12,
)
_SIGLIP = transformers.SiglipConfig(
    text_config=_tower(24, num_attention_heads=6, **_TEXT),
    vision_config=_tower(24, num_attention_heads=4, **_IMAGE),
)
_VQ = dict(
    act_fn="silu", latent_channels=6, num_vq_embeddings=11, vq_embed_dim=4, norm_num_groups=32,
    layers_per_block=1,
)  # fmt: skip
BASES = {
    "t5": Base(
        transformers.T5Config, transformers.T5EncoderModel, modeling_t5,
        transformers.T5Config(
            vocab_size=23, d_model=24, d_ff=20, num_layers=2, num_heads=3, d_kv=8,
            feed_forward_proj="gated-gelu", tie_word_embeddings=False,
        ), t5,
    ),
    "gpt2": Base(
        transformers.GPT2Config, transformers.GPT2LMHeadModel, modeling_gpt2,
        transformers.GPT2Config(vocab_size=23, n_embd=24, n_layer=2, n_head=4, n_positions=10,
                                bos_token_id=0, eos_token_id=0), gpt2,
    ),
    "vq": Base(
        diffusers.VQModel, diffusers.VQModel, inspect.getmodule(diffusers.VQModel),
        _VQ | dict(
            block_out_channels=[32, 64], mid_block_add_attention=False,
            down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
        ), vq,
    ),
    "vq_attention": Base(
        diffusers.VQModel, diffusers.VQModel, inspect.getmodule(diffusers.VQModel),
        _VQ | dict(
            block_out_channels=[32, 32], mid_block_add_attention=True,
            down_block_types=["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
            up_block_types=["AttnUpDecoderBlock2D", "UpDecoderBlock2D"],
        ), vq,
    ),
    "clip": Base(
        transformers.CLIPConfig, transformers.CLIPModel, modeling_clip, _CLIP, towers,
        {"text_config": transformers.CLIPTextConfig,
         "vision_config": transformers.CLIPVisionConfig},
    ),
    "siglip": Base(
        transformers.SiglipConfig, transformers.SiglipModel, modeling_siglip, _SIGLIP, towers,
        {"text_config": transformers.SiglipTextConfig,
         "vision_config": transformers.SiglipVisionConfig},
    ),
}  # fmt: skip
