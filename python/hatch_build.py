"""Puts the files of the npm package, which scripts/build writes, into the wheel."""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PATTERNS = (
    "*.js",
    "model-frame.html",
    "*.LEGAL.txt",
    "*/unnoise_bg.wasm",
    "fonts/*",
    "samples/**/*.*",
    "samples/*/LICENSE",
)


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version, build_data):
        package = Path(self.root).parent / "pkg"
        if not (package / "anywidget.js").exists():
            raise SystemExit("pkg/ is not built: run scripts/build first.")
        for pattern in PATTERNS:
            for file in package.glob(pattern):
                inside = file.relative_to(package).as_posix()
                build_data["force_include"][str(file)] = f"unnoise/static/{inside}"
