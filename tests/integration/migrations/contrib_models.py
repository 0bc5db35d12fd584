"""Django's contrib models (auth, admin, contenttypes, sessions, sites, flatpages, redirects), as CovetPy models."""

from __future__ import annotations

from typing import Any

from covet.database.orm import (
    AutoField,
    BooleanField,
    CharField,
    DateTimeField,
    EmailField,
    ForeignKey,
    ManyToManyField,
    Model,
    PositiveSmallIntegerField,
    TextField,
)
from covet.database.orm.registry import Apps

APPS = Apps()


def _meta(app_label: str, db_table: str, **options: Any) -> type:
    return type("Meta", (), {"app_label": app_label, "db_table": db_table, "apps": APPS, **options})


class ContentType(Model):
    id = AutoField(primary_key=True)
    app_label = CharField(max_length=100)
    model = CharField(max_length=100)
    Meta = _meta("contenttypes", "django_content_type", unique_together=[("app_label", "model")])


class Permission(Model):
    id = AutoField(primary_key=True)
    name = CharField(max_length=255)
    content_type = ForeignKey(ContentType, on_delete="CASCADE")
    codename = CharField(max_length=100)
    Meta = _meta("auth", "auth_permission", unique_together=[("content_type", "codename")])


class Group(Model):
    id = AutoField(primary_key=True)
    name = CharField(max_length=150, unique=True)
    permissions = ManyToManyField(Permission, blank=True)
    Meta = _meta("auth", "auth_group")


class User(Model):
    id = AutoField(primary_key=True)
    password = CharField(max_length=128)
    last_login = DateTimeField(blank=True, null=True)
    is_superuser = BooleanField(default=False)
    username = CharField(max_length=150, unique=True)
    first_name = CharField(max_length=150, blank=True)
    last_name = CharField(max_length=150, blank=True)
    email = EmailField(blank=True)
    is_staff = BooleanField(default=False)
    is_active = BooleanField(default=True)
    date_joined = DateTimeField(auto_now_add=True)
    groups = ManyToManyField(Group, blank=True)
    user_permissions = ManyToManyField(Permission, blank=True)
    Meta = _meta("auth", "auth_user")


class LogEntry(Model):
    id = AutoField(primary_key=True)
    action_time = DateTimeField(auto_now_add=True)
    user = ForeignKey(User, on_delete="CASCADE")
    content_type = ForeignKey(ContentType, on_delete="SET_NULL", blank=True, null=True)
    object_id = TextField(blank=True, null=True)
    object_repr = CharField(max_length=200)
    action_flag = PositiveSmallIntegerField()
    change_message = TextField(blank=True)
    Meta = _meta("admin", "django_admin_log")


class Session(Model):
    session_key = CharField(max_length=40, primary_key=True)
    session_data = TextField()
    expire_date = DateTimeField(db_index=True)
    Meta = _meta("sessions", "django_session")


class Site(Model):
    id = AutoField(primary_key=True)
    domain = CharField(max_length=100, unique=True)
    name = CharField(max_length=50)
    Meta = _meta("sites", "django_site")


class FlatPage(Model):
    id = AutoField(primary_key=True)
    url = CharField(max_length=100, db_index=True)
    title = CharField(max_length=200)
    content = TextField(blank=True)
    enable_comments = BooleanField(default=False)
    template_name = CharField(max_length=70, blank=True)
    registration_required = BooleanField(default=False)
    sites = ManyToManyField(Site)
    Meta = _meta("flatpages", "django_flatpage")


class Redirect(Model):
    id = AutoField(primary_key=True)
    site = ForeignKey(Site, on_delete="CASCADE")
    old_path = CharField(max_length=200, db_index=True)
    new_path = CharField(max_length=200, blank=True)
    Meta = _meta("redirects", "django_redirect", unique_together=[("site", "old_path")])


MODELS = list(APPS.get_models(include_auto_created=True))
