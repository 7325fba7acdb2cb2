"""Kubernetes: a TrainJob of Kubeflow Trainer 2.2 or later (trainer.kubeflow.org/v1alpha1).

A TrainJob says what to run and on how many nodes; the runtime that it names, `torch-distributed` for one, says how: it
starts a pod for each node and gives torchrun, through variables that begin with ``PET_``, the number of nodes and of
processes, the node's rank, and where the first node is. The fields that are used here:

``spec.runtimeRef``              which runtime
``spec.trainer``                 ``image``, ``command``, ``args`` and ``env`` of the container that trains;
                                 ``numNodes``, ``numProcPerNode`` and ``resourcesPerNode`` (limits and requests, as in a
                                 pod)
``spec.runtimePatches``          what is added to the runtime's pods; each entry says who added it (``manager``)
``...spec.replicatedJobs[]``     of these the runtime calls the one that trains ``node``, and its container, too
``spec.activeDeadlineSeconds``   after which the job is ended

The recipe travels in a ConfigMap, so that nothing has to be copied first.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from danlu.artifacts.stage import SourceList
from danlu.errors import UserError
from danlu.pipeline.graph import listed, marked_settings
from danlu.pipeline.jobs.request import JobRequest, in_words

API_VERSION = "trainer.kubeflow.org/v1alpha1"
NAME = re.compile(r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?")
"""Of a TrainJob. It is part of the names of its pods, which may have 63 characters."""
NODE = "node"
"""What runtimes call the job, and its container, that trains."""
WORKSPACE, RECIPE = "/danlu/workspace", "/danlu/recipe"
"""Where both are in the container."""
RECIPE_FILE = "recipe.yaml"
MANAGER = "danlu"
MOST_CONFIG_BYTES = 1_000_000
"""Of a ConfigMap."""
HEADER = """\
# {what}. Written by danlu job.
#
#   {submit}
#
# Needs Kubeflow Trainer 2.2 or later with the ClusterTrainingRuntime {runtime}, and a volume that all
# nodes can write to (ReadWriteMany). To go on after a stop, delete the TrainJob and apply this again.
"""


class _Readable(yaml.SafeDumper):
    """Writes text of several lines as it stands."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)


@dataclass(frozen=True)
class KubernetesOptions:
    """What only Kubernetes is told."""

    image: str
    """Of a container with danlu in it."""
    claim: str = "danlu-workspace"
    """Name of the PersistentVolumeClaim that holds the workspace."""
    storage: str | None = None
    """Its size, where it is to be made."""
    namespace: str | None = None
    runtime: str = "torch-distributed"
    """Name of a ClusterTrainingRuntime."""


def render(request: JobRequest, options: KubernetesOptions, file: Path | None) -> str:
    """The documents, with what to do with them above."""
    _check_name(request.name)
    _check_sources(request)
    documents = [_claim(options)] if options.storage else []
    documents += [_recipe(request, options), _train_job(request, options)]
    header = HEADER.format(what=in_words(request), submit=submit(file or Path("FILE")), runtime=options.runtime)
    return header + "---\n".join(
        yaml.dump(document, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=120) for document in documents
    )


def submit(file: Path) -> str:
    """The command that hands it over."""
    return f"kubectl apply -f {shlex.quote(str(file))}"


def _claim(options: KubernetesOptions) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _metadata(options.claim, options),
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": options.storage}}},
    }


def _recipe(request: JobRequest, options: KubernetesOptions) -> dict[str, Any]:
    content = request.recipe.to_yaml()
    if len(content.encode()) > MOST_CONFIG_BYTES:
        raise UserError(
            f"The recipe has {len(content.encode()):,} bytes, and a ConfigMap holds {MOST_CONFIG_BYTES:,}.",
            "Name data in files instead of writing it into the recipe.",
        )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(f"{request.name}-recipe", options),
        "data": {RECIPE_FILE: content},
    }


def _train_job(request: JobRequest, options: KubernetesOptions) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "runtimeRef": {
            "apiGroup": "trainer.kubeflow.org",
            "kind": "ClusterTrainingRuntime",
            "name": options.runtime,
        },
        "trainer": {
            "image": options.image,
            "command": ["torchrun"],
            "args": [
                f"--max-restarts={request.max_restarts}",
                *["-m", "danlu", "run", f"{RECIPE}/{RECIPE_FILE}", "--workspace", WORKSPACE],
            ],
            "env": [{"name": "OMP_NUM_THREADS", "value": str(request.cpus_per_process)}],
            "numNodes": request.num_nodes,
            "numProcPerNode": request.processes_per_node,
            "resourcesPerNode": _resources(request),
        },
        "runtimePatches": [
            {
                "manager": MANAGER,
                "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [_patched_job(request, options)]}}},
            }
        ],
    }
    if request.seconds:
        spec["activeDeadlineSeconds"] = request.seconds
    return {"apiVersion": API_VERSION, "kind": "TrainJob", "metadata": _metadata(request.name, options), "spec": spec}


def _metadata(name: str, options: KubernetesOptions) -> dict[str, Any]:
    return {"name": name} | ({"namespace": options.namespace} if options.namespace else {})


def _resources(request: JobRequest) -> dict[str, Any]:
    """Requests, and limits of what cannot be shared: a node that runs out of memory ends some process of its choice."""
    requests: dict[str, str] = {"cpu": str(request.cpus_per_node)}
    limits: dict[str, str] = {}
    if request.memory_bytes:
        requests["memory"] = limits["memory"] = f"{request.memory_bytes >> 20}Mi"
    if request.gpus_per_node:
        requests["nvidia.com/gpu"] = limits["nvidia.com/gpu"] = str(request.gpus_per_node)
    return {"requests": requests} | ({"limits": limits} if limits else {})


def _patched_job(request: JobRequest, options: KubernetesOptions) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [
        {"name": "workspace", "persistentVolumeClaim": {"claimName": options.claim}},
        {"name": "recipe", "configMap": {"name": f"{request.name}-recipe"}},
    ]
    mounts: list[dict[str, Any]] = [
        {"name": "workspace", "mountPath": WORKSPACE},
        {"name": "recipe", "mountPath": RECIPE, "readOnly": True},
    ]
    if request.processes_per_node > 1:  # processes of a node speak through it, and containers have 64 MiB
        volumes.append({"name": "shared-memory", "emptyDir": {"medium": "Memory"}})
        mounts.append({"name": "shared-memory", "mountPath": "/dev/shm"})
    pod = {"volumes": volumes, "containers": [{"name": NODE, "volumeMounts": mounts}]}
    return {"name": NODE, "template": {"spec": {"template": {"spec": pod}}}}


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise UserError(
            f"The name {name!r} cannot be that of a TrainJob.",
            "Give --name: a small letter, then small letters, digits and '-', at most 50 in all.",
        )


def _check_sources(request: JobRequest) -> None:
    """A path of this machine means nothing in a container, but for what is on the volume."""
    for stage, setting, text in _sources(request):
        address = text.partition("#")[0]
        is_local = ":" not in address or address.startswith("file:")
        if is_local and not address.removeprefix("file:").startswith(WORKSPACE):
            raise UserError(
                f"{stage}.{setting} names {text!r}, which lies on this machine and not in the container.",
                f"Put it on the volume and name it {WORKSPACE}/{Path(address).name}, or let it be fetched (s3:).",
            )


def _sources(request: JobRequest) -> Iterator[tuple[str, str, str]]:
    for name, stage in request.recipe.stages.items():
        for setting, _, value in marked_settings(stage.config, SourceList):
            for text in listed(value):
                yield name, setting, text
