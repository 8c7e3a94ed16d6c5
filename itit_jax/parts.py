"""Whence the parts of a model come: a fresh start, runs, published weights."""

import jax
import jax.numpy as jnp

from data_pipelines.errors import UserError
from itit_jax import companions, retold, sharding, state
from itit_jax.checkpoints import Checkpoints
from itit_jax.recipes import base
from itit_jax.start import start_from
from itit_jax.weights import load as weights
from itit_jax.workdir import MEANS_FILE, Workdir


def begin(program, seed, stands_on=None, say=print):
    """A fresh state, each leaf made where it belongs; trained parts start from the weights that
    the recipe names for them, or from the model of model.start_from.

    stands_on: {name: hash} of what the run stands on. say: hears what was taken from where.
    """
    fresh = program.init(seed)
    for name in program.recipe.trainable:
        if source := program.recipe.weights_from.get(name, ""):
            abstract = program.state.params[name]
            fresh.params[name] = load_part(program.recipe, source, name, abstract)
        elif whole := getattr(program.recipe, "copies", {}).get(name, ""):
            frozen = load_frozen(program.recipe, {whole: program.frozen[whole]})[whole]
            fresh.params[name] = piece(frozen, program.state.params[name])
        else:
            continue
        if fresh.ema is not None:
            fresh.ema[name] = jax.tree.map(jnp.copy, fresh.params[name])
    if source := program.config.model.start_from:
        start_from(source, program, fresh, stands_on or {}, say)
    return fresh


def load_frozen(recipe, abstract):
    """Frozen parts from the runs or files that hold them; abstract: {part: tree}."""
    frozen = {}
    for name, tree in abstract.items():
        if name == base.MEANS:
            continue  # of data, see load_means
        source = recipe.weights_from.get(name, "")
        if not source:
            raise UserError(
                f"{name} is frozen but nothing names its weights; "
                f"set --config.{name}.weights, or --config.{name}.trainable=true."
            )
        frozen[name] = load_part(recipe, source, name, tree)
    return frozen


def piece(tree, abstract):
    """The leaves of `abstract` out of a tree that has them and others, each where it belongs."""
    if isinstance(abstract, dict):
        return {name: piece(tree[name], inner) for name, inner in abstract.items()}
    return jax.device_put(tree, abstract.sharding)


def load_means(run, abstract):
    """{"means": {name: [d]}} as the run keeps them; {} of a recipe without."""
    if base.MEANS not in abstract:
        return {}
    found, wanted = run.means(), abstract[base.MEANS]
    if found.keys() != wanted.keys() or any((len(found[n]),) != wanted[n].shape for n in wanted):
        raise UserError(
            f"{run} does not hold the means that it was trained with; put its {MEANS_FILE} back, "
            "or take another workdir."
        )
    place = lambda name: jnp.asarray(found[name], wanted[name].dtype, device=wanted[name].sharding)
    return {base.MEANS: {name: place(name) for name in wanted}}


def load_part(recipe, source, name, abstract):
    """One part from a run's workdir or from published weights."""
    run = Workdir(source)
    if not run.local or run.checkpoints.exists():  # a bucket holds runs alone
        return load_trained(source, name, abstract)
    if isinstance(recipe, base.Loads) and name in recipe.loads:
        return recipe.loads[name](source, abstract)
    return weights.load(source, abstract, part=name)


def load_trained(workdir, name, abstract, step=None):
    """One part of a checkpoint of a run, by default the newest; its average where there is one."""
    run = Workdir(workdir)
    section = "ema" if run.config().optimizer.ema_decay else "params"
    return Checkpoints(run).restore_part(section, name, abstract, step)


def abstract_local(recipe, rules):
    """{part: tree} of every part on local devices, for scoring and serving."""
    return state.abstract_parts(recipe, sharding.make_mesh(devices=jax.local_devices()), rules)


def restore_params(recipe, config, workdir, step=None):
    """-> (parameters of every part, step) of a run, for scoring and serving on local devices; of
    the newest checkpoint or of one that is named."""
    abstract, run = abstract_local(recipe, config.mesh.rules), Workdir(workdir)
    # Asked once: beside a live run it soon is another one.
    step = step or Checkpoints(run).whole_step()
    trained = {name: load_trained(run, name, abstract[name], step) for name in recipe.trainable}
    rest = {name: part for name, part in abstract.items() if name not in recipe.trainable}
    frozen = load_frozen(recipe, rest) | load_means(run, rest)
    companions.check(run, companions.of(frozen) | retold.told(recipe))
    return trained | frozen, step
