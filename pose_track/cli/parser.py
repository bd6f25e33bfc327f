"""The argument parser of all commands: options, settings as dotted options, errors that name the nearest option."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.utils.names import did_you_mean
from pose_track.utils.version import __version__

if TYPE_CHECKING:
    from pose_track.config.fields import SettingField

MAX_WIDTH = 100
"""Columns of a help text, at most."""

SettingsSource = Callable[[], object]
"""Imports a settings class and returns it, or an instance whose values are the defaults."""


def help_width() -> int:
    """Columns of a help text: as many as the terminal has, up to `MAX_WIDTH`."""
    return min(shutil.get_terminal_size().columns, MAX_WIDTH) - 1


class HelpFormatter(argparse.HelpFormatter):
    """Help texts of `help_width` columns that keep their paragraphs."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=help_width())

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
        return "\n\n".join(textwrap.fill(p, width, initial_indent=indent, subsequent_indent=indent) for p in paragraphs)


class Parser(argparse.ArgumentParser):
    """Parses the options and the settings of one command.

    Errors are one line that names the nearest option or setting. `parse` raises SystemExit as argparse does: with 0 for
    --help and --version, with 2 for an error.
    """

    def __init__(self, prog: str, description: str | None = None) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False, formatter_class=HelpFormatter)
        self._settings: SettingsSource | None = None
        self._sections: tuple[str, ...] = ()
        self._note = ""
        self._takes_any_option = False
        self.add_argument("--version", action="version", version=f"pose-track {__version__}", help="print the version")

    def add_settings(self, settings: SettingsSource, sections: Sequence[str] = (), note: str = "") -> None:
        """Accept settings as --section.name VALUE.

        sections: the only sections to accept; empty for all settings. note: a sentence for the help text, such as which
        preset the defaults are from.
        """
        self._settings, self._sections, self._note = settings, tuple(f"{section}." for section in sections), note

    def take_any_option(self) -> None:
        """Accept every unknown option that has a value, as a setting."""
        self._takes_any_option = True

    def parse(self, arguments: Sequence[str]) -> tuple[argparse.Namespace, dict[str, str]]:
        """The options, and the settings as {dotted key: text}. Options and positional arguments come in any order.
        After "--" there are paths only, which may begin with a dash.

        Raises ValueError for a setting without a value.
        """
        before, paths = _split_at_dashes(arguments)
        overrides, others = take_overrides(before, self._is_setting)
        others += [f"./{path}" if path.startswith("-") else path for path in paths]
        parse = self.parse_known_args if self._subparsers else self.parse_known_intermixed_args
        options, unknown = parse(others)
        if unknown and self._takes_any_option:
            values, unknown = take_overrides(unknown)
            overrides |= values
        if unknown:
            self.error(self._describe_unknown(unknown[0]))
        return options, overrides

    def error(self, message: str) -> NoReturn:
        """End with one line on stderr and exit code 2."""
        self.exit(EXIT_ERROR, f"error: {message}; see {self.prog} --help\n")

    def format_help(self) -> str:
        """The help text: that of argparse, then the settings by section."""
        return super().format_help() + self._format_settings()

    @cached_property
    def _setting_fields(self) -> list[SettingField]:
        """The settings of this command. Raises ImportError where an optional package is missing."""
        if self._settings is None:
            return []
        from pose_track.config.fields import setting_fields  # pydantic: not for commands without settings

        fields = setting_fields(self._settings())
        return [field for field in fields if not self._sections or field.key.startswith(self._sections)]

    def _is_setting(self, name: str) -> bool:
        """Whether an option --name is a setting, also where it is misspelt."""
        if self._takes_any_option:
            return "." in name
        if self._settings is None or f"--{name}" in self._option_string_actions:
            return False
        if self._sections:
            return name.startswith(self._sections)
        return "." in name or name.replace("-", "_") in {field.key for field in self._setting_fields}

    def _describe_unknown(self, argument: str) -> str:
        if not argument.startswith("-"):
            return f"unexpected argument {argument!r}"
        option = argument.partition("=")[0]
        known = [*self._option_string_actions, *(f"--{field.key}" for field in self._setting_fields)]
        return f"unknown option {option!r}{did_you_mean(option, known)}"

    def _format_settings(self) -> str:
        if self._settings is None:
            return ""
        formatter = self._get_formatter()
        formatter.start_section("settings")
        try:
            sections = self._settings_by_section()
        except ImportError as error:
            formatter.add_text(f"cannot be listed here: {_escape(str(error))}")
            sections = {}
        formatter.add_text(_escape(f"--section.name VALUE, or lines of a settings file. {self._note}"))
        formatter.end_section()
        for section, fields in sections.items():
            heading = f"{section}: {fields[0].section}" if section else "general"
            if len(heading) < help_width():
                formatter.start_section(heading)
            else:
                formatter.start_section(section)
                formatter.add_text(_escape(fields[0].section))
            formatter.add_arguments([_help_action(field) for field in fields])
            formatter.end_section()
        return "\n" + formatter.format_help()

    def _settings_by_section(self) -> dict[str, list[SettingField]]:
        """The settings that are no options, by section; a section comes before the sections in it."""
        sections: dict[str, list[SettingField]] = {}
        for field in self._setting_fields:
            if f"--{field.key}" not in self._option_string_actions:
                sections.setdefault(field.key.rpartition(".")[0], []).append(field)
        roots = list(dict.fromkeys(section.partition(".")[0] for section in sections))
        return dict(sorted(sections.items(), key=lambda item: (roots.index(item[0].partition(".")[0]), item[0])))


def _split_at_dashes(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments before and after the first "--".

    >>> _split_at_dashes(["--out", "a", "--", "-clip.mp4"])
    (['--out', 'a'], ['-clip.mp4'])
    """
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end + 1 :]


def take_overrides(
    arguments: Iterable[str], is_setting: Callable[[str], bool] = lambda name: True
) -> tuple[dict[str, str], list[str]]:
    """Split arguments into settings, {dotted key: text}, and the others in their order.

    A setting is --tracker.buffer_seconds 2 or --tracker.buffer_seconds=2; dashes in its name count as underscores.
    is_setting: whether an option, without its dashes, is a setting. Raises ValueError for a setting without a value.

    >>> take_overrides(["--tracker.buffer-seconds", "2", "clip.mp4", "--pose.flip_test=true"])
    ({'tracker.buffer_seconds': '2', 'pose.flip_test': 'true'}, ['clip.mp4'])
    """
    values: dict[str, str] = {}
    others: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or not name or not is_setting(name):
            others.append(argument)
            continue
        text = value if equals else next(remaining, None)
        if text is None or (text.startswith("--") and not equals):
            raise ValueError(f"--{name} needs a value")
        values[name.replace("-", "_")] = text
    return values, others


def _help_action(field: SettingField) -> argparse.Action:
    """A setting as argparse shows an option."""
    from pose_track.config.fields import REQUIRED, type_words

    words = type_words(field.annotation)
    parts = [field.description.rstrip(".")]
    if len(words) > 40:
        parts.append(f"one of {words.replace('|', ', ')}")
        words = "NAME"
    parts.append("required" if field.default is REQUIRED else f"default: {_yaml_words(field.default)}")
    text = f"{'; '.join(part for part in parts[:-1] if part)} ({parts[-1]})"
    return argparse.Action([f"--{field.key}"], dest="", metavar=words, help=_escape(text))


def _yaml_words(value: object) -> str:
    """A value as a settings file has it.

    >>> _yaml_words((1.0, None, True))
    '[1.0, null, true]'
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_yaml_words, value))}]"
    return str(value)


def _escape(text: str) -> str:
    """For argparse, which formats help texts with %."""
    return text.replace("%", "%%")
