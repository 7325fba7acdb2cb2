"""Which model is version 2 of ``assistant``: names and version numbers for release artifacts.

The database is an index, for quick and safe look-up from several processes; every fact in it also lies in the release
artifacts and in the records beside them, and a lost database is rebuilt from those when it is next opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError, did_you_mean
from danlu.registry.lineage import lineage
from danlu.registry.names import parse_reference
from danlu.registry.records import Record, read_records, write_record
from danlu.settings import Workspace

BUSY_SECONDS = 30
"""How long one process waits for another's write to the database."""

METADATA = sa.MetaData()
VERSIONS = sa.Table(
    "versions",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("artifact", sa.String, nullable=False),
    sa.UniqueConstraint("name", "artifact"),
)


@dataclass(frozen=True)
class Version:
    """One released version of a model."""

    name: str
    version: int
    artifact_id: str
    """Id of the release artifact."""
    created: str
    """UTC, ISO 8601."""
    path: Path
    """Directory of the release artifact."""
    exports: dict[str, Path] = field(default_factory=dict)
    """Format -> where it lies: ``hf`` is a directory, ``gguf-f16`` and ``gguf-q8_0`` are files."""
    evaluation: dict[str, Any] = field(default_factory=dict)
    """What the release says of its evaluation; empty when it was released without one."""
    lineage: list[dict[str, Any]] = field(default_factory=list)
    """See `danlu.registry.lineage.lineage`."""

    @property
    def reference(self) -> str:
        """``assistant@2``"""
        return f"{self.name}@{self.version}"


class Registry:
    """The released versions of one workspace. Open it with `Registry.open`."""

    def __init__(self, engine: sa.Engine, store: ArtifactStore, records: Path) -> None:
        self._engine = engine
        self._store = store
        self._records = records

    @classmethod
    def open(cls, workspace: Workspace) -> Registry:
        """The registry of `workspace`. A database that is not there yet is made from the artifacts.

        Raises:
            UserError: the database file cannot be read.
        """
        registry = cls(
            _engine(f"sqlite:///{workspace.database}"), ArtifactStore(workspace.artifacts), workspace.root / "registry"
        )
        with _readable(workspace.database):
            if not sa.inspect(registry._engine).has_table(VERSIONS.name):
                registry.rebuild()
        return registry

    def register(self, name: str, artifact: Artifact) -> Version:
        """Give `artifact` the next version number of `name`, or the number it already has."""
        with self._engine.begin() as connection:
            known = connection.execute(
                sa.select(VERSIONS.c.version).where(VERSIONS.c.name == name, VERSIONS.c.artifact == artifact.id)
            ).scalar()
            version = known if known is not None else self._add(connection, name, artifact.id)
        return self._version(name, version, artifact)

    def resolve(self, reference: str) -> Version:
        """The version that ``assistant``, ``assistant@latest`` or ``assistant@2`` means.

        Raises:
            UserError: nothing is registered under that name or number, or its artifact has been removed.
        """
        name, wanted = parse_reference(reference)
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(VERSIONS.c.version, VERSIONS.c.artifact)
                .where(VERSIONS.c.name == name)
                .order_by(VERSIONS.c.version)
            ).all()
        if not rows:
            raise UserError(f"No model called {name!r} has been released in this workspace.", self._hint(name))
        artifacts = {row.version: row.artifact for row in rows}
        version = wanted if wanted is not None else max(artifacts)
        if version not in artifacts:
            known = ", ".join(str(number) for number in artifacts)
            raise UserError(f"{name!r} has no version {version}.", f"It has: {known}. See them with: danlu models list")
        artifact = self._store.find("release", artifacts[version])
        if artifact is None:
            raise UserError(
                f"Version {version} of {name!r} was released, but its artifact {artifacts[version]} is gone.",
                "Run its recipe again, or choose another version with: danlu models list",
            )
        return self._version(name, version, artifact)

    def list(self) -> list[Version]:
        """Every version whose artifact is still in the workspace, by name and number."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(VERSIONS).order_by(VERSIONS.c.name, VERSIONS.c.version)).all()
        found = ((row, self._store.find("release", row.artifact)) for row in rows)
        return [self._version(row.name, row.version, artifact) for row, artifact in found if artifact]

    def rebuild(self) -> None:
        """Make the index anew from the records; releases that have no number yet get theirs in order of creation."""
        with self._engine.begin() as connection:
            METADATA.create_all(connection)
            self._read_records(connection)
            numbered = set(connection.execute(sa.select(VERSIONS.c.artifact)).scalars())
            releases = [artifact for artifact in self._store.all() if artifact.kind == "release"]
            for artifact in sorted(releases, key=lambda artifact: artifact.manifest.created):
                if artifact.id not in numbered:
                    self._add(connection, artifact.facts["name"], artifact.id)

    def _add(self, connection: sa.Connection, name: str, artifact_id: str) -> int:
        """Number an artifact, within a transaction that keeps other processes out."""
        try:
            return self._add_next(connection, name, artifact_id)
        except FileExistsError:
            # A process was killed after it wrote the record and before the index had it.
            self._read_records(connection)
            return self._add_next(connection, name, artifact_id)

    def _add_next(self, connection: sa.Connection, name: str, artifact_id: str) -> int:
        of_name = VERSIONS.c.name == name
        known = connection.execute(
            sa.select(VERSIONS.c.version).where(of_name, VERSIONS.c.artifact == artifact_id)
        ).scalar()
        if known is not None:
            return int(known)
        version = (connection.execute(sa.select(sa.func.max(VERSIONS.c.version)).where(of_name)).scalar() or 0) + 1
        write_record(self._records, Record(name, version, artifact_id))
        connection.execute(sa.insert(VERSIONS).values(name=name, version=version, artifact=artifact_id))
        return version

    def _read_records(self, connection: sa.Connection) -> None:
        connection.execute(sa.delete(VERSIONS))
        for record in read_records(self._records):
            connection.execute(
                sa.insert(VERSIONS).values(name=record.name, version=record.version, artifact=record.artifact)
            )

    def _version(self, name: str, version: int, artifact: Artifact) -> Version:
        exports = {key: self._store.root / path for key, path in artifact.facts.get("exports", {}).items()}
        return Version(
            name=name,
            version=version,
            artifact_id=artifact.id,
            created=artifact.manifest.created,
            path=artifact.path,
            exports=exports,
            evaluation=artifact.facts.get("evaluation", {}),
            lineage=lineage(self._store, artifact),
        )

    def _hint(self, name: str) -> str:
        with self._engine.connect() as connection:
            names = list(connection.execute(sa.select(VERSIONS.c.name).distinct()).scalars())
        if not names:
            return "Nothing has been released yet; a recipe with a release stage does that: danlu run RECIPE"
        return f"{did_you_mean(name, names)} See all with: danlu models list"


def _engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        # IMMEDIATE takes the write lock first: reading the highest version and adding the next is one step.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@contextmanager
def _readable(database: Path) -> Iterator[None]:
    try:
        yield
    except sa.exc.DatabaseError as error:
        raise UserError(
            f"The registry {database} cannot be opened: {error.orig}.",
            "If no other program holds it, delete the file: it is made anew from the artifacts.",
        ) from error
