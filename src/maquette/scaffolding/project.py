"""The files of a project, as a function of the answers alone."""

from __future__ import annotations

from maquette.scaffolding import linked, standalone
from maquette.scaffolding.answers import Answers
from maquette.scaffolding.documents import documents

FORMS = {"linked": linked.code_of, "standalone": standalone.code_of}


def render(answers: Answers) -> dict[str, bytes]:
    """Return every file of a project, by its path in the project's folder.

    The same answers give the same bytes; nothing is read but maquette's own files.

    Raises:
        UserError: the template does not exist, or an option is not one of its.
    """
    code = FORMS[answers.form](answers)
    files = {**code.files, **documents(answers, code)}
    return {path: files[path].encode() for path in sorted(files)}
