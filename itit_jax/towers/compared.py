"""Whether config.json beside CLIP or SigLIP is of the towers that their tensors are taken for."""

from itit_jax.models.towers import ImageTower, TextTower
from itit_jax.towers.pixels import is_number
from itit_jax.towers.sections import OPEN_CLIP, SECTIONS, is_whole, of_tower, section
from itit_jax.towers.settings import CLIP_DEFAULTS, OLD_END, SIGLIP_DEFAULTS, USUAL_END
from itit_jax.weights.containers.find import read_config
from itit_jax.weights.settings import Said, compare, refused

ASIDE = {"projection_dim", "projection_size"}  # where the other family's, or said of both towers
WHOLE = {*SECTIONS.values(), "text_config_dict", "vision_config_dict", "logit_scale_init_value"}


def check(path, kind, image: ImageTower | None, text: TextTower | None):
    """Refuses settings of transformers or open_clip that are not those of these towers."""
    if kind == "open_clip":
        _check_open_clip(path, image, text)
    if kind not in ("clip", "siglip"):
        return
    config = read_config(path)
    for name, tower in (("image", image), ("text", text)):
        if tower:
            ours, said = (_image if name == "image" else _text)(kind, tower, is_whole(config))
            for each in _told(path, kind, config, name):
                compare(path, each, ours, said, ASIDE)
    if is_whole(config):
        features = {"projection_dim": (image or text).features} if kind == "clip" else {}
        top = Said({"model_type": kind} | dict.fromkeys(features, 512))
        compare(path, config, {"model_type": kind} | features, top, WHOLE)


def _check_open_clip(path, image, text):
    """Only what is said: a file of a few words may have been written by hand."""
    config = section(path, OPEN_CLIP, read_config(path, OPEN_CLIP), "model_cfg")
    told = [("model_cfg", config, {"embed_dim": (image or text).features})]
    if image:
        said = section(path, OPEN_CLIP, config, "vision_cfg")
        ours = {"image_size": image.size, "patch_size": image.patch}
        told.append(("vision_cfg", said, ours | _open_clip_sizes(image, said)))
    if text:
        said = section(path, OPEN_CLIP, config, "text_cfg")
        ours = {"context_length": text.length, "vocab_size": text.vocabulary_size}
        told.append(("text_cfg", said, ours | _open_clip_sizes(text, said)))
    for name, said, ours in told:
        for key in ours.keys() & said.keys():
            if said[key] not in (ours[key], [ours[key]] * 2):
                raise refused(path, f"{name}.{key}", said[key], f"is {ours[key]} here", OPEN_CLIP)


def _open_clip_sizes(tower, said):
    ratio = said.get("mlp_ratio")  # 4.9231 where it is 8192 / 1664
    if not is_number(ratio) or int(tower.width * ratio) != tower.mlp_width:
        ratio = tower.mlp_width / tower.width
    return {"width": tower.width, "layers": tower.depth, "mlp_ratio": ratio}


def _told(path, kind, config, name):
    """The settings of a tower. CLIP's may be there twice, and those under the older name win."""
    yield of_tower(path, config, name)
    again = section(path, "config.json", config, f"{SECTIONS[name]}_dict")
    if again and kind == "clip" and is_whole(config):
        yield again


def _image(kind, tower, whole):
    ours, said = _shared(kind, tower, "image", whole)
    ours |= {"num_channels": 3, "image_size": tower.size, "patch_size": tower.patch}
    said |= {"num_channels": 3, "image_size": 224, "patch_size": 32 if kind == "clip" else 16}
    if kind == "clip":
        return ours, Said(said)
    return ours | {"vision_use_head": True}, Said(said | {"vision_use_head": True})


def _text(kind, tower, whole):
    ours, said = _shared(kind, tower, "text", whole)
    ours |= {"vocab_size": tower.vocabulary_size, "max_position_embeddings": tower.length}
    if kind == "siglip":
        said |= {"vocab_size": 32000, "max_position_embeddings": 64, "projection_size": None}
        return ours | {"projection_size": tower.features}, Said(said)
    said |= {"vocab_size": 49408, "max_position_embeddings": 77, "eos_token_id": USUAL_END}
    old = {"eos_token_id": (OLD_END,)} if tower.end == tower.vocabulary_size - 1 else {}
    return ours | {"eos_token_id": tower.end}, Said(said, old)


def _shared(kind, tower, name, whole):
    """-> ({setting: ours}, {setting: what the library takes where it is left out})."""
    heads, activation, epsilon = CLIP_DEFAULTS if kind == "clip" else SIGLIP_DEFAULTS
    narrow = kind == "clip" and name == "text"
    ours = {
        "model_type": f"{kind}_{'vision' if name == 'image' else 'text'}_model",
        **sizes(tower),
    }
    said = {
        "model_type": ours["model_type"],
        "hidden_size": 512 if narrow else 768,
        "intermediate_size": 2048 if narrow else 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": heads[name],
        "hidden_act": activation,
        "layer_norm_eps": epsilon,
    }
    if kind == "clip" and not whole and tower.features:
        ours, said = ours | {"projection_dim": tower.features}, said | {"projection_dim": 512}
    return ours, said


def sizes(tower):
    """What config.json calls the sizes of a tower."""
    return {
        "hidden_size": tower.width,
        "intermediate_size": tower.mlp_width,
        "num_hidden_layers": tower.depth,
        "num_attention_heads": tower.heads,
        "hidden_act": tower.activation,
        "layer_norm_eps": tower.epsilon,
    }
