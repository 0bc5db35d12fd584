"""Background work: `arq config.worker.WorkerSettings` runs it, wherever REDIS_URL points."""

import logging
from typing import Any

from arq import cron
from arq.connections import RedisSettings

from covet.conf import settings

from app.models import Post

logger = logging.getLogger(__name__)


async def count_posts(context: dict[str, Any]) -> int:
    """Logs how many posts there are."""
    count = await Post.objects.count()
    logger.info("%d posts", count)
    return count


class WorkerSettings:
    """What arq runs, and how often."""

    functions = [count_posts]
    cron_jobs = [cron(count_posts, minute=0)]
    redis_settings = RedisSettings.from_dsn(settings.REDIS_URL or "redis://localhost:6379")
