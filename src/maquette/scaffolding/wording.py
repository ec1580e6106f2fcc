"""Sentences of a project's README that depend on its form."""

from __future__ import annotations

import maquette
from maquette.scaffolding.answers import Answers

INSTALL_FIRST = """\
maquette, which trains the model, is a dependency; if no package index of yours has it, see
[`wheels/README.md`](wheels/README.md).

"""
OTHER_DATA = """\
To train on other data, name it in `config.yaml`, as `data: data/NAME`, or give `--data data/NAME`.
[`data/README.md`](data/README.md) tells how it must lie."""
OTHER_LOADER = """\
To train on other data, write a file like `{package}/{data}.py`, whose `load` returns it, and name
it in `SOURCES` of `{package}/data.py`. A project made with `--data PATH` has what reads the user's
own files in its place."""
TUNING = {
    "linked": """\
It looks for values of what `search_space` in `model.py` names; options that you give stay as they
are, all others are those of `config.yaml`. The folder of the search has the best of them as
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
    is_embedded = not linked and answers.data.isidentifier()
    other = OTHER_LOADER.format(package=answers.package, data=answers.data)
    return {
        "other_data": other if is_embedded else OTHER_DATA,
        "install_first": INSTALL_FIRST if linked else "",
        "tuning_text": TUNING[form],
        "export_text": EXPORT[form],
        "origin": ORIGIN[form].format(version=maquette.__version__, template=answers.template),
        "trained_text": trained if answers.run else "",
        "predicted": "FILE",
    }
