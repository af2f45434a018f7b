"""The command `swarm`: wiring only. Each command's body lives in its room and is imported when it is called.

Exit codes: 0 done, 1 a check failed, 2 an error with its remedy (no traceback), 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from . import __version__
from .backend import progress
from .bench.request import Request
from .bench.trial import Trial
from .errors import SwarmError
from .options import Overrides, Runs, Scene, Shown, Training

app = App(
    name="swarm",
    version=__version__,
    help="Agents that are born, think with their own neural networks, and die; the same seed gives the same run.",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    default_parameter=Parameter(negative=(), consume_multiple=True),
)
bench = App(name="bench", help="Measure against the machine's own roof: validated, warmed, interleaved.")
train = App(name="train", help="Train a population of networks at once.")
app.command(bench)
app.command(train)


Of = Annotated[Scene, Parameter(name="*")]
Recorded = Annotated[Runs, Parameter(name="*")]
Seen = Annotated[Shown, Parameter(name="*")]
Set = Annotated[Overrides, Parameter(name="*")]
Asked = Annotated[Request, Parameter(name="*")]
Tried = Annotated[Trial, Parameter(name="*")]
Learned = Annotated[Training, Parameter(name="*")]


@app.command
def demo(
    scene: str = "foragers",
    *,
    with_: Of = Scene(),
    ticks: int | None = None,
    headless: bool = False,
    screenshot: Path | None = None,
    record: Path | None = None,
    shown: Seen = Shown(),
) -> int | None:
    """Show a scene: a window where there is a screen, live statistics where there is none.

    Parameters
    ----------
    scene
        A shipped scene, your own file (my_world.py) or package.module:name.
    ticks
        Stop after so many ticks.
    headless
        Live statistics instead of a window.
    screenshot
        Draw the last tick into this PNG file and stop (after 600 ticks unless --ticks says otherwise).
    record
        A video (F.mp4) of what is shown, or one page (F.html) that plays in any browser, where a click opens a mind.
        With --headless without a window; then it stops after 600 ticks unless --ticks says otherwise.
    """
    from . import demo as room

    return room.show(
        scene, with_.values(), ticks=ticks, headless=headless, screenshot=screenshot, record=record, shown=shown
    )


@app.command
def run(
    scene: str | None = None,
    *,
    with_: Of = Scene(),
    ticks: int,
    save: Path | None = None,
    every: int | None = None,
    resume: Path | None = None,
    overwrite: bool = False,
    table: Recorded = Runs(),
) -> int | None:
    """Run a scene to a tick, saving on the way; a killed run goes on from its last save and ends at the same hash.

    With --out the run is recorded in a folder: settings, versions, statistics, a log of hashes, snapshots.

    Parameters
    ----------
    scene
        A shipped scene, your own file or package.module:name. Not needed with --resume.
    ticks
        The tick to reach, counted from the world's birth (a resumed run counts on).
    save
        Write the world to this file at the end, on Ctrl-C, and every K ticks with --every K.
    every
        Save every K ticks; with --out, where that is 500 by default, log the hash, too.
    resume
        Go on from this file.
    overwrite
        Let --save replace a file that is there already.
    """
    if table.out is not None:
        from .runs import command

        command.refuse({"save": save, "resume": resume, "overwrite": overwrite})
        return command.command(scene, with_.values(), ticks=ticks, every=every, **table.given())
    from . import run as room

    room.refuse(table.given())
    return room.run(scene, with_.values(), ticks=ticks, save=save, every=every, resume=resume, overwrite=overwrite)


@app.command
def check(scene: str = "foragers", *, with_: Of = Scene(), ticks: int = 200) -> int | None:
    """Run a scene twice, on one and more threads, permuted, saved and loaded; name the first thing that differs.

    Parameters
    ----------
    scene
        A shipped scene, your own file or package.module:name.
    ticks
        How far.
    """
    from .scenes import repeat

    return repeat.check(scene, ticks=ticks, **with_.values())


@app.command
def verify(run: Path, *, ticks: int | None = None, start: int | None = None, threads: int | None = None) -> int | None:
    """Make a part of a recorded run again, and compare hashes with its log.

    Parameters
    ----------
    run
        The folder of the run, D/<run>.
    ticks
        How many ticks; by default until the next snapshot.
    start
        Begin at the last snapshot at or before this tick; by default the newest with a hash behind it.
    threads
        Processor threads; all of them by default.
    """
    from .runs import verify as room

    return room.command(run, ticks, start, threads)


@app.command
def plan(scene: str = "foragers", *, with_: Of = Scene(), roof: float | None = None) -> int | None:
    """Bytes per column, agent and tick, and the ticks/s that memory allows, before anything is allocated.

    Parameters
    ----------
    scene
        A shipped scene, your own file or package.module:name.
    roof
        Read bandwidth in GB/s; measured in a few seconds when it is not given.
    """
    from . import plan as room

    return room.command(scene, with_.values(), roof=roof)


@app.command
def settings(scene: str = "foragers") -> int | None:
    """What can be set in a scene: default, unit, range and meaning of every setting.

    Parameters
    ----------
    scene
        A shipped scene, your own file or package.module:name.
    """
    from .scenes import listing

    return listing.command(scene)


@app.command
def new(file: Path, *, force: bool = False) -> int | None:
    """Write a short scene that runs, to begin your own from.

    Parameters
    ----------
    file
        Where to, such as my_world.py.
    force
        Replace a file that is there already.
    """
    from .scenes import new as room

    return room.command(file, force)


@app.command
def info() -> int | None:
    """What this machine offers: backends, threads, GPU, window, caches, data, clashes; each with its remedy."""
    from . import info as room

    return room.command()


@app.command
def assay(
    scene: str = "foragers", *, with_: Of = Scene(), ticks: int | None = None, json: Path | None = None
) -> int | None:
    """Have the brains of an evolved run more skill than those of a neutral run? Measured in a common garden.

    Parameters
    ----------
    scene
        A shipped scene, your own file or package.module:name, with a `garden` and an `intake`.
    ticks
        Length of the evolved and of the neutral run.
    json
        Write the result here, too.
    """
    from .evolve import assay as room

    return room.command(scene, with_.values(), ticks=ticks, json=json)


@bench.command(name="think")
def bench_think(
    *,
    with_: Asked = Request(),
    layers: tuple[str, ...] | None = None,
    dtype: tuple[Literal["float32", "bfloat16", "float16", "float64"], ...] = ("float32", "bfloat16"),
    aged: int = 2000,
    tiles: bool = False,
) -> int | None:
    """Own-weight inference against reading the parameters once.

    Parameters
    ----------
    layers
        Architectures, such as 16-32-4.
    dtype
        How parameters are stored.
    aged
        Measure again after so many ticks of births and deaths; 0 leaves it out.
    tiles
        On CUDA: measure every number of lanes a brain may get, and name the fastest.
    """
    if tiles:
        from .bench import tiles as room

        return room.command(with_, layers=layers or (), dtypes=dtype)
    from .bench import think

    return think.command(with_, layers=layers or (), dtypes=dtype, aged=aged)


@bench.command(name="neighbours")
def bench_neighbours(*, with_: Asked = Request(), neighbours: float | None = None, circles: bool = False) -> int | None:
    """Cell ids, ordered sort, gather and flocking sums over positions that moved.

    Parameters
    ----------
    neighbours
        How many others are within the radius, on average; 17, with --circles 204.
    circles
        The size of FLAME GPU 2's case of that name, 1,000,000 agents, and whole steps as well.
    """
    from .bench import neighbours as room

    return room.command(with_, neighbours=neighbours, circles=circles)


@bench.command(name="pairs")
def bench_pairs(*, with_: Asked = Request(), neighbours: float = 17.0) -> int | None:
    """Pair functions of a user's against a built-in sense of eight sectors.

    Parameters
    ----------
    neighbours
        How many others are within the radius, on average.
    """
    from .bench import pairs as room

    return room.command(with_, neighbours=neighbours)


@bench.command(name="spawn")
def bench_spawn(
    *,
    with_: Asked = Request(),
    changes: int | None = None,
    brains: tuple[str, ...] | None = None,
    dtype: Literal["float32", "bfloat16", "float16", "float64"] = "float32",
) -> int | None:
    """Births and deaths in one table, barrier included.

    Parameters
    ----------
    changes
        Births, and as many deaths; a tenth of the table by default.
    brains
        Measure again with own brains of these architectures, such as 16-32-4: copied and mutated.
    dtype
        How their parameters are stored.
    """
    from .bench import spawn

    return spawn.command(with_, changes=changes, brains=brains or (), dtype=dtype)


@bench.command(name="tick")
def bench_tick(
    scene: str = "foragers",
    *,
    with_: Asked = Request(),
    of: Set = Overrides(),
    ticks: int | None = None,
    aged: int = 2000,
    draw: bool = False,
) -> int | None:
    """A whole tick at three rates: world only; with senses and brains; with drawing.

    Parameters
    ----------
    scene
        A shipped scene, your own file or package.module:name.
    ticks
        Timed ticks.
    aged
        Ticks of births and deaths before the clock starts.
    draw
        Measure the rate with drawing, too (needs the extra `view`).
    """
    from .bench import tick

    frame = None
    if draw:
        from .render import Drawer

        frame = Drawer
    return tick.command(with_, scene=scene, settings=of.values(), ticks=ticks, aged=aged, frame=frame)


@bench.command(name="draw")
def bench_draw(*, with_: Asked = Request()) -> int | None:
    """Pictures of 10,000 to 1,000,000 agents off the screen: frames, bytes sent, our Python, picking one."""
    from .bench import draw
    from .render import Drawer

    return draw.command(with_, Drawer)


@bench.command(name="worlds")
def bench_worlds(
    *,
    with_: Asked = Request(),
    scene: str = "foragers",
    worlds: int = 1024,
    ticks: int | None = None,
    aged: int = 200,
    set: Annotated[tuple[str, ...] | None, Parameter(consume_multiple=False)] = None,
) -> int | None:
    """A tick of many small worlds in one against a tick of one world of as many agents; --agents says how many each.

    Parameters
    ----------
    scene
        A shipped scene, your own file or package.module:name.
    worlds
        How many.
    ticks
        Timed ticks.
    aged
        Ticks of births and deaths before the clock starts.
    set
        A setting of the scene, key=value; may be repeated.
    """
    from .bench import worlds as room
    from .config import pairs

    return room.command(with_, scene=scene, settings=pairs(set or ()), worlds=worlds, ticks=ticks, aged=aged)


@bench.command(name="train")
def bench_train(*, with_: Tried = Trial(), samples: int | None = None) -> int | None:
    """SGD on 256 networks 784-32-10 against sgemm, PyTorch and JAX; what fit holds in memory.

    Parameters
    ----------
    samples
        Of MNIST's training images, an epoch of which ours trains; all by default.
    """
    from .bench import train

    return train.command(with_, samples=samples)


@bench.command(name="turbanet")
def bench_turbanet(*, with_: Tried = Trial(), many: int | None = None) -> int | None:
    """TurbaNet's experiment: 50 networks 784-64-32-10 on MNIST, Adam, each on its own bootstrap.

    Parameters
    ----------
    many
        Networks of a large population, whose cost is compared with the 50; 5,000 by default, 0 leaves it out.
    """
    from .bench import turbanet

    return turbanet.command(with_, many=many)


@bench.command(name="whitney")
def bench_whitney(*, with_: Tried = Trial(), layers: tuple[str, ...] | None = None) -> int | None:
    """Whitney's experiment: two spirals, 100 networks in the time of one, Adam, 100 steps.

    Parameters
    ----------
    layers
        Architectures, such as 2-32-2.
    """
    from .bench import whitney

    return whitney.command(with_, layers=layers or ())


@bench.command(name="parallelmlps")
def bench_parallelmlps(
    *,
    with_: Tried = Trial(),
    features: tuple[int, ...] | None = None,
    batch: tuple[int, ...] | None = None,
    widths: int | None = None,
    repetitions: int | None = None,
    samples: int | None = None,
    mnist: bool = False,
    plot: Path | None = None,
) -> int | None:
    """ParallelMLPs' experiment: 10,000 different networks at once, an epoch of 10,000 samples.

    Parameters
    ----------
    features
        Inputs, such as 5 100; 5 by default.
    batch
        Samples in a step, such as 32 256; 32 by default.
    widths
        Hidden widths 1 to this; 100 by default, with --mnist 50.
    repetitions
        Networks of each width and activation; 10 by default, with --mnist 5.
    samples
        Of an epoch; 10,000 by default, with --mnist all.
    mnist
        Their demonstration instead: 1,000 networks 784-h-10 on MNIST.
    plot
        With --mnist: draw accuracy against width into this file.
    """
    if mnist:
        from .bench import parallelmlps_mnist

        return parallelmlps_mnist.command(with_, widths, repetitions, samples, plot)
    from .bench import parallelmlps

    return parallelmlps.command(with_, features or (), batch or (), widths, repetitions, samples)


@train.command(name="mnist")
def train_mnist(*, with_: Learned = Training(), data: Path | None = None) -> int | None:
    """60,000 handwritten digits of 28x28 pixels; 10,000 more test.

    Parameters
    ----------
    data
        The folder with the four files; else SWARM_DATA_DIR, the cache, a download.
    """
    from .train import command

    return command.run("mnist", **with_.given(), data=data)


@train.command(name="digits")
def train_digits(*, with_: Learned = Training()) -> int | None:
    """1,797 handwritten digits of 8x8 pixels, shipped with the engine: no download."""
    from .train import command

    return command.run("digits", **with_.given())


@app.command
def mgrit(
    problem: Literal["xor", "addition"] = "xor",
    *,
    steps: int | None = None,
    cycle: Literal["two-level", "V", "F", "W", "parareal"] | None = None,
    rule: Literal["naive", "doubled", "serialised", "slow"] | None = None,
    rate: float | None = None,
    max_rate: float | None = None,
    coarsening: tuple[int, ...] | None = None,
    relaxation: str | None = None,
    start: Literal["zero", "coarse", "nested"] | None = None,
    dtype: Literal["float64", "float32"] | None = None,
    tolerance: float | None = None,
    iterations: int | None = None,
    lanes: int | None = None,
    seed: int | None = None,
    seeds: int | None = None,
    backend: Literal["cpu", "reference"] | None = None,
    threads: int | None = None,
    table: bool = False,
    speedup: bool = False,
    json: Path | None = None,
    plot: Path | None = None,
) -> int | None:
    """Solve for all steps of a training at once (multigrid reduction in time), beside the published iterations.

    Parameters
    ----------
    problem
        Schroder's experiments: exclusive or, or the addition of 12-bit numbers.
    steps
        How many steps of gradient descent (400); with --table the most.
    cycle
        How levels are visited (two-level).
    rule
        How long steps are on coarse levels (doubled).
    rate
        The length of a step; the problem's own by default.
    max_rate
        The longest step of any level; for XOR with V, F or W 8.
    coarsening
        Steps that a step of the next level stands for (2); several numbers: level by level.
    relaxation
        F, FCF (the default), FCFCF, F(CF)^3, ...
    start
        What the iteration begins with (zero).
    dtype
        The arithmetic (float64).
    tolerance
        Of the residual, per square root of a step; 1e-9 in float64.
    iterations
        At most so many (50).
    lanes
        Networks in one launch; all that may by default.
    seed
        Of the weights and, for the addition, of the numbers (1).
    seeds
        Solve for so many seeds, from --seed on, and tell the spread.
    backend
        cpu or reference.
    threads
        Processor threads; all of them by default.
    table
        Every row and number of steps that was published.
    speedup
        Measure serial training against MGRIT, over the steps and the lanes.
    json
        Write the figures here, too.
    plot
        Draw the residuals into this .png, .pdf or .svg file.
    """
    from .train.mgrit import command

    return command.run(
        problem, steps=steps, cycle=cycle, rule=rule, rate=rate, max_rate=max_rate, coarsening=coarsening,
        relaxation=relaxation, start=start, dtype=dtype, tolerance=tolerance, iterations=iterations, lanes=lanes,
        seed=seed, seeds=seeds, backend=backend, threads=threads, table=table, measure=speedup, json=json, plot=plot,
    )  # fmt: skip


def main(words: Sequence[str] | None = None) -> None:
    """The entry point of the console command: runs it and leaves with its exit code."""
    sys.exit(call(sys.argv[1:] if words is None else words))


def call(words: Sequence[str]) -> int:
    """Run one command line; returns the exit code, prints what a user must know."""
    try:
        with progress.shown():
            return int(app(list(words), exit_on_error=False, print_error=False) or 0)
    except (SwarmError, CycloptsError) as error:
        notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))  # which system, at which tick
        _say(f"[bold red]Error[/]  {_escape(_in_a_scene(error) or f'{error}{notes}')}")
        return 2
    except MemoryError as error:
        _say(f"[bold red]Error[/]  Out of memory. {_escape(str(error))} `swarm plan` says beforehand what fits.")
        return 2
    except KeyboardInterrupt as stop:
        _say(f"Stopped. {_escape(str(stop))}".strip())
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        told = _in_a_scene(error)
        if told is None:
            raise
        _say(f"[bold red]Error[/]  {_escape(told)}")
        return 2


def _in_a_scene(error: Exception) -> str | None:
    """The message of an error that arose in a scene file of the user's, with the line; None for any other."""
    blame = sys.modules.get(f"{__package__}.scenes.blame")  # not loaded: no scene is to blame
    return None if blame is None else blame.told(error)


def _say(text: str) -> None:
    from rich.console import Console

    Console(stderr=True, soft_wrap=True).print(text, highlight=False)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
