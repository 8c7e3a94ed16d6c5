"""METEOR and SPICE: asked where they are, and why not where they do not answer.

The programs are stood in for, as a test must run without Java; what they are given and what is
made of it is ours.
"""

import json

import pytest

from itit_jax.evaluation import captions, java_scorers

# Lower case, and full stops dropped as the scorers do; METEOR that likes one dog of two.
JAVA = """#!/bin/sh
case "$*" in
*PTBTokenizer*) tr 'A-Z' 'a-z' ;;
*meteor*) while read -r what rest; do
    echo "$what $rest" >> "$0.given"
    if [ "$what" = SCORE ]; then echo "1 2 3"; else printf '1.0\\n0.0\\n0.5\\n'; fi
  done ;;
*spice*) while [ "$1" != -out ]; do shift; done
  printf '[{"image_id": 1, "scores": {"All": {"f": 0.0}}},' > "$2"
  echo '{"image_id": 0, "scores": {"All": {"f": 0.5}}}]' >> "$2" ;;
esac
"""
TEXTS = ["A dog", "bikes"], [["a dog", "one dog"], ["Two men"]]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder that is first on the paths of programs and packages; its Java is a function."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("LC_ALL", "C")
    (tmp_path / "pycocoevalcap").mkdir()
    (tmp_path / "pycocoevalcap" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    put_java(tmp_path, JAVA)
    return tmp_path


def put_java(folder, program):
    (folder / "java").write_text(program)
    (folder / "java").chmod(0o755)


def put_models(folder):
    models = folder / "pycocoevalcap" / java_scorers.MODELS
    models.parent.mkdir(parents=True)
    models.touch()


def test_without_java_both_say_what_to_install(installed, monkeypatch):
    (installed / "java").unlink()
    monkeypatch.setenv("PATH", str(installed))
    found = java_scorers.score(*TEXTS)
    assert found["METEOR"] == found["SPICE"]
    assert "install Java and pycocoevalcap" in found["METEOR"]["missing"]


def test_meteor_is_given_tokens_and_its_own_counts(installed):
    found = java_scorers.score(*TEXTS)
    assert found["METEOR"] == {"score": 0.5, "items": [1, 0], "signature": "meteor:1.5-java|n:2"}
    assert (installed / "java.given").read_text().splitlines() == [
        "SCORE ||| a dog ||| one dog ||| a dog", "SCORE ||| two men ||| bikes",
        "EVAL ||| 1 2 3 ||| 1 2 3",
    ]  # fmt: skip
    assert java_scorers.MODELS in found["SPICE"]["missing"]


def test_spice_is_the_f_score_of_all_tuples_in_any_order(installed):
    put_models(installed)
    found = java_scorers.score(*TEXTS)["SPICE"]
    assert found == {"score": 0.25, "items": [0.5, 0], "signature": "spice:1.0-java|n:2"}


@pytest.mark.parametrize(
    "end", ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"]
)
def test_no_text_is_taken_for_two(end, installed):
    assert java_scorers.tokens([f"A{end}dog", "B"]) == ["a dog", "b"]


@pytest.mark.parametrize(
    "program, told",
    [
        ("echo gone >&2; exit 3", "METEOR ended with the exit code 3: gone"),
        ("exec sleep 60", "METEOR did not end within 1 seconds"),
        ("echo 1 2 3", "METEOR gave 1 lines and not 2"),
        ("while read -r line; do echo; echo; done", "METEOR gave 4 lines and not 2"),
        ("while read -r line; do echo x; done", "METEOR gave 1 lines and not 3"),
        ("exit 0", "METEOR gave 0 lines and not 2"),
    ],
)
def test_a_program_that_fails_costs_its_own_score_only(program, told, installed, monkeypatch):
    put_java(installed, JAVA.replace("*meteor*)", f"*meteor*) {program} ;;\n*never*)"))
    put_models(installed)
    monkeypatch.setattr(java_scorers, "START", 0.5)
    monkeypatch.setattr(java_scorers, "EACH", 0.25)
    found = java_scorers.score(*TEXTS)
    assert found["METEOR"] == {"missing": told} and found["SPICE"]["score"] == 0.25


def test_a_java_that_cannot_start_is_told(installed, monkeypatch):
    monkeypatch.setenv("PATH", str(installed))
    put_java(installed, "no program")
    found = java_scorers.score(*TEXTS)
    assert found["METEOR"]["missing"].startswith("Java cannot be started")


def test_other_scores_stand_beside_and_official_tokens_may_be_asked_for(installed, capsys):
    for name, texts in (("h", ["A dog", "bikes"]), ("r", ["a dog", "Two men"])):
        rows = [{"image_id": i, "caption": text} for i, text in enumerate(texts)]
        (installed / name).with_suffix(".json").write_text(json.dumps(rows))
    command = [str(installed / "h.json"), str(installed / "r.json"), "--tokenizer=official"]
    assert captions.main(command) == 0
    assert "bleu_1:ptb-java|refs:1|n:2" in capsys.readouterr().out
    put_java(installed, "#!/bin/sh\nexit 1")
    assert captions.main(command) == 2
    assert "--tokenizer=official cannot be had: Stanford's tokenizer" in capsys.readouterr().err
    assert captions.main(command[:2]) == 0
    printed = capsys.readouterr().out
    assert "Bleu_1" in printed and "METEOR   not measured: Stanford's tokenizer ended" in printed
