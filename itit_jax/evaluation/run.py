"""Scores a run: held-out losses, and what the scorers make of its drawings and captions.

python -m itit_jax.main --mode=eval --workdir=RUN
"""

from data_pipelines.errors import UserError
from itit_jax import companions, compiled, inputs, parts
from itit_jax.cadence import due
from itit_jax.evaluation import best_of
from itit_jax.evaluation.rows import answer_rows, score_rows
from itit_jax.evaluation.scorers import SCORERS
from itit_jax.recipes import base
from itit_jax.report import told
from itit_jax.screen import Screen
from itit_jax.workdir import Workdir


def run(config, workdir):
    """--mode=eval: scores the newest checkpoint of `workdir` into its eval.json."""
    compiled.keep(config.compile_cache)
    recipe, screen, place = base.find(config), Screen(), Workdir(workdir)
    check_data(config, place)
    params, step = parts.restore_params(recipe, config, workdir)
    with screen.phase(f"evaluating step {step}"):
        scores = evaluate(config, recipe, params)
    place.keep_scores(step, scores)
    for line in told(scores):
        screen.say(line)
    return 0


def check_data(config, run):
    """Refuses another data set or vocabulary than the run was trained with, wherever it lies."""
    found = {"dataset": inputs.dataset_digest(config)}
    if "vocabulary" in run.companions():
        found["vocabulary"] = inputs.open_vocabulary(config).digest
    companions.check(run, found)


def evaluate(config, recipe, params, *, done=None, most=None):
    """{split: {score: number}} after `done` steps, by the scorers that are due then (by default
    all that are asked for), of at most `most` examples (by default evaluate.examples)."""
    total = config.train.steps
    if config.evaluate.best_of > 1:
        best_of.judge_of(config.evaluate.judge)  # what is no judge is told before the work
    scorers = [
        scorer
        for scorer in SCORERS
        if scorer.asked(config)
        and (done is None or not scorer.every(config) or due(done, scorer.every(config), total))
    ]
    check_answers(config, recipe)
    count = min(most or config.evaluate.examples, config.evaluate.examples)
    return {
        split: evaluate_split(config, recipe, params, split, count, scorers)
        for split in config.evaluate.splits
    }


def evaluate_split(config, recipe, params, split, count, scorers):
    """{score: number}, with `_low` and `_high` where there is an interval."""
    examples = inputs.held_out(config, split, count)
    if "question" in examples:
        results = answer_rows(recipe, params, examples)
    else:
        results = score_rows(recipe, params, examples)
    if config.evaluate.best_of > 1 and "drawn" in results:
        results |= best_of.choose(recipe, params, examples, results["drawn"], config.evaluate)
    scores = {"examples": len(examples["keys"])}
    for scorer in scorers:
        scores |= scorer.score(results, examples, config)
    return scores


def check_answers(config, recipe):
    """UserError if a split of questions is to be scored and nobody answers them."""
    asked = [split for split in config.evaluate.splits if inputs.asks(split)]
    if asked and not isinstance(recipe, base.Answers):
        raise UserError(
            f"evaluate.splits asks for {asked[0]}, and the recipe {config.recipe} answers no "
            "questions; take it out."
        )
