"""Stand-ins for LiteRT.js, and JavaScript run by Node, for the tests of web pages."""

from __future__ import annotations

import json
import shutil
import subprocess
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from maquette.exporting import web_runtime

WEB = Path(str(files("maquette.web")))


def stand_in(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Write small files in the place of LiteRT.js, as npm would, and have them pass for it."""
    place = folder / "node_modules" / "@litertjs"
    hashes = {}
    for name in web_runtime.SHA256:
        content = f"// {name}\n".encode()
        hashes[name] = sha256(content).hexdigest()
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    patch.setattr(web_runtime, "SHA256", hashes)
    patch.setattr("maquette.exporting.web.SHA256", hashes)
    return folder


def answer_of_node(script: str, given: Any, folder: Path) -> Any:
    """Run a function of the page's modules in Node.

    Args:
        script: The body of a function of `given` that returns plain values; `web` is the URL of
            the folder of the modules.
        given: Plain values.
        folder: To write the script to.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    (folder / "given.json").write_text(json.dumps(given))
    (folder / "script.mjs").write_text(
        'import { readFileSync } from "node:fs";\n'
        f"const web = {json.dumps(WEB.as_uri())};\n"
        f"const given = JSON.parse(readFileSync({json.dumps(str(folder / 'given.json'))}));\n"
        f"const answer = await (async () => {{ {script} }})();\n"
        "process.stdout.write(JSON.stringify(answer));\n"
    )
    # Node takes a file of modules named .js for one only by a package.json.
    done = subprocess.run(
        [node, "--experimental-default-type=module", str(folder / "script.mjs")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
