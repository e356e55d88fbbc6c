"""Compile a zip of Python sources, in the Python that will run it: none is left to compile when the
site starts. Runs inside pyodide; the paths are those there.
"""

import importlib.util
import marshal
import zipfile

# of the standard library: what no reader of files needs
LEFT_OUT = (
    "test/ idlelib/ tkinter/ turtledemo/ ensurepip/ lib2to3/ pydoc_data/ unittest/ distutils/ venv/"
    " curses/ dbm/ sqlite3/ wsgiref/ xmlrpc/ turtle.py pydoc.py doctest.py pdb.py"
).split()
HEADER = importlib.util.MAGIC_NUMBER + bytes(12)  # never checked against a source
OLDEST = (1980, 1, 1, 0, 0, 0)


def compile_zip(source: str, target: str) -> None:
    with zipfile.ZipFile(source) as given, zipfile.ZipFile(target, "w") as made:
        for name in sorted(given.namelist()):
            if name.endswith("/") or name.startswith(tuple(LEFT_OUT)):
                continue
            data = given.read(name)
            if name.endswith(".py"):
                code = compile(data, name, "exec", optimize=2, dont_inherit=True)
                name, data = f"{name}c", HEADER + marshal.dumps(code)
            # stored: the whole page is compressed once
            made.writestr(zipfile.ZipInfo(name, OLDEST), data, zipfile.ZIP_STORED)
