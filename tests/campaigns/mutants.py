"""Code broken on purpose: each mutant is one small change in one place of a module, put into the running program.

What is changed: comparisons, conditions, constants, arithmetic, names of states and events, returned values, statements
left out, entries of a module's tables. What is not: sentences for people, log lines, types, defaults of arguments.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from smart_app.session import Event, State

ROOT = Path(__file__).parents[2]
_OTHER: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
}
_CODE_WORD = re.compile(r"[a-z][a-z0-9_.-]*")
_ENUMS = {"State": [each.name for each in State], "Event": [each.name for each in Event]}
_UNTOUCHED = {"annotation", "returns", "decorator_list", "args"}
_SHOWN = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change: where it is, what it is, and the code with it."""

    file: str
    where: str
    """The function's qualified name, or the name of the module's table."""
    lines: range
    """Of the statement, as the tests' coverage names them."""
    change: str
    code: CodeType
    is_table: bool

    @property
    def key(self) -> str:
        """Return what names it, whatever line it moves to."""
        return f"{self.file}:{self.where}: {self.change}"


def mutants_of(file: str) -> list[Mutant]:
    """Return every mutant of a module, in the order of its lines."""
    tree = ast.parse((ROOT / file).read_text())
    found: list[Mutant] = []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            found += _of_function(file, tree, statement, statement.name)
        elif isinstance(statement, ast.ClassDef):
            for each in statement.body:
                if isinstance(each, ast.FunctionDef):
                    found += _of_function(file, tree, each, f"{statement.name}.{each.name}")
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            if not isinstance(target, ast.Name):
                continue
            alone = ast.Module(body=[statement], type_ignores=[])
            for changed in _changes(statement, statement, returns_bool=False):
                code = compile(alone, str(ROOT / file), "exec")
                found.append(_mutant(file, target.id, changed, code, is_table=True))
    return found


def _of_function(file: str, tree: ast.Module, function: ast.FunctionDef, where: str) -> Iterator[Mutant]:
    returns_bool = isinstance(function.returns, ast.Name) and function.returns.id == "bool"
    own = _code_named(compile(tree, str(ROOT / file), "exec"), where)
    for changed in _changes(function, function, returns_bool=returns_bool):
        code = _code_named(compile(tree, str(ROOT / file), "exec"), where)
        if code.co_freevars == own.co_freevars:  # Python takes no other into a function
            yield _mutant(file, where, changed, code, is_table=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    lines: range
    words: str


def _mutant(file: str, where: str, changed: _Changed, code: CodeType, *, is_table: bool) -> Mutant:
    return Mutant(file=file, where=where, lines=changed.lines, change=changed.words, code=code, is_table=is_table)


def _code_named(code: CodeType, where: str) -> CodeType:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_qualname == where:
                return each
            if where.startswith(f"{each.co_qualname}."):
                return _code_named(each, where)
    raise LookupError(where)


def _changes(node: ast.AST, statement: ast.stmt, *, returns_bool: bool) -> Iterator[_Changed]:
    """Change the tree in one place after another; while the caller holds what is yielded, the change is in the tree."""
    for name, value in ast.iter_fields(node):
        if name in _UNTOUCHED and isinstance(node, ast.FunctionDef | ast.AnnAssign | ast.Lambda | ast.arg):
            continue
        children = value if isinstance(value, list) else [value]
        for place, child in enumerate(children):
            if not isinstance(child, ast.AST) or _is_for_people(child):
                continue
            if isinstance(node, ast.Dict) and name == "keys":
                continue  # an entry left out says as much
            within = child if isinstance(child, ast.stmt) else statement
            for new in _variants(child, returns_bool=returns_bool):
                ast.fix_missing_locations(ast.copy_location(new, child))
                _put(node, name, value, place, new)
                end = getattr(child, "end_lineno", None) or within.lineno
                words = f"{_shown(child)} -> {_shown(new)}"
                yield _Changed(lines=range(min(within.lineno, end), end + 1), words=words)
                _put(node, name, value, place, child)
            yield from _changes(child, within, returns_bool=returns_bool)
    if isinstance(node, ast.Dict):
        yield from _without_entries(node, statement)


def _put(node: ast.AST, name: str, value: object, place: int, new: ast.AST) -> None:
    if isinstance(value, list):
        value[place] = new
    else:
        setattr(node, name, new)


def _without_entries(table: ast.Dict, statement: ast.stmt) -> Iterator[_Changed]:
    for place in range(len(table.keys)):
        key, value = table.keys.pop(place), table.values.pop(place)
        yield _Changed(lines=range(value.lineno, value.lineno + 1), words=f"{_shown(key)}: {_shown(value)} -> left out")
        table.keys.insert(place, key)
        table.values.insert(place, value)


def _shown(node: ast.AST | None) -> str:
    text = "" if node is None else " ".join(ast.unparse(node).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _is_for_people(node: ast.AST) -> bool:
    """Say whether a statement is a docstring or a line of the log."""
    if not isinstance(node, ast.Expr):
        return False
    if isinstance(node.value, ast.Constant):
        return True
    return isinstance(node.value, ast.Call) and ast.unparse(node.value.func).startswith("log.")


def _variants(node: ast.AST, *, returns_bool: bool) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place."""
    if isinstance(node, ast.stmt):
        yield from _other_statements(node, returns_bool=returns_bool)
    elif isinstance(node, ast.comprehension):
        for place in range(len(node.ifs)):
            left = [each for at, each in enumerate(node.ifs) if at != place]
            yield ast.comprehension(target=node.target, iter=node.iter, ifs=left, is_async=0)
    elif isinstance(node, ast.expr):
        yield from _other_expressions(node)


def _other_statements(node: ast.stmt, *, returns_bool: bool) -> Iterator[ast.stmt]:
    # A name that is not given ends in an error at its next use: only what is given to an attribute is left out.
    is_kept = isinstance(node, ast.Assign) and not all(isinstance(each, ast.Name) for each in node.targets)
    if is_kept or isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.Delete):
        yield ast.Pass()
    elif isinstance(node, ast.Continue):
        yield ast.Break()
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        if returns_bool:
            yield ast.Return(value=ast.UnaryOp(op=ast.Not(), operand=node.value))
        else:
            yield ast.Return(value=ast.Constant(value=None))
    elif isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Compare):
        opposite = ast.UnaryOp(op=ast.Not(), operand=node.test)
        yield type(node)(test=opposite, body=node.body, orelse=node.orelse)
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield ast.AugAssign(target=node.target, op=ast.Sub(), value=node.value)


def _other_expressions(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare):
        yield from _other_comparisons(node)
    elif isinstance(node, ast.BoolOp):
        yield from _other_conditions(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) and not _is_of_sets(node):
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield ast.BinOp(left=node.left, op=other, right=node.right)
    elif isinstance(node, ast.Constant):
        yield from _other_constants(node.value)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in _ENUMS:
        names = _ENUMS[node.value.id]
        yield ast.Attribute(value=node.value, attr=names[names.index(node.attr) - 1], ctx=ast.Load())
    elif isinstance(node, ast.IfExp) and not isinstance(node.test, ast.Compare):
        yield ast.IfExp(test=node.test, body=node.orelse, orelse=node.body)


def _is_of_sets(node: ast.BinOp) -> bool:
    """Say whether sets are subtracted, which nothing else can be done with."""
    return isinstance(node.left, ast.Call) and ast.unparse(node.left.func) == "frozenset"


def _other_comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for place, operator in enumerate(node.ops):
        for other in _OTHER[type(operator)]:
            ops = [other() if at == place else each for at, each in enumerate(node.ops)]
            yield ast.Compare(left=node.left, ops=ops, comparators=node.comparators)


def _other_conditions(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield ast.BoolOp(op=ast.Or() if isinstance(node.op, ast.And) else ast.And(), values=node.values)
    for place in range(len(node.values)):
        left = [each for at, each in enumerate(node.values) if at != place]
        yield left[0] if len(left) == 1 else ast.BoolOp(op=node.op, values=left)


def _other_constants(value: object) -> Iterator[ast.Constant]:
    if isinstance(value, bool):
        yield ast.Constant(value=not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value=value + 1)
    elif isinstance(value, str) and (not value or _CODE_WORD.fullmatch(value)):
        yield ast.Constant(value=f"{value}-other")


def put_in(mutant: Mutant) -> None:
    """Change the loaded module; for a process that ends afterwards."""
    module = sys.modules[mutant.file.removesuffix(".py").replace("/", ".")]
    if mutant.is_table:
        _change_table(module, mutant)
    else:
        _function(module, mutant.where).__code__ = mutant.code


def _change_table(module: ModuleType, mutant: Mutant) -> None:
    """Change a module's table where it stands, or its constant in every module that took it."""
    space = dict(vars(module))
    exec(mutant.code, space)  # noqa: S102 - our own source, with one change
    old, new = getattr(module, mutant.where), space[mutant.where]
    if isinstance(old, dict):
        old.clear()
        old.update(new)
        return
    for name, each in list(sys.modules.items()):
        if name.startswith(("smart_app", "tests")) and vars(each).get(mutant.where) is old:
            setattr(each, mutant.where, new)


def _function(module: ModuleType, where: str) -> FunctionType:
    owner, _, name = where.rpartition(".")
    found = vars(getattr(module, owner) if owner else module)[name]
    for inner in ("__func__", "fget", "__wrapped__"):
        found = getattr(found, inner, found)
    assert isinstance(found, FunctionType), where
    return found
