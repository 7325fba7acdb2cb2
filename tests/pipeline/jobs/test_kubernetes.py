"""The TrainJob: checked against the classes of Kubeflow's own client where they are installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from danlu.errors import UserError
from danlu.pipeline.jobs.kubernetes import KubernetesOptions, render
from job_recipe import RECIPE, request

IMAGE = "registry.example/danlu:0.1.0"


def documents(directory: Path, *, storage: str | None = None, **changes: Any) -> list[dict[str, Any]]:
    options = KubernetesOptions(IMAGE, storage=storage, namespace="training")
    return list(yaml.safe_load_all(render(request(directory, **changes), options, Path("job.yaml"))))


def test_a_train_job_as_kubeflows_client_reads_it(tmp_path: Path) -> None:
    models = pytest.importorskip("kubeflow_trainer_api.models")
    *_, job = documents(tmp_path)
    read = models.TrainerV1alpha1TrainJob.from_dict(job)
    # What the classes do not know they leave out; nothing may be lost on the way.
    assert read.to_dict() == job
    assert read.spec.trainer.num_nodes == 2
    assert read.spec.runtime_ref.name == "torch-distributed"


def test_what_it_says(tmp_path: Path) -> None:
    recipe, job = documents(tmp_path, overrides=["poet.seed=7"])
    assert (job["apiVersion"], job["kind"]) == ("trainer.kubeflow.org/v1alpha1", "TrainJob")
    assert job["metadata"] == {"name": "house-poet", "namespace": "training"}
    assert job["spec"]["activeDeadlineSeconds"] == 36 * 3600 + 90
    trainer = job["spec"]["trainer"]
    assert (trainer["image"], trainer["numNodes"], trainer["numProcPerNode"]) == (IMAGE, 2, 4)
    assert trainer["resourcesPerNode"] == {
        "requests": {"cpu": "32", "memory": "65536Mi", "nvidia.com/gpu": "4"},
        "limits": {"memory": "65536Mi", "nvidia.com/gpu": "4"},
    }
    assert trainer["command"] == ["torchrun"]
    module = trainer["args"].index("-m")
    path = Path(trainer["args"][module + 3])
    (patch,) = job["spec"]["runtimePatches"]
    (node,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    pod = node["template"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert set(mounts) == set(volumes) == {"workspace", "recipe", "shared-memory"}
    assert mounts["recipe"] == str(path.parent)
    assert mounts["workspace"] == trainer["args"][-1]
    assert volumes["recipe"]["configMap"]["name"] == recipe["metadata"]["name"]
    stages = yaml.safe_load(recipe["data"][path.name])["stages"]
    assert stages["poet"]["seed"] == 7


def test_the_volume_is_made_where_that_is_asked_for(tmp_path: Path) -> None:
    claim, _, job = documents(tmp_path, storage="100Gi", gpus_per_node=0, processes_per_node=1, memory_bytes=None)
    assert claim["kind"] == "PersistentVolumeClaim"
    assert claim["spec"]["resources"]["requests"]["storage"] == "100Gi"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert job["spec"]["trainer"]["resourcesPerNode"] == {"requests": {"cpu": "8"}}


@pytest.mark.parametrize("name", ["Poet", "1poet", "poet-", "p" * 51, "po.et"])
def test_a_name_that_pods_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be that of a TrainJob"):
        documents(tmp_path, name=name)


@pytest.mark.parametrize("source", ["poems.jsonl", "file:poems.jsonl", "/home/me/poems"])
def test_files_of_this_machine_are_not_in_the_container(tmp_path: Path, source: str) -> None:
    text = RECIPE.replace("npm:chinese-poetry@2.0.1#dist/quantangshi", source)
    with pytest.raises(UserError, match=f"poems.from names '{source}'"):
        documents(tmp_path, text=text)


def test_files_on_the_volume_are(tmp_path: Path) -> None:
    text = RECIPE.replace("npm:chinese-poetry@2.0.1#dist/quantangshi", "/danlu/workspace/poems")
    assert len(documents(tmp_path, text=text)) == 2
