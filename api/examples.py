"""An example of every operation's answer and body, for the OpenAPI description and the documentation."""

ANSWERS: dict[str, object] = {}
COMMANDS: dict[str, object] = {}
