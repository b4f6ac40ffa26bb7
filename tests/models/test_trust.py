"""A class of the user's own is known by its file and its package, and told by its source before it is run."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import sys
from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.models import user_class
from cifar_tui.models.user_class import UntrustedClassError, trust
from cifar_tui.models.user_class.location import check_names
from tests.support.own_kinds import LAYERS, acting_model

pytestmark = pytest.mark.usefixtures("own_state")


def test_what_others_may_write_is_no_memory_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LAYERS)
    user_class.allow("mine:Net", str(tmp_path), ())
    trust._now.clear()
    assert user_class.untrusted("mine:Net", str(tmp_path), ()) is None
    remembered = trust.state_file()
    assert remembered is not None
    remembered.chmod(0o666)
    assert user_class.untrusted("mine:Net", str(tmp_path), ()) is not None
    user_class.allow("mine:Net", str(tmp_path), ())
    trust._now.clear()
    assert user_class.untrusted("mine:Net", str(tmp_path), ()) is None, "it is begun again"
    remembered.write_bytes(b'\xff{}\n[]\nnull\n{"model": []}\n' + b"[" * 100_000 + b"\n" + remembered.read_bytes())
    assert user_class.untrusted("mine:Net", str(tmp_path), ()) is None, "other lines are passed over"
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "mine.py", tmp_path / "other")
    assert user_class.untrusted("mine:Net", str(tmp_path / "other"), ()) is not None, "it is another file"
    assert user_class.untrusted("cnn", None, ()) is None


def test_what_a_trusted_class_imports_is_not_found_where_a_run_says(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder, code in ((project, f"import helper\n{LAYERS}"), (elsewhere, "")):
        folder.mkdir()
        (folder / "mine.py").write_text(code)
    (project / "helper.py").write_text("")
    (elsewhere / "mine.py").unlink()
    for name in ("helper", "sympy", "tabnanny"):
        (elsewhere / f"{name}.py").write_text(acting_model(tmp_path))
    user_class.allow("mine:Net", str(project), ())
    with contextlib.chdir(project):
        user_class.load("mine:Net", str(elsewhere))
    assert sys.modules["helper"].__file__ == str(project / "helper.py")
    with contextlib.chdir(elsewhere):
        user_class.load("mine:Net", str(project))
        with pytest.raises(ImportError):
            importlib.import_module("sympy_is_not_here")
        assert importlib.import_module("tabnanny").__file__ != str(elsewhere / "tabnanny.py")
    assert str(elsewhere) not in sys.path
    assert not (tmp_path / "acted").exists()


def test_a_class_is_another_one_in_another_package_or_folder(tmp_path: Path) -> None:
    (tmp_path / "project" / "nets").mkdir(parents=True)
    (tmp_path / "project" / "nets" / "__init__.py").touch()
    (tmp_path / "project" / "nets" / "deep.py").write_text(LAYERS)
    user_class.allow("nets.deep:Net", str(tmp_path / "project"), ())
    assert user_class.untrusted("nets.deep:Net", str(tmp_path / "project"), ()) is None
    for name in ("without", "with"):
        (tmp_path / name / "nets").mkdir(parents=True)
        (tmp_path / name / "nets" / "deep.py").symlink_to(tmp_path / "project" / "nets" / "deep.py")
        if name == "with":
            (tmp_path / name / "nets" / "__init__.py").write_text(acting_model(tmp_path))
        with pytest.raises(UntrustedClassError):
            user_class.load("nets.deep:Net", str(tmp_path / name))
    assert not (tmp_path / "acted").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_state_folder_that_cannot_be_written_keeps_nothing_from_training(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o500)
    (tmp_path / "mine.py").write_text(LAYERS)
    user_class.allow("mine:Net", str(tmp_path), ())
    assert user_class.untrusted("mine:Net", str(tmp_path), ()) is None


@pytest.mark.parametrize(
    "model", ["antigravity:X", "antigravity:geohash", "this:X", "os:system", "sys:X", "idlelib.idle:X"]
)
def test_a_module_of_python_is_not_imported_to_find_no_model_in_it(model: str) -> None:
    name = model.partition(":")[0]
    before = sys.modules.pop(name, None) if name in ("antigravity", "this") else None
    with pytest.raises(InputError, match="is a module of Python itself"):
        user_class.check(model, None)
    assert name not in sys.modules or name in ("os", "sys")
    if before is not None:
        sys.modules[name] = before


NAMES = [
    ("class Net(Base): pass", ""),
    ("from elsewhere import Net", ""),
    ("from elsewhere import *", ""),
    ("import elsewhere as Net", "is not a class"),
    ("Net = make()", ""),
    ("if x:\n    class Net(Base): pass\nelse:\n    Net = 1", ""),
    ("try:\n    from a import Net\nexcept ImportError:\n    pass", ""),
    ("with a() as Net: pass", ""),
    ("for Net in []: pass", ""),
    ("(x := (Net := 3))", ""),
    ("def __getattr__(name): pass", ""),
    ("globals()['Net'] = 1", ""),
    ("import sys\nsys.modules[__name__] = 1", ""),
    ("class Net: pass", "is not a class"),
    ("def Net(num_classes): pass", "is not a class"),
    ("@register\ndef Net(num_classes): pass", ""),
    ("def f():\n    Net = 1", "has no 'Net'"),
    ("class A(Base):\n    Net = 1", "has no 'Net'"),
    ("class Nett(Base): pass", "did you mean 'Nett'"),
    ("import webbrowser\nwebbrowser.open('x')", "has no 'Net'"),
    ("model.eval()\nfor m in self.modules(): pass", "has no 'Net'"),
    ("def f(:", ""),
    ("def f():\n    global Net\n    Net = 1", ""),
    ("import sys as system\nsystem.modules[__name__] = 1", ""),
    ("setattr(module, 'Net', 1)", ""),
    ("if a: pass\n" + "elif a: pass\n" * 3000, ""),
    ("x = 1\n" * 100_000, ""),
    ("", "has no 'Net'"),
]


@pytest.mark.parametrize(("code", "wrong"), NAMES, ids=[code[:30] for code, _ in NAMES])
def test_what_a_modules_source_names_is_told_without_running_it(tmp_path: Path, code: str, wrong: str) -> None:
    (tmp_path / "mine.py").write_text(code)
    if wrong:
        with pytest.raises(InputError, match=wrong):
            check_names("mine:Net", tmp_path / "mine.py")
    else:
        check_names("mine:Net", tmp_path / "mine.py")
