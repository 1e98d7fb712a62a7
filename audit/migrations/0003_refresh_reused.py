"""Entries tell of refresh tokens that were used twice. Nothing changes in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_rules")]

    operations = [
        migrations.AlterField(
            model_name="entry",
            name="action",
            field=models.TextField(
                choices=[
                    ("view", "Looked at"),
                    ("list", "Listed"),
                    ("search", "Searched"),
                    ("create", "Created"),
                    ("update", "Changed"),
                    ("delete", "Deleted"),
                    ("login", "Logged in"),
                    ("login_failed", "Failed to log in"),
                    ("logout", "Logged out"),
                    ("refresh_reused", "Used a refresh token again"),
                ]
            ),
        ),
    ]
