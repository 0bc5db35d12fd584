"""The site's addresses; ROOT_ROUTER in config/settings.py names `router`."""

from covet.routing import Router
from covet.static import StaticFiles

from app.views import pages

from .api import api_router

router = Router()
router.get("/", pages.welcome, name="welcome")
router.get("/posts/", pages.post_list, name="post-list")
router.get("/posts/{pk:int}/", pages.post_detail, name="post-detail")
router.include("/api", api_router)
router.mount("/static", StaticFiles())  # nginx serves them in production, before a request comes here
