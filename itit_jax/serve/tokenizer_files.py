"""A vocabulary as Hugging Face's AutoTokenizer opens it.

T5Tokenizer of transformers 5 takes every vocabulary for a unigram model: of a BPE one, as
data_pipelines.words.train learns it, it makes other ids without a word. A BPE vocabulary therefore
goes out as tokenizer.json too, and names the class that follows it.
"""

import base64
import json

from sentencepiece import sentencepiece_model_pb2

from data_pipelines.words.pieces import Pieces

BPE = 2  # TrainerSpec.ModelType
NORMAL, UNKNOWN, CONTROL = 1, 2, 3  # SentencePiece.Type
SPACE = "\u2581"


def tokenizer_files(words, length, masked=True):
    """Words, ids of the longest text -> {file name: bytes} of the folder tokenizer. masked: whether
    who reads the ids is told which are padding."""
    if not isinstance(words, Pieces):
        return words.files()  # as they were published, whose ids here are two higher
    (data,) = words.files().values()
    proto = sentencepiece_model_pb2.ModelProto.FromString(data)
    config = {
        "tokenizer_class": "T5Tokenizer",
        "pad_token": proto.pieces[0].piece,
        "eos_token": proto.pieces[1].piece,
        "unk_token": proto.pieces[proto.trainer_spec.unk_id].piece,
        "extra_ids": 0,  # no sentinels: nothing was trained on them
        "model_max_length": length,
    }
    if not masked:
        config["model_input_names"] = ["input_ids"]
    files = {"spiece.model": data}
    if proto.trainer_spec.model_type == BPE:
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
        files["tokenizer.json"] = _json(bpe(proto))
    return files | {"tokenizer_config.json": _json(config)}


def _json(tree):
    return (json.dumps(tree, indent=1, ensure_ascii=False) + "\n").encode()


def bpe(proto):
    """tokenizer.json of the tokenizers library for a BPE model; an end is added to every text."""
    special = [i for i, piece in enumerate(proto.pieces) if piece.type in (UNKNOWN, CONTROL)]
    spaces = {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_special(i, proto.pieces[i].piece) for i in special],
        "normalizer": _normalizer(proto.normalizer_spec),
        "pre_tokenizer": spaces,
        "post_processor": _ended(proto.pieces[1].piece),
        "decoder": spaces,
        "model": {
            "type": "BPE",
            "unk_token": proto.pieces[proto.trainer_spec.unk_id].piece,
            "fuse_unk": True,  # SentencePiece says one unknown for a run of them
            "byte_fallback": proto.trainer_spec.byte_fallback,
            "vocab": {piece.piece: i for i, piece in enumerate(proto.pieces)},
            "merges": merges(proto),
        },
    }


def merges(proto):
    """Every way to join two pieces to a third, the best third first (SentencePiece's greedy)."""
    scores = {piece.piece: piece.score for piece in proto.pieces if piece.type == NORMAL}
    found = [
        (-score, whole[:cut], whole[cut:])
        for whole, score in scores.items()
        for cut in range(1, len(whole))
        if whole[:cut] in scores and whole[cut:] in scores
    ]
    return [[left, right] for _, left, right in sorted(found)]


def _special(index, content):
    off = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": index, "content": content, **off, "special": True}


def _normalizer(spec):
    charsmap = base64.b64encode(spec.precompiled_charsmap).decode()
    steps = [{"type": "Precompiled", "precompiled_charsmap": charsmap}] if charsmap else []
    if spec.remove_extra_whitespaces:
        steps += [
            {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        ]
    return {"type": "Sequence", "normalizers": steps}


def _ended(end):
    """The template `text end`, or `text end text end` of a pair."""
    text = lambda name: {"Sequence": {"id": name, "type_id": 0}}
    stop = {"SpecialToken": {"id": end, "type_id": 0}}
    return {
        "type": "TemplateProcessing",
        "single": [text("A"), stop],
        "pair": [text("A"), stop, text("B"), stop],
        "special_tokens": {end: {"id": end, "ids": [1], "tokens": [end]}},
    }
