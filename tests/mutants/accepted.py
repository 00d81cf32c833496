"""The mutants that may survive, each with the reason why no test can or need tell it apart."""

import tomllib
from pathlib import Path

__all__ = ["accepted"]

LIST = Path(__file__).with_name("accepted.toml")


def accepted(text: str | None = None) -> dict[str, str]:
    """Return the listed mutants by key, each with its reason.

    Raises `ValueError` for one that is listed twice or without a reason.
    """
    listed: dict[str, str] = {}
    groups = tomllib.loads(LIST.read_text("utf-8") if text is None else text).get("survivors", [])
    for group in groups:
        if not group.get("reason", "").strip():
            raise ValueError(f"no reason for {group.get('mutants')}")
        for key in group["mutants"]:
            if key in listed:
                raise ValueError(f"listed twice: {key}")
            listed[key] = group["reason"]
    return listed
