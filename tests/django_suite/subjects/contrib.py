"""Users, groups, permissions and sites as Django's own tests know them, declared with our models.

The framework's models of that kind belong to later floors; tests of the ORM only need rows to point at.
"""

from __future__ import annotations

from typing import Any

from covet.database import orm as models
from covet.database.orm.contenttypes import ContentType
from covet.utils import timezone


class Permission(models.Model):
    """`auth_permission`."""

    name = models.CharField("name", max_length=255)
    content_type = models.ForeignKey(ContentType, models.CASCADE, verbose_name="content type")
    codename = models.CharField("codename", max_length=100)

    class Meta:
        app_label = "auth"
        unique_together = [["content_type", "codename"]]
        ordering = ["content_type__app_label", "content_type__model", "codename"]

    def __str__(self) -> str:
        return f"{self.content_type} | {self.name}"


class Group(models.Model):
    """`auth_group`."""

    name = models.CharField("name", max_length=150, unique=True)
    permissions = models.ManyToManyField(Permission, verbose_name="permissions", blank=True)

    class Meta:
        app_label = "auth"

    def __str__(self) -> str:
        return str(self.name)

    def natural_key(self) -> tuple[Any, ...]:
        return (self.name,)


class UserManager(models.Manager):  # type: ignore[type-arg]
    """Makes users without hashing anything."""

    async def create_user(self, username: str, email: str = "", password: str = "", **extra: Any) -> Any:
        return await self.create(username=username, email=email or "", password=password or "", **extra)

    async def create_superuser(self, username: str, email: str = "", password: str = "", **extra: Any) -> Any:
        return await self.create_user(username, email, password, is_staff=True, is_superuser=True, **extra)


class AbstractBaseUser(models.Model):
    """Password and last login."""

    password = models.CharField("password", max_length=128)
    last_login = models.DateTimeField("last login", blank=True, null=True)

    class Meta:
        abstract = True


class AbstractUser(AbstractBaseUser):
    """The columns of `auth_user`."""

    is_superuser = models.BooleanField("superuser status", default=False)
    groups = models.ManyToManyField(Group, blank=True, related_name="user_set", related_query_name="user")
    user_permissions = models.ManyToManyField(
        Permission, blank=True, related_name="user_set", related_query_name="user"
    )
    username = models.CharField("username", max_length=150, unique=True)
    first_name = models.CharField("first name", max_length=150, blank=True)
    last_name = models.CharField("last name", max_length=150, blank=True)
    email = models.EmailField("email address", blank=True)
    is_staff = models.BooleanField("staff status", default=False)
    is_active = models.BooleanField("active", default=True)
    date_joined = models.DateTimeField("date joined", default=timezone.now)

    objects = UserManager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.username)


class User(AbstractUser):
    """`auth_user`."""

    class Meta:
        app_label = "auth"
        swappable = "AUTH_USER_MODEL"


class SiteManager(models.Manager):  # type: ignore[type-arg]
    """Finds the site of the settings."""

    async def get_current(self) -> Any:
        return await self.get(pk=1)


class Site(models.Model):
    """`django_site`."""

    domain = models.CharField("domain name", max_length=100, unique=True)
    name = models.CharField("display name", max_length=50)

    objects = SiteManager()

    class Meta:
        app_label = "sites"
        db_table = "django_site"
        ordering = ["domain"]

    def __str__(self) -> str:
        return str(self.domain)
