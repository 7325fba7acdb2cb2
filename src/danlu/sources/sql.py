"""``sql:URL#QUERY``: the rows that a database gives to a query, read through SQLAlchemy into a file of JSON lines.

The query is run each time, since a database is never known to be as it was: the file's hash is that of the rows, so
what is made of them is made anew when they have changed, and only then. Of JSON lines, and not of Parquet, since the
same rows make the same bytes whatever library writes them, and since a column may hold numbers and words, as in SQLite.
Rows come some at a time, and a query that writes is refused or never committed.

Where the database is may stand in the environment: in ``sql:$SALES#SELECT ...`` the variable SALES holds the URL. Only
there may it have a password.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from danlu.artifacts.stage import Source
from danlu.errors import UserError
from danlu.sources.address import Address
from danlu.sources.cache import Cache
from danlu.sources.errors import SourceUnavailableError, first_line
from danlu.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

FORM = "sql:URL#SELECT ... ORDER BY ..., or sql:$VARIABLE#SELECT ..."
ROWS_AT_ONCE = 1000
VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
READS = re.compile(r"\s*\(*\s*(select|with|values|table)\b", re.IGNORECASE)
COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
IN_ORDER = re.compile(r"\border\s+by\b", re.IGNORECASE)
SECRETS = re.compile("password|passwd|pwd|token|secret", re.IGNORECASE)
FILE = "rows.jsonl"
ONLY_READ = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
"""By dialect: what has the database refuse a query that writes. With others only nothing is committed."""


def parse(uri: str) -> Address:
    """Take a ``sql:`` URI apart. What it says of the database stands in `name`, the query in `member`.

    Raises:
        UserError: one of them is missing, the query does more than read, or there is a password in the URI.
    """
    database, _, query = uri[4:].partition("#")
    database, query = database.strip(), query.strip().rstrip(";").rstrip()
    if not database or not query:
        raise UserError(f"A {'query' if database else 'database'} is missing in a sql: source.", f"Write {FORM}.")
    if not READS.match(COMMENTS.sub(" ", query)):
        raise UserError(f"The query {first_line(query, 60)!r} does not begin with SELECT or WITH.", f"Write {FORM}.")
    if not VARIABLE.fullmatch(database):
        url = _url(database, "The URL in a sql: source")
        if url.password is not None or any(SECRETS.search(name) for name in url.query):
            raise UserError(
                f"The URL of the database {url.database!r} on {url.host} has a password in it, which would be recorded "
                "with what is made from it.",
                "Put the URL into an environment variable, and write its name: sql:$VARIABLE#SELECT ...",
            )
    return Address(uri, "sql", database, member=query)


def anchored(uri: str, base: Path) -> str:
    """The same URI with the whole path of an SQLite file that is given from `base`.

    Raises:
        UserError: see `parse` and `read`.
    """
    address = parse(uri)
    if VARIABLE.fullmatch(address.name):
        return uri
    url = _absolute(_url(address.name, "The URL in a sql: source"), base)
    return f"sql:{url.render_as_string(hide_password=False)}#{address.member}"


def read(address: Address, base: Path | None, cache: Cache, reporter: Reporter) -> Source:
    """The rows as they are now, in a file.

    Args:
        address: What `parse` returned.
        base: Directory that the path of an SQLite file starts from; the working directory if None.
        cache: Where the file is kept.
        reporter: Warned if nothing says in what order rows come.

    Raises:
        SourceUnavailableError: the database cannot be reached, or what talks to it is not installed.
        UserError: the query is wrong, or gives something that is no row.
    """
    assert address.member is not None
    url, query = _absolute(_named(address), base), address.member
    if not IN_ORDER.search(COMMENTS.sub(" ", query)):
        reporter.warn(
            f"The query {first_line(query, 60)!r} has no ORDER BY, so the database may give its rows in another order "
            "the next time, and what is made of them is then made anew."
        )

    def make(directory: Path) -> Path:
        path = directory / FILE
        with (
            _said_of(url),
            _connected(url) as connection,
            path.open("w", encoding="utf-8") as out,
            reporter.progress(f"Reading {url.database}", None, "rows") as task,
        ):
            for lines in _lines(connection, query):
                out.writelines(lines)
                task.advance(len(lines))
        return path

    return cache.obtain(address.uri, make, refresh=True)


def _named(address: Address) -> URL:
    """The URL itself."""
    variable = VARIABLE.fullmatch(address.name)
    if variable is None:
        return _url(address.name, "The URL in a sql: source")
    value = os.environ.get(variable[1])
    if not value:
        raise UserError(f"The environment variable {variable[1]} is not set.", "Give it the URL of the database.")
    return _url(value, f"The environment variable {variable[1]}")


def _url(text: str, what: str) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(text)
    except (ArgumentError, ValueError):  # whose messages hold the text, and so the password
        hint = "It is written dialect://user@host/database, for example sqlite:///sales.db; see SQLAlchemy's handbook."
        raise UserError(f"{what} is no URL of a database.", hint) from None


def _absolute(url: URL, base: Path | None) -> URL:
    """The same with the whole path of an SQLite file, which has to be there: SQLite would make an empty one."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith(("file:", ":")):
        return url
    path = (base or Path.cwd()) / Path(url.database).expanduser()
    if not path.is_file():
        raise SourceUnavailableError(f"There is no file {path}.", "Check the path of the database.")
    return url.set(database=str(path.absolute()))


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    try:
        connection = create_engine(url, poolclass=NullPool).connect()
    except (TypeError, ValueError):  # of options; the message may hold what they are set to
        options = ", ".join(url.query)
        raise UserError(f"The URL of the database has options that do not fit ({options}).", "Look at them.") from None
    with connection:
        yield connection


def _lines(connection: Connection, query: str) -> Iterator[list[str]]:
    """Rows as JSON, some at a time."""
    # As it stands there, so that a colon or a per cent sign in it is one.
    options = {"stream_results": True, "yield_per": ROWS_AT_ONCE, "no_parameters": True}
    if statement := ONLY_READ.get(connection.dialect.name):
        connection.exec_driver_sql(statement)
    result = connection.exec_driver_sql(query, execution_options=options)
    columns = list(result.keys())
    if twice := next((column for column in columns if columns.count(column) > 1), None):
        raise UserError(f"The query gives several columns called {twice!r}.", "Name each of them with AS.")
    for rows in result.partitions():
        yield [
            json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False, default=_plain) + "\n" for row in rows
        ]


def _plain(value: Any) -> Any:
    """Dates as ISO 8601 writes them, and other things that are no JSON as words."""
    if isinstance(value, bytes | bytearray | memoryview):
        raise UserError(
            "The query gives bytes, which are no text.", "Leave the column out, or convert it in the query."
        )
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if isoformat else str(value)


@contextmanager
def _said_of(url: URL) -> Iterator[None]:
    """What goes wrong, in one line without the password."""
    from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

    def words(error: BaseException) -> str:
        text = first_line(error).rstrip(".")
        return text.replace(url.password, "***") if url.password else text

    name = url.render_as_string(hide_password=True)
    try:
        yield
    except NoSuchModuleError:
        raise UserError(
            f"{url.drivername!r} is no kind of database that is known.", "Check the beginning of the URL."
        ) from None
    except ImportError as error:
        raise SourceUnavailableError(
            f"{url.drivername} databases need the package {error.name}, which is not installed.",
            f"Install it with: pip install {error.name}",
        ) from None
    except DBAPIError as error:
        cause = words(error.orig) if error.orig is not None else words(error)
        if error.statement is None:
            raise SourceUnavailableError(
                f"{name} cannot be reached: {cause}.", "Check the URL and the network."
            ) from None
        raise UserError(f"{name} does not answer the query: {cause}.", "Try it in the database's own client.") from None
    except SQLAlchemyError as error:
        raise UserError(f"{name} does not answer the query: {words(error)}.", "See SQLAlchemy's handbook.") from None
