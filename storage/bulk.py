"""Many things of one kind by one statement: what each column takes is made for all of them at once, and the
driver gets tuples.

SQLAlchemy makes a dict of every row and looks at every value, which costs more than SQLite itself: a flood
has a million of them.
"""

from collections.abc import Sequence
from functools import cache
from itertools import repeat
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import Connection, Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from storage.rows import Columns, stored

_NOTHING: Final = type(None)
_AS_THEY_ARE: Final = frozenset({int, bool, bytes, _NOTHING})


def write_columns(connection: Connection, statement: Executable, columns: Columns) -> None:
    """Every row of the `columns`, of which there is at least one. The `statement` is a constant: what is
    compiled of it is kept."""
    dialect = connection.dialect
    kind: Any = type(dialect)
    compiled = _compiled(statement, kind, dialect.name, tuple(columns))
    hexadecimal = dialect.name == "sqlite"  # as SQLAlchemy keeps a UUID where there is no such type
    count = len(next(iter(columns.values())))
    taken = (
        _taken(columns[name], hexadecimal=hexadecimal)
        if name in columns
        else repeat(compiled.params[name], count)
        for name in compiled.positiontup or ()
    )
    connection.exec_driver_sql(compiled.string, list(zip(*taken, strict=True)))


@cache
def _compiled(statement: Executable, kind: Any, name: str, columns: tuple[str, ...]) -> SQLCompiler:
    by_place = kind(paramstyle="qmark" if name == "sqlite" else "format")
    compiled = cast(ClauseElement, statement).compile(dialect=by_place, column_keys=list(columns))
    return cast(SQLCompiler, compiled)


def _taken(values: Sequence[Any], *, hexadecimal: bool) -> Sequence[Any]:
    """As the driver takes them. Whole columns are looked at: mostly nothing need be done."""
    kinds = set(map(type, values))
    if kinds <= _AS_THEY_ARE:
        return values
    if kinds <= {UUID, _NOTHING}:
        return [each and f"{each.int:032x}" for each in values] if hexadecimal else values
    if kinds == {str} and "".join(values).isprintable():
        return values  # nothing in it that a store would not take
    return [stored(each) for each in values]
