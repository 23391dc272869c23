"""What a study has beside plain text, for judges who look at more than that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from annotated_types import Ge

SHORTEST = 8
"""Bytes of a passage at least: of fewer, the second half is easily guessed."""


@dataclass(frozen=True)
class StudyMaterial:
    """What is there beside plain text; each field allows the judges that need it.

    Passages and documents of a task join the training text, the same for all arms, trials and
    seeds. Of what models are asked, one half is for tuning and the other for verdicts.

    Args:
        planted: passages of shuffled words for each number of `repeats`; 0 plants none.
        repeats: how often passages stand in the training text; 0 for controls.
        length: bytes of a passage.
        task: an entry of `data.tasks` with its settings; empty for none.
        features: folder of a model whose hidden states compare texts; empty for none.
        references: JSONL or Parquet of prompts with reference answers; empty for none.

    Example:
        >>> StudyMaterial(planted=8, task="arithmetic(digits=2)").parts
        ('planted', 'task')
    """

    planted: Annotated[int, Ge(0)] = 0
    repeats: tuple[Annotated[int, Ge(0)], ...] = (0, 1, 4, 16)
    length: Annotated[int, Ge(SHORTEST)] = 96
    task: str = ""
    features: str = ""
    references: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts of an exam that it gives."""
        return tuple(part for part, field in FIELDS.items() if getattr(self, field))


FIELDS: Mapping[str, str] = {
    "planted": "planted",
    "task": "task",
    "features": "features",
    "referenced": "references",
}
"""Part of an exam → the field that gives it."""


def to_toml(material: StudyMaterial) -> str:
    """Material as TOML, with every field.

    Args:
        material: what to write.

    Returns:
        Text that `parse_material` reads back; empty where there is none.
    """
    import tomli_w

    return tomli_w.dumps(asdict(material)) if material.parts else ""


def parse_material(text: str) -> StudyMaterial:
    """Read what `to_toml` wrote.

    Args:
        text: material as TOML.

    Returns:
        The material.

    Raises:
        BadSetting: everything that is wrong with it.

    Example:
        >>> parse_material("planted = 8").planted, parse_material("") == StudyMaterial()
        (8, True)
    """
    import tomllib

    from likely.core.errors import BadSetting
    from likely.train._check import table_of
    from likely.train._material_check import wrong

    problems: list[str] = []
    values: dict[str, Any] = table_of(StudyMaterial, tomllib.loads(text), "material.", problems)
    if problems := problems or wrong(StudyMaterial(**values)):
        raise BadSetting("material", problems)
    return StudyMaterial(**values)
