"""The app's addresses; include `router` in the root router."""

from covet.routing import Router

from ..views import index

router = Router()
router.get("/", index, name="@@app_name@@-index")
