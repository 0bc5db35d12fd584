"""The first app of @@project_title@@."""
