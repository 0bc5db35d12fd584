"""The first app's tables."""

from covet.database.migrations import Migration


class Migration(Migration):
    """Authors and their posts."""

    async def up(self):
        await self.create_table(
            "app_author",
            id="BIGINT PRIMARY KEY",
            name="VARCHAR(100) NOT NULL UNIQUE",
        )
        await self.create_table(
            "app_post",
            id="BIGINT PRIMARY KEY",
            author_id="BIGINT NOT NULL",
            title="VARCHAR(200) NOT NULL",
            body="TEXT NOT NULL",
            created_at="TIMESTAMP WITH TIME ZONE NOT NULL",
        )
        await self.add_foreign_key("app_post", ["author_id"], "app_author", ["id"])
        await self.create_index("app_post_created_at_2d527eb2", "app_post", ["created_at"])
        await self.create_index("app_post_author_id_87e1d289", "app_post", ["author_id"])

    async def down(self):
        await self.drop_table("app_post")
        await self.drop_table("app_author")
