"""What a run computes and where, described before anything of it is allocated.

    program = describe(config)             # mesh, recipe, optimizer, state, frozen parts, batch
    compiled = program.lower().compile()   # the step that train runs, for these devices

Trainer, planner, ahead-of-time compiler and tests read the same description.
"""

import dataclasses
import functools
from typing import Any

import jax

from data_pipelines.errors import UserError
from itit_jax import optimizers, sharding, state
from itit_jax.recipes import base
from itit_jax.step import make_train_step


@dataclasses.dataclass(frozen=True)
class Program:
    """Trees of jax.ShapeDtypeStruct with shardings, and the functions between them."""

    config: Any
    recipe: base.Recipe
    optimizer: Any
    mesh: jax.sharding.Mesh
    state: state.TrainState  # of the trainable parts
    frozen: dict[str, Any]  # {part: parameters}, an input of the step
    batch: dict[str, dict[str, Any]]  # {stream: {array}} of one global step

    @functools.cached_property
    def train_step(self):
        """Jitted (state, frozen, batch) -> (state, metrics). The state that goes out lies as the
        one that comes in, so that a compiled step takes what it returned."""
        step = make_train_step(
            self.recipe,
            self.optimizer,
            seed=self.config.seed,
            ema_decay=self.config.optimizer.ema_decay,
            parts=self.config.train.accumulate,
        )
        out = (state.places(self.state), sharding.replicated(self.mesh))
        return jax.jit(step, donate_argnums=0, out_shardings=out)

    def on(self, mesh):
        """The same on another mesh, without asking the networks for their shapes again."""
        rules = self.config.mesh.rules
        return dataclasses.replace(
            self,
            mesh=mesh,
            state=state.placed_state(self.state, mesh, rules),
            frozen=state.placed(self.frozen, sharding.match(rules, self.frozen, mesh)),
            batch=_spread(self.config, self.recipe, mesh),
        )

    def lower(self):
        """The step as it is given to the compiler of these devices."""
        with jax.set_mesh(self.mesh):
            return self.train_step.lower(self.state, self.frozen, self.batch)

    def init(self, seed):
        """A fresh state, each leaf made where it belongs."""
        make = state.make_init(self.recipe, self.optimizer, self.state.ema is not None)
        return jax.jit(make, out_shardings=state.places(self.state))(jax.random.key(seed))


def describe(config, devices=None, mesh=None):
    """Program of a config on these devices, or on all that there are; or on a mesh, which may be
    abstract where nothing is to run."""
    size, rules = config.mesh, config.mesh.rules
    mesh = mesh or sharding.make_mesh(size.data, size.fsdp, size.tensor, devices=devices)
    recipe = base.find(config)
    optimizer = optimizers.make(config.optimizer, config.train.steps)
    parts = state.abstract_parts(recipe, mesh, rules)
    return Program(
        config=config,
        recipe=recipe,
        optimizer=optimizer,
        mesh=mesh,
        state=state.abstract_state(
            recipe, optimizer, bool(config.optimizer.ema_decay), mesh, rules
        ),
        frozen={name: part for name, part in parts.items() if name not in recipe.trainable},
        batch=_spread(config, recipe, mesh),
    )


def _spread(config, recipe, mesh):
    ways, parts = mesh.shape["data"] * mesh.shape["fsdp"], config.train.accumulate
    for name, count in base.rows(recipe).items():
        if count % (ways * parts):
            each = f"the {ways} devices of mesh.data x mesh.fsdp"
            each += f" in train.accumulate={parts} parts" if parts > 1 else ""
            raise UserError(
                f"data.rows.{name} is {count}, which does not divide over {each}; choose a "
                f"multiple of {ways * parts}, or another mesh."
            )
    rows = sharding.batch_sharding(mesh)
    return state.placed(recipe.batch_spec, jax.tree.map(lambda _: rows, recipe.batch_spec))
