"""Settings of the price watch: rules and channels, read from JSON or YAML.

rules:
  - name: BTC above the line
    kind: price_above
    symbols: BTCUSDT
    threshold: 61250.1
notify:
  - kind: slack
    connection: slack_default
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationError

from include.records.errors import SettingsError
from include.watch.rules import AnyRule, listed

ConnectionId = Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,200}$")]


class Smtp(BaseModel, extra="forbid", frozen=True):
    """A mail to everyone listed."""

    kind: Literal["smtp"]
    to: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[^\s@{}]+@[^\s@{}]+$")], ...],
        BeforeValidator(listed),
    ] = Field(min_length=1, description="an address such as desk@example.com, or a list")
    connection: ConnectionId = Field("smtp_default", description="an Airflow connection's id")

    def __str__(self) -> str:
        return f"smtp to {', '.join(self.to)} (connection {self.connection})"


class Slack(BaseModel, extra="forbid", frozen=True):
    """A message to the channel of a Slack webhook."""

    kind: Literal["slack"]
    connection: ConnectionId = Field("slack_default", description="an Airflow connection's id")

    def __str__(self) -> str:
        return f"slack (connection {self.connection})"


class Webhook(BaseModel, extra="forbid", frozen=True):
    """A JSON body, posted."""

    kind: Literal["webhook"]
    connection: ConnectionId = Field("http_default", description="an Airflow connection's id")
    endpoint: Annotated[str, StringConstraints(pattern=r"^[^\s{}]*$")] = Field(
        "", description="the path below the connection's host, such as hooks/prices"
    )

    def __str__(self) -> str:
        return f"webhook {self.endpoint or '/'} (connection {self.connection})"


Channel = Smtp | Slack | Webhook


def _by_kind(models: object) -> dict[str, type[BaseModel]]:
    return {get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(models)}


RULES = _by_kind(AnyRule)
CHANNELS = _by_kind(Channel)


class Watch(BaseModel, extra="forbid", frozen=True):
    """The rules to judge and the channels to notify; without a rule the watch is off."""

    rules: tuple[Annotated[AnyRule, Field(discriminator="kind")], ...] = ()
    notify: tuple[Annotated[Channel, Field(discriminator="kind")], ...] = ()


def read_watch(text: str, source: str) -> Watch:
    """Read rules and channels from JSON or YAML.

    Args:
        text: The document; empty, or with every line commented out, it has no rule.
        source: Where it comes from, for the message.

    Raises:
        SettingsError: It is not valid; the message names rule, field and what to write instead.
    """
    document = _parse(text, source) or {}
    if not isinstance(document, Mapping):
        raise SettingsError(f"{source}: begin with 'rules:' and list them below it")
    # A heading whose lines are all commented out.
    document = {key: value for key, value in document.items() if value is not None}
    try:
        watch = Watch.model_validate(document)
    except ValidationError as error:
        wrong = dict.fromkeys(_explain(document, each) for each in error.errors())
        raise SettingsError(f"{source}: {'; '.join(wrong)}") from error
    twice = [
        name for name, count in Counter(rule.name for rule in watch.rules).items() if count > 1
    ]
    if twice:
        raise SettingsError(
            f"{source}: rule {_shown(twice[0])} is defined twice; give each its own name"
        )
    return watch


def _explain(document: Mapping[str, Any], error: Any) -> str:  # noqa: ANN401 - pydantic's own
    """Translate one of pydantic's errors into the terms of the document."""
    part, *place = error["loc"]
    if part not in Watch.model_fields:
        return f"{part} is not known; it may have {' and '.join(Watch.model_fields)}"
    if not place:
        return f"{part} must be a list"
    index, *inner = place
    written = document[part][index]
    told = written if isinstance(written, Mapping) else {}
    subject = f"{'rule' if part == 'rules' else 'channel'} {_shown(told.get('name', index + 1))}"
    if not inner:
        kinds = ", ".join(RULES if part == "rules" else CHANNELS)
        return f"{subject}: kind is {_shown(told.get('kind'))}; write one of {kinds}"
    kind, field, *_ = inner
    fields = (RULES | CHANNELS)[kind].model_fields
    if field not in fields:
        return f"{subject}: {field} is not known to {kind}; it may have {', '.join(fields)}"
    found = f"is {_shown(told[field])}" if field in told else "is missing"
    return f"{subject}: {field} {found}; write {fields[field].description}"


def _shown(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _parse(text: str, source: str) -> object:
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text, parse_float=Decimal, object_pairs_hook=_unique)
        return yaml.load(text, _ExactLoader)  # noqa: S506 - it is a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError) as error:
        told = " ".join(str(error).split())
        raise SettingsError(f"{source} is neither JSON nor YAML: {told}") from error


class _ExactLoader(yaml.SafeLoader):
    """A YAML loader that keeps numbers as written and refuses duplicate keys."""


def _number(loader: _ExactLoader, node: yaml.ScalarNode) -> Decimal | str:
    written = loader.construct_scalar(node)
    try:
        return Decimal(written)
    except InvalidOperation:
        return written


def _mapping(loader: _ExactLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    return _unique(loader.construct_pairs(node, deep=True))


def _unique(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        raise ValueError(f"{twice[0]} appears twice; is a '-' missing before the second?")
    return made


for tag in ("int", "float"):
    _ExactLoader.add_constructor(f"tag:yaml.org,2002:{tag}", _number)
_ExactLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
