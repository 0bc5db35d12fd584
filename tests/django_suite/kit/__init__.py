"""`django.test` over any subject: what the test modules import in its place."""
