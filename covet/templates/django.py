"""Django's template engine, for projects that keep their templates (extra `covetpy[django]`).

Rendering is sync code: inside a portal it may wait, so lazy relations and un-awaited queries work in templates.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from covet.conf import settings
from covet.exceptions import ImproperlyConfigured, TemplateDoesNotExist
from covet.portal import in_portal, portal, wait
from covet.templates.configuration import EngineConfiguration, import_attribute

try:
    import django
    from django.conf import settings as django_settings
    from django.template import base
    from django.template.context import make_context
    from django.template.engine import Engine
    from django.template.exceptions import TemplateDoesNotExist as DjangoTemplateDoesNotExist
except ModuleNotFoundError as missing:
    raise ImproperlyConfigured(
        "TEMPLATES asks for the backend 'django', and Django is not installed: pip install 'covetpy[django]'"
    ) from missing

LIBRARIES: Final = {
    "cache": "django.templatetags.cache",
    "humanize": "django.contrib.humanize.templatetags.humanize",
    "i18n": "django.templatetags.i18n",
    "l10n": "django.templatetags.l10n",
    "static": "covet.templates.django_tags",
    "tz": "django.templatetags.tz",
}
COPIED: Final = (
    "DATE_FORMAT",
    "DATETIME_FORMAT",
    "DEBUG",
    "DECIMAL_SEPARATOR",
    "LANGUAGE_CODE",
    "NUMBER_GROUPING",
    "SECRET_KEY",
    "SHORT_DATE_FORMAT",
    "SHORT_DATETIME_FORMAT",
    "STATIC_URL",
    "THOUSAND_SEPARATOR",
    "TIME_FORMAT",
    "TIME_ZONE",
    "USE_I18N",
    "USE_THOUSAND_SEPARATOR",
    "USE_TZ",
)


def _prepare() -> None:
    if not django_settings.configured:
        values = {name: getattr(settings, name) for name in COPIED}
        django_settings.configure(INSTALLED_APPS=[], DATABASES={}, **values)
        django.setup(set_prefix=False)
    if not getattr(base.Variable.resolve, "waits", False):
        base.Variable.resolve = _waiting(base.Variable.resolve)


def _waiting(resolve: Any) -> Any:
    """`Variable.resolve` that waits for what a call in a template returned: `{{ posts.count }}`."""

    def waiting(self: Any, context: Any) -> Any:
        value = resolve(self, context)
        if inspect.iscoroutine(value) and in_portal():
            return wait(value)
        return value

    waiting.waits = True  # type: ignore[attr-defined]
    return waiting


class DjangoEngine:
    """Renders Django templates.

    Args:
        configuration: folders and options; `options` are those of Django's engine.
    """

    def __init__(self, configuration: EngineConfiguration) -> None:
        _prepare()
        self.configuration = configuration
        options = dict(configuration.options)
        libraries = {**LIBRARIES, **_app_libraries(), **options.pop("libraries", {})}
        builtins = ["covet.templates.django_tags", *options.pop("builtins", ())]
        self.engine = Engine(
            dirs=[str(path) for path in configuration.dirs],
            app_dirs=False,
            autoescape=configuration.auto_escape,
            debug=options.pop("debug", settings.DEBUG),
            libraries=libraries,
            builtins=builtins,
            **options,
        )

    async def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The template's text.

        Raises:
            TemplateDoesNotExist: it, or one that it extends or includes, does not exist.
        """
        return await portal(self._render(name, context))

    async def _render(self, name: str, context: Mapping[str, Any]) -> str:
        try:
            template = self.engine.get_template(name)
            return str(template.render(make_context(dict(context), autoescape=self.engine.autoescape)))
        except DjangoTemplateDoesNotExist as error:
            # A SafeString would not join a path.
            missing = str.__str__(error.args[0]) if error.args else name
            raise TemplateDoesNotExist(missing, [str(path / missing) for path in self.configuration.dirs]) from error

    async def render_string(self, source: str, context: Mapping[str, Any]) -> str:
        """The text of a template given as a string."""
        template = self.engine.from_string(source)

        async def rendered() -> str:
            return str(template.render(make_context(dict(context), autoescape=self.engine.autoescape)))

        return await portal(rendered())


def _app_libraries() -> dict[str, str]:
    """The tag libraries in the `templatetags` packages of INSTALLED_APPS."""
    found: dict[str, str] = {}
    for app in settings.INSTALLED_APPS:
        try:
            package = import_attribute(f"{app}.templatetags.__path__", "The tag library")
        except ImproperlyConfigured:
            continue
        for folder in package:
            for file in sorted(Path(folder).glob("*.py")):
                if file.stem != "__init__":
                    found[file.stem] = f"{app}.templatetags.{file.stem}"
    return found
