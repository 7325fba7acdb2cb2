"""Each sink read back with its own tools, and what happens to those that fail or are not there."""

from __future__ import annotations

import builtins
import socket
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from danlu.errors import UserError
from danlu.telemetry.metrics import MetricsWriter
from danlu.telemetry.sinks import background
from danlu.telemetry.sinks.background import Background
from danlu.telemetry.sinks.mlflow import MlflowSink
from danlu.telemetry.sinks.prometheus import PrometheusSink, named
from danlu.telemetry.sinks.wandb import WandbSink


class Remembering:
    def __init__(self) -> None:
        self.records: list[tuple[int, dict[str, float]]] = []
        self.closed: list[bool] = []

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self.records.append((step, dict(values)))

    def close(self, *, failed: bool = False) -> None:
        self.closed.append(failed)


def test_sinks_get_what_the_files_get_but_for_what_is_not_finite(tmp_path: Path) -> None:
    sink = Remembering()
    writer = MetricsWriter(tmp_path, 1, [sink])
    writer.write(1, {"train/loss": float("nan"), "train/tokens": 10})
    writer.write(2, {"train/loss": 2.0})
    writer.take_back(2)
    writer.write(2, {"train/loss": 1.0})
    writer.close()
    assert sink.records == [(1, {"train/tokens": 10}), (2, {"train/loss": 2.0}), (2, {"train/loss": 1.0})]
    assert not sink.closed


def test_the_background_keeps_the_order_and_waits_at_the_end(reporter: Any) -> None:
    class Slow(Remembering):
        def write(self, step: int, values: Mapping[str, float]) -> None:
            time.sleep(0.005)
            super().write(step, values)

    slow, prepared = Slow(), []
    behind = Background("slow", slow, reporter, lambda: prepared.append(threading.current_thread().name))
    started = time.perf_counter()
    for step in range(20):
        behind.write(step, {"a": 1.0})
    assert time.perf_counter() - started < 0.05
    behind.close(failed=True)
    assert [step for step, _ in slow.records] == list(range(20))
    assert slow.closed == [True]
    assert prepared == ["sink slow"]
    assert not reporter.warnings


def test_a_sink_that_fails_is_said_once_and_left_alone(reporter: Any) -> None:
    class Broken(Remembering):
        def write(self, step: int, values: Mapping[str, float]) -> None:
            super().write(step, values)
            raise OSError("no route")

    broken = Broken()
    behind = Background("broken", broken, reporter)
    for step in range(5):
        behind.write(step, {"a": 1.0})
    behind.close()
    assert len(broken.records) == 1
    assert reporter.warnings == ["broken takes no more metrics: OSError: no route"]


def test_a_sink_that_hangs_does_not_hold_up_the_end(reporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CLOSING_SECONDS", 0.1)
    monkeypatch.setattr(background, "MOST_WAITING", 3)
    go_on = threading.Event()

    class Hanging(Remembering):
        def write(self, step: int, values: Mapping[str, float]) -> None:
            go_on.wait(10)

    behind = Background("hanging", Hanging(), reporter)
    for step in range(10):
        behind.write(step, {"a": 1.0})
    behind.close()
    go_on.set()
    assert any("did not take everything" in warning for warning in reporter.warnings)
    assert any("records were left out" in warning for warning in reporter.warnings)


def test_mlflow_keeps_curves_and_goes_on_with_its_run(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    first = MlflowSink(uri, "poems", "poet/train", tmp_path / "run")
    first.write(1, {"train/loss": 3.0, "gradient_norm/layers.3.mlp": 0.5})
    first.close(failed=True)
    again = MlflowSink(uri, "poems", "poet/train", tmp_path / "run")
    again.write(2, {"train/loss": 2.0})
    again.close()
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("poems")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "poet/train"
    assert run.info.status == "FINISHED"
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(1, 3.0), (2, 2.0)]
    assert run.data.metrics["gradient_norm/layers.3.mlp"] == 0.5


def test_wandb_keeps_a_run_offline(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    sink = WandbSink("poems", "poet/train", "offline", tmp_path / "wandb")
    sink.write(1, {"train/loss": 3.0})
    sink.write(1, {"validation/loss": 4.0})
    sink.close()
    (file,) = (tmp_path / "wandb").glob("**/*.wandb")
    content = file.read_bytes()
    assert b"train/loss" in content
    assert b"validation/loss" in content


def test_prometheus_file_and_port_say_the_newest(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    from prometheus_client.parser import text_string_to_metric_families

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sink = PrometheusSink({"run": "poet", "stage": "train"}, tmp_path / "deep" / "danlu.prom", port)
    sink.write(1, {"train/loss": 3.0})
    sink.write(2, {"train/loss": 2.0, "gradient_norm/layers.3.mlp": 0.5})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        asked = answer.read().decode()
    sink.close()
    for text in (asked, (tmp_path / "deep" / "danlu.prom").read_text()):
        samples = {
            (sample.name, sample.labels.get("module")): sample
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert samples["danlu_train_loss", None].value == 2.0
        assert samples["danlu_train_loss", None].labels == {"run": "poet", "stage": "train"}
        assert samples["danlu_train_step", None].value == 2.0
        assert samples["danlu_gradient_norm", "layers.3.mlp"].value == 0.5
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics")


def test_a_port_that_is_taken_is_refused() -> None:
    pytest.importorskip("prometheus_client")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="cannot be opened"):
            PrometheusSink({}, None, taken.getsockname()[1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train/loss", ("danlu_train_loss", {})),
        ("system/cpu_share", ("danlu_system_cpu_share", {})),
        ("dead_share/layers.3.mlp", ("danlu_dead_share", {"module": "layers.3.mlp"})),
    ],
)
def test_names_of_gauges(name: str, expected: tuple[str, dict[str, str]]) -> None:
    assert named(name) == expected


@pytest.mark.parametrize("missing", ["mlflow", "wandb", "prometheus_client"])
def test_what_is_not_installed_is_named_with_its_extra(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    makers = {
        "mlflow": lambda: MlflowSink("sqlite://", "a", "b", tmp_path / "run"),
        "wandb": lambda: WandbSink("a", "b", "offline", tmp_path),
        "prometheus_client": lambda: PrometheusSink({}, None, 1234),
    }
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=f"needs {missing}, which is not installed") as error:
        makers[missing]()
    assert f"danlu[{missing.split('_')[0]}]" in error.value.hint
