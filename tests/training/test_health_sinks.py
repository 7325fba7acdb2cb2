"""A training stage whose numbers go to sinks, and that tells somebody."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from training_stage import make_context, run, settings

from danlu.errors import UserError
from danlu.settings import Workspace
from danlu.training.health.sinks import run_name, with_variables
from danlu.training.passes import Passes


def test_numbers_reach_mlflow_and_prometheus_and_somebody_is_told(
    workspace: Workspace, reporter: Any, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("prometheus_client")
    pytest.importorskip("apprise")
    received: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["message"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("ALERTS", f"json://user:very-secret@127.0.0.1:{server.server_address[1]}")
    config = settings(
        sinks={"mlflow": {}, "prometheus": {"textfile": str(tmp_path / "danlu.prom")}},
        alerts={"to": ["${ALERTS}"], "rules": [{"metric": "train/loss", "above": 0.01}]},
    )
    context = make_context(workspace, reporter, tiny_model_dir, tmp_path / "a")
    run(context, tmp_path / "out", config)

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{workspace.root / 'mlflow.db'}")
    (found,) = client.search_runs([client.get_experiment_by_name("danlu").experiment_id])
    assert found.info.status == "FINISHED"
    losses = client.get_metric_history(found.info.run_id, "train/loss")
    assert [point.step for point in losses] == [1, 2, 3, 4, 5, 6]
    assert any(name.startswith("update_ratio/") for name in found.data.metrics)
    assert 'danlu_train_step{run="tuned",stage="tuned"} 6.0' in (tmp_path / "danlu.prom").read_text()

    monkeypatch.setattr(Passes, "accumulate_gradients", lambda *_: float("nan"))
    with pytest.raises(UserError):
        run(make_context(workspace, reporter, tiny_model_dir, tmp_path / "b"), tmp_path / "out2", config)
    server.shutdown()
    server.server_close()
    assert received[0].startswith("Step 1: train/loss is ")
    assert "it ended with an error. Training stopped at step 1" in received[1]
    runs = client.search_runs([client.get_experiment_by_name("danlu").experiment_id])
    assert {each.info.status for each in runs} == {"FINISHED", "FAILED"}
    assert "secret" not in json.dumps(reporter.events)


def test_variables_of_the_environment_stand_in_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "abc")
    assert with_variables("slack://${TOKEN}/x") == "slack://abc/x"
    assert with_variables("json://host") == "json://host"
    with pytest.raises(UserError, match="MISSING, which is not set"):
        with_variables("slack://${MISSING}")


def test_runs_are_named_by_recipe_and_stage(workspace: Workspace, reporter: Any, tiny_model_dir: Path) -> None:
    context = make_context(workspace, reporter, tiny_model_dir, workspace.root)
    assert run_name(context) == "tuned"
    directory = workspace.runs / "poet" / "stages" / "tuned" / "0123"
    object.__setattr__(context, "directory", directory)
    assert run_name(context) == "poet/tuned"
