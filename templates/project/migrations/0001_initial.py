"""The first app's tables; `covet migration auto` writes the next ones."""

from covet.database.migrations import Migration


class Migration(Migration):
    """Authors and their posts."""

    async def up(self):
        await self.create_table(
            "app_author",
            id="BIGINT PRIMARY KEY",
            name="VARCHAR(100) NOT NULL UNIQUE",
        )
        await self.create_index(
            "app_author_name_913eb4ae_like",
            "app_author",
            ['"name" varchar_pattern_ops'],
            vendors=["postgresql"],
        )
        await self.create_table(
            "app_post",
            'CONSTRAINT "app_post_author_id_87e1d289_fk_app_author_id" '
            'FOREIGN KEY ("author_id") REFERENCES "app_author" ("id") DEFERRABLE INITIALLY DEFERRED',
            id="BIGINT PRIMARY KEY",
            author_id="BIGINT NOT NULL",
            title="VARCHAR(200) NOT NULL",
            body="TEXT NOT NULL",
            created_at="TIMESTAMP WITH TIME ZONE NOT NULL",
        )
        await self.create_index(
            "app_post_author_id_87e1d289",
            "app_post",
            ["author_id"],
            vendors=["postgresql", "sqlite"],
        )
        await self.create_index("app_post_created_at_2d527eb2", "app_post", ["created_at"])

    async def down(self):
        await self.drop_table("app_post")
        await self.drop_table("app_author")
