"""What pyproject.toml cannot say: two package roots, optional extensions, data that lives outside the packages.

COVET_PURE_PYTHON=1 builds no extension (the universal wheel); COVET_REQUIRE_SPEEDUPS=1 makes a failed extension build
fatal instead of falling back to the pure-Python twin.
"""

import os
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_py import build_py

DATA = ("templates", "nginx", "docker-compose.yml")
SPEEDUPS = Path("covet/_speedups")
PURE = bool(os.environ.get("COVET_PURE_PYTHON"))
FLAGS = [] if os.name == "nt" else ["-O2", "-g0"]  # without debug symbols the module is a quarter of the size
STRICT = bool(os.environ.get("COVET_REQUIRE_SPEEDUPS"))


def extensions() -> list[Extension]:
    """One optional extension for each `.pyx` under covet/_speedups."""
    sources = [] if PURE else sorted(SPEEDUPS.glob("*.pyx"))
    if not sources:
        return []
    from Cython.Build import cythonize  # build requirement; absent when only the pure wheel is built

    built = cythonize(
        [Extension(".".join(path.with_suffix("").parts), [str(path)], extra_compile_args=FLAGS) for path in sources],
        compiler_directives={"language_level": 3},
        build_dir="build/cython",
        quiet=True,
    )
    for extension in built:
        extension.optional = not STRICT  # set here because cythonize() drops it
    return built


def data_files() -> list[Path]:
    """The files that ship inside the wheel as covet/_data."""
    roots = [Path(name) for name in DATA]
    files = [path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*")))]
    return [path for path in files if path.is_file() and "__pycache__" not in path.parts]


class BuildPyWithData(build_py):
    """Copies the data beside the packages; an editable install finds it in the checkout instead."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for source in data_files():
            target = Path(self.build_lib, "covet/_data", source)
            target.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(source), str(target))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        copied = [] if self.editable_mode else [str(Path(self.build_lib, "covet/_data", path)) for path in data_files()]
        return [*super().get_outputs(include_bytecode), *copied]


setup(
    packages=[
        *find_packages(include=["covet", "covet.*"]),
        *find_packages("cli", include=["covet_cli", "covet_cli.*"]),
    ],
    package_dir={"covet_cli": "cli/covet_cli"},
    package_data={
        "covet": ["py.typed", "**/*.html", "**/*.css", "**/*.pyi", "**/*.jinja"],
        "covet._speedups": ["*.pyx"],
    },
    include_package_data=False,
    ext_modules=extensions(),
    cmdclass={"build_py": BuildPyWithData},
)
