"""The addresses under /api."""

from covet.routing import Router

from app.views import api

api_router = Router()
api_router.get("/posts/", api.list_posts, name="api-post-list")
api_router.post("/posts/", api.create_post, name="api-post-create")
api_router.get("/posts/{pk:int}/", api.show_post, name="api-post-detail")
