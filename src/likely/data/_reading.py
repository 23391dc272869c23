"""What is asked of a reading, and what it passes over."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge

from likely.core.errors import BadInput, Unsupported, did_you_mean
from likely.data._columns import scored_parts
from likely.data.corpus import Document

OnError = Literal["raise", "skip"]
Limit = Annotated[int, Ge(1)] | None


@dataclasses.dataclass
class Reading:
    """One call of `read`: its settings, and what it has passed over so far.

    Args:
        field: the field or column that holds the text.
        on_error: whether the first problem is raised, or all of them are collected.
        skipped: what was passed over, each with the reason.
    """

    field: str = "text"
    on_error: OnError = "raise"
    skipped: list[str] = dataclasses.field(default_factory=list)

    def refuse(self, problem: BadInput) -> None:
        """Raise a problem, or note that its file, line or row was skipped.

        Args:
            problem: says what and where.

        Raises:
            BadInput: the problem, unless problems are skipped.
        """
        if self.on_error == "raise":
            raise problem
        self.skipped.append(str(problem))

    def document(self, entry: Mapping[str, Any], where: str, name: str) -> Document:
        """One line or row as a document.

        Args:
            entry: fields by name.
            where: file and line, for messages.
            name: the id where the entry has none.

        Returns:
            A document: `id` and `domain` (or `source`) from their fields, all others as metadata.

        Raises:
            BadInput: the text is missing, no string, or no Unicode.
        """
        body = self._body(entry, where)
        domain = next((entry[k] for k in ("domain", "source") if isinstance(entry.get(k), str)), "")
        identity = entry.get("id")
        named = (
            isinstance(identity, str | int) and not isinstance(identity, bool) and identity != ""
        )
        used = {self.field}
        used |= {"id"} if named else set()
        used |= {"domain"} if isinstance(entry.get("domain"), str) else set()
        return Document(
            id=str(identity) if named else name,
            text=body,
            domain=domain or "text",
            metadata={key: value for key, value in entry.items() if key not in used},
        )

    def documents(
        self, entries: Iterable[tuple[str, int, Mapping[str, Any]]], name: str
    ) -> Iterator[Document]:
        """Documents of a file's entries; those that are none are refused, one by one.

        Args:
            entries: file and place for messages, number, values by field.
            name: of the file, which ids begin with.

        Yields:
            The documents.

        Raises:
            BadInput: an entry without text, where nothing is to be skipped.
        """
        for where, number, entry in entries:
            try:
                document = self.document(entry, where, f"{name}:{number}")
            except BadInput as problem:
                self.refuse(problem)
                continue
            yield document

    def _body(self, entry: Mapping[str, Any], where: str) -> str:
        if self.field not in entry and self.has_scores(entry):
            return "".join(part.text for part in scored_parts(entry, where))
        self.check_column(entry, where, "field")
        body = entry[self.field]
        if not isinstance(body, str):
            raise BadInput(
                f"{where}: the field {self.field!r} is {type(body).__name__}, not a string; name "
                "the field that holds the text."
            )
        try:
            body.encode("utf-8")
        except UnicodeEncodeError as problem:
            raise BadInput(
                f"{where}: the field {self.field!r} holds half a surrogate pair at character "
                f"{problem.start}, which UTF-8 cannot write; repair or remove this line."
            ) from problem
        return body

    def has_scores(self, names: Mapping[str, Any] | list[str]) -> bool:
        """Whether text comes in pieces with scores, where no field was named.

        Args:
            names: the fields there are.

        Returns:
            True where `segments`, or `texts` and `scores`, are among them.
        """
        return self.field == "text" and ("segments" in names or {"texts", "scores"} <= set(names))

    def check_column(self, names: Mapping[str, Any] | list[str], where: str, kind: str) -> None:
        """Raise where the field that holds the text is not there.

        Args:
            names: the fields there are.
            where: file and line, for the message.
            kind: what they are called there: `field` or `column`.

        Raises:
            BadInput: it is not among them.
        """
        if self.field not in names and not self.has_scores(names):
            have = ", ".join(names) or "none"
            raise BadInput(
                f"{where}: there is no {kind} {self.field!r} ({kind}s here: {have}); name the "
                f"{kind} that holds the text (--field).{did_you_mean(self.field, names)}"
            )


def needs(library: str, what: str) -> Unsupported:
    """The error for a format whose library is not installed.

    Args:
        library: what is missing.
        what: what was to be read.

    Returns:
        An error that says how to get it.
    """
    return Unsupported(f"Reading {what} needs {library}: pip install 'likely[data]'")
