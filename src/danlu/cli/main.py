"""The command ``danlu``. Commands import what they need when they are called, so that help comes at once."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Annotated

import click
import typer

from danlu.cli.chat import chat
from danlu.cli.classify import classify
from danlu.cli.data import app as data
from danlu.cli.diagnose import diagnose
from danlu.cli.models import app as models
from danlu.cli.options import JsonOption, QuietOption, WorkspaceOption
from danlu.cli.serve import serve
from danlu.cli.trace import app as trace
from danlu.errors import Stopped, UserError
from danlu.settings import DEFAULT_WORKSPACE

INTERRUPTED = 130
"""Exit status after Ctrl-C."""

app = typer.Typer(
    name="danlu",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From a folder of raw data to a private language model, trained, proven and served on your own machines.",
    epilog="""[bold]A first hour[/]

  danlu plan recipes/assistant.yaml     what it will take and do to the data

  danlu run recipes/assistant.yaml      do it; run again to go on after a stop

  danlu chat assistant                  talk to what came out

Everything that is made lies in ./workspace (--workspace DIR). Every command takes --json.
It ends with 0 on success, 2 on a mistake you can mend, 1 on a fault of Danlu.""",
)

Recipe = Annotated[Path, typer.Argument(help="The recipe, a YAML file.", show_default=False)]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Replace a value of the recipe, e.g. tuned.seed=8. Repeatable."),
]


@app.command(
    epilog="Examples:\n\n  danlu run recipes/assistant.yaml\n\n"
    "  danlu run recipes/assistant.yaml --set tuned.budget.tokens=20000 --ask 'What can you do?'"
)
def run(
    recipe: Recipe,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    set_: SetOption = None,
    ask: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Afterwards serve the released model, ask it this, and show its answer."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make everything a recipe asks for.

    Stages whose artifact is there already are not run again, and a run that was stopped or killed goes on where it was
    when you give the same command again. Ctrl-C (or SIGTERM) finishes the step of a training and saves it; twice, and
    the command ends at once.
    """
    from danlu.cli.run import run_command

    run_command(recipe, workspace, set_ or [], ask=ask, as_json=as_json, quiet=quiet)


@app.command(
    epilog="Examples:\n\n  danlu train recipes/poet.yaml --nproc 2\n\n"
    "  danlu train recipes/poet.yaml --stage poet --set 'poet.parallel={data: 2, tensor: 2}'"
)
def train(
    recipe: Recipe,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    set_: SetOption = None,
    stage: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this train stage (default: all).", show_default=False)
    ] = None,
    nproc: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Processes on this machine (default: as the recipe's 'parallel' says).",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run a recipe up to its training, and no further.

    With several processes each reads its share of every batch; how else they may divide the work, say in the recipe:
    parallel: {data: 2, tensor: 2}. The number of processes changes neither the batches nor, beyond rounding, the
    result, and a training that was stopped goes on with another number.
    """
    from danlu.cli.train import train_command

    train_command(recipe, workspace, set_ or [], stage=stage, num_processes=nproc, as_json=as_json, quiet=quiet)


@app.command(epilog="Example:\n\n  danlu plan recipes/assistant.yaml --set tuned.adapter.rank=8")
def plan(
    recipe: Recipe,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    set_: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a recipe will take and do, before anything is spent.

    For each stage: time, peak memory, disk, and what happens to the data. Sources are fetched and stages that take
    seconds are run, so that the figures rest on your data.
    """
    from danlu.cli.plan import plan_command

    plan_command(recipe, workspace, set_ or [], as_json=as_json)


@app.command(
    epilog="Examples:\n\n  danlu tune recipes/assistant.yaml\n\n"
    "  danlu tune recipes/assistant.yaml --stage tuned --learning-rate --steps 60"
)
def tune(
    recipe: Recipe,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    set_: SetOption = None,
    stage: Annotated[
        str | None, typer.Option(metavar="NAME", help="The train stage (default: the only one).", show_default=False)
    ] = None,
    learning_rate: Annotated[bool, typer.Option("--learning-rate", help="Only the learning rate.")] = False,
    rows_at_once: Annotated[bool, typer.Option("--rows-at-once", help="Only the rows at once.")] = False,
    lowest: Annotated[float, typer.Option(metavar="RATE", help="First learning rate.")] = 1e-6,
    highest: Annotated[float, typer.Option(metavar="RATE", help="Last learning rate.")] = 1.0,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps from one to the other.", min=10)] = 60,
    as_json: JsonOption = False,
) -> None:
    """Suggest a learning rate and how many rows to train at once.

    The learning rate is found by training for a few steps at ever higher rates, the rows by asking the plan. Both are
    written to tune-STAGE.json in the run's directory; the recipe is left as it is.
    """
    from danlu.cli.tune import tune_command

    wanted = {"learning_rate": learning_rate, "rows_at_once": rows_at_once}
    chosen = {name for name, asked in wanted.items() if asked} or set(wanted)
    tune_command(
        recipe, workspace, set_ or [], stage, chosen, lowest=lowest, highest=highest, steps=steps, as_json=as_json
    )


@app.command(
    epilog="Examples:\n\n  danlu check recipes/assistant.yaml\n\n  danlu check recipes/poet.yaml --stage poet --json"
)
def check(
    recipe: Recipe,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    set_: SetOption = None,
    stage: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this train stage (default: all).", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show on your own recipe that ways of training that must agree do.

    A few steps of each train stage, on a small part of its data and in float32: rows at once and one by one, documents
    packed and alone, our loss and transformers' own, compiled and not, resumed and not stopped. Data is prepared as for
    a plan; takes a minute or two.

    Ends with 0 when all that applies agrees, and with 1 when something differs: that is a fault, and not yours. What
    was found is written to check-STAGE.json in the run's directory.
    """
    from danlu.cli.check import check_command

    check_command(recipe, workspace, set_ or [], stage, as_json=as_json)


@app.command(
    epilog="Examples:\n\n  danlu job recipe.yaml --for slurm --nodes 2 --gpus-per-node 4 --time 12:00:00"
    " --setup 'source ~/danlu/.venv/bin/activate' --out job.sh\n\n"
    "  danlu job recipe.yaml --for kubernetes --nodes 2 --gpus-per-node 4 --image registry.example/danlu:0.1.0\n\n"
    "  danlu job recipe.yaml --for ray --nodes 2 --processes-per-node 2 --out job.py"
)
def job(
    recipe: Recipe,
    scheduler: Annotated[str, typer.Option("--for", metavar="SCHEDULER", help="slurm, kubernetes or ray.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    set_: SetOption = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the job (default: the recipe's).", show_default=False)
    ] = None,
    nodes: Annotated[int, typer.Option(metavar="N", help="Machines.", min=1)] = 1,
    processes_per_node: Annotated[
        int | None,
        typer.Option(metavar="N", help="Processes on each (default: one for each GPU).", min=1, show_default=False),
    ] = None,
    gpus_per_node: Annotated[int, typer.Option(metavar="N", help="GPUs of each.", min=0)] = 0,
    cpus_per_process: Annotated[int, typer.Option(metavar="N", help="Cores for each process.", min=1)] = 4,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", help="Of each machine, e.g. 64GiB (default: by the last plan).", show_default=False
        ),
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="H:MM:SS", help="After which the job is ended.", show_default=False)
    ] = None,
    restarts: Annotated[int, typer.Option(metavar="N", help="After failures of a process, within the job.", min=0)] = 3,
    setup: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LINE", help="slurm: shell that puts danlu into the PATH. Repeatable.", show_default=False
        ),
    ] = None,
    sbatch: Annotated[
        list[str] | None,
        typer.Option(metavar="OPTION", help="slurm: e.g. --sbatch=--partition=gpu. Repeatable.", show_default=False),
    ] = None,
    image: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="kubernetes: with danlu in it.", show_default=False)
    ] = None,
    claim: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="kubernetes: volume claim of the workspace (default: danlu-workspace).",
            show_default=False,
        ),
    ] = None,
    storage: Annotated[
        str | None, typer.Option(metavar="SIZE", help="kubernetes: make that claim, e.g. 100Gi.", show_default=False)
    ] = None,
    namespace: Annotated[
        str | None, typer.Option(metavar="NAME", help="kubernetes: where the job goes.", show_default=False)
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="kubernetes: ClusterTrainingRuntime (default: torch-distributed).", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there instead of printing it.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a job file that runs a recipe on a cluster.

    For Slurm a batch script, for Kubernetes a TrainJob of Kubeflow Trainer, for Ray a script for Ray Train. Each starts
    the processes of the train stages; the other stages are run by the first of them. The workspace must lie on storage
    that all nodes see.
    """
    from danlu.cli.job import job_command

    own = {
        "setup": setup,
        "sbatch": sbatch,
        "image": image,
        "claim": claim,
        "storage": storage,
        "namespace": namespace,
        "runtime": runtime,
    }
    job_command(
        recipe,
        workspace,
        set_ or [],
        scheduler,
        name=name,
        nodes=nodes,
        processes_per_node=processes_per_node,
        gpus_per_node=gpus_per_node,
        cpus_per_process=cpus_per_process,
        memory=memory,
        time=time,
        restarts=restarts,
        out=out,
        own={option: value for option, value in own.items() if value},
        as_json=as_json,
    )


@app.command()
def status(
    run: Annotated[str | None, typer.Argument(help="Name of the run.", show_default=False)] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show how a run stands, stage by stage; without a name, all runs."""
    from danlu.cli.status import status_command

    status_command(run, workspace, as_json=as_json)


@app.command()
def logs(
    run: Annotated[str | None, typer.Argument(help="Name of the run (default: the last).", show_default=False)] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: Annotated[bool, typer.Option("--json", help="One event as JSON a line.")] = False,
) -> None:
    """Show what a run said, from its first line."""
    from danlu.cli.status import logs_command

    logs_command(run, workspace, as_json=as_json)


@app.command()
def artifacts(
    kind: Annotated[str | None, typer.Option(help="Only this kind, e.g. model.", show_default=False)] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """List what lies in the workspace."""
    from danlu.cli.artifacts_cmd import artifacts_command

    artifacts_command(kind, workspace, as_json=as_json)


app.command(
    epilog="Examples:\n\n  danlu diagnose assistant --html diagnosis.html\n\n"
    "  danlu diagnose output/trainer_state.json\n\n"
    "  danlu diagnose assistant --fail-on warning --json"
)(diagnose)
app.command(epilog="Example:\n\n  danlu serve assistant --port 8080")(serve)
app.command(epilog="Example:\n\n  danlu chat assistant -m 'What can you do?'")(chat)
app.command(
    epilog="Examples:\n\n  danlu classify reviews-zh 很好用，物流也快 质量太差\n\n"
    "  danlu classify reviews-zh --json < reviews.txt"
)(classify)


app.add_typer(data, name="data")
app.add_typer(models, name="models")
app.add_typer(trace, name="trace")


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Show the version."""
    from danlu import __version__
    from danlu.cli.output import print_json

    if as_json:
        print_json({"version": __version__})
    else:
        print(__version__)


def main() -> None:
    """Run the command line and leave with its exit status."""
    # Libraries tell their callers' authors what will change; that is not for the person at the terminal.
    warnings.filterwarnings("ignore", category=FutureWarning)
    sys.exit(run_cli(sys.argv[1:]))


def run_cli(arguments: list[str]) -> int:
    """Run one command.

    Returns:
        0 on success, 2 on a user's mistake, 1 on a fault, 130 when stopped by Ctrl-C and 143 by SIGTERM.
    """
    try:
        status = app(arguments, prog_name="danlu", standalone_mode=False)
        sys.stdout.flush()
        if status == INTERRUPTED:  # Typer turns Ctrl-C into this status
            raise KeyboardInterrupt
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "danlu"
        return _fail(2, arguments, error.format_message(), f"See: {command} --help")
    except UserError as error:
        return _fail(2, arguments, error.what, error.hint)
    except Stopped as stopped:
        return _stopped(stopped, arguments)
    except (KeyboardInterrupt, click.exceptions.Abort):
        return _fail(
            INTERRUPTED, arguments, "Stopped.", "What was finished is kept; give the same command again to go on."
        )
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads what is left to be written
        return 0
    except Exception as error:
        with tempfile.NamedTemporaryFile("w", prefix="danlu-fault-", suffix=".txt", delete=False) as file:
            file.write(f"danlu {' '.join(arguments)}\n\n{traceback.format_exc()}")
        what = f"A fault in Danlu: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return _fail(1, arguments, what, f"This is not your mistake. What happened is written in {file.name}")


def _fail(status: int, arguments: list[str], what: str, hint: str) -> int:
    print(f"danlu: {what}\n  {hint}", file=sys.stderr)
    if "--json" in arguments:
        from danlu.cli.output import print_json

        print_json({"error": {"what": what, "hint": hint}})
    return status


def _stopped(stopped: Stopped, arguments: list[str]) -> int:
    hint = f"Go on with: {shlex.join(['danlu', *arguments])}"
    print(f"danlu: {stopped.what} {hint}", file=sys.stderr)
    if "--json" in arguments:
        from danlu.cli.output import print_json

        print_json({"error": {"what": stopped.what, "hint": hint}})
    return stopped.status


if __name__ == "__main__":
    main()
