"""The app @@app_title@@."""
