"""Sentences of a project's README that depend on its form."""

from __future__ import annotations

import maquette
from maquette.scaffolding.answers import Answers

INSTALL_FIRST = """\
maquette, which trains the model, is a dependency; if no package index of yours has it, see
[`wheels/README.md`](wheels/README.md).

"""
TUNING = {
    "linked": """\
Options that you give stay as they are, as those in `config.yaml` do; delete there what is to be
searched, or name it: `--only learning_rate`. The folder of the search has the best options as
`best.yaml`.""",
    "standalone": """\
Options are drawn at random from `search_space` in `model.py` and judged on validation data alone;
those that are not drawn are taken from `config.yaml`. The best are written to `best.yaml`.""",
}
EXPORT = {
    "linked": """\
`export/` in the run then holds a SavedModel for servers and TFLite files in float32, float16,
dynamic-range and int8, each checked against Keras before it is written. `--caller kotlin swift`
also writes code that calls them, `--demo web` a page that runs the model in a browser.""",
    "standalone": """\
`export/` in the run then holds a SavedModel for servers and TFLite files in float32 and int8, each
checked against Keras before it is written: a file that answers otherwise is not.""",
}
ORIGIN = {
    "linked": """\
Made by maquette {version} from its template `{template}`. `maquette diff` shows what changed there
since, `maquette update` merges it into these files, and your own changes stay.""",
    "standalone": """\
Made by maquette {version} from its template `{template}`; nothing of it is needed any more. With
maquette installed, `maquette diff` shows what changed there since, and `maquette update` merges it
into these files; your own changes stay.""",
}
TRAINED = """
A trained run is in `saved_models/`:

```bash
python -m {package} evaluate {runs}/{run}
python -m {package} export {runs}/{run}
```
"""


def wording(answers: Answers) -> dict[str, str]:
    """Return the sentences by the name of their place in the README."""
    form, linked = answers.form, answers.form == "linked"
    runs = f"saved_models/{answers.package}" if linked else "saved_models"
    trained = TRAINED.format(package=answers.package, runs=runs, run=answers.run)
    return {
        "install_first": INSTALL_FIRST if linked else "",
        "tuning_text": TUNING[form],
        "export_text": EXPORT[form],
        "origin": ORIGIN[form].format(version=maquette.__version__, template=answers.template),
        "trained_text": trained if answers.run else "",
        "predicted": "FILE",
    }
