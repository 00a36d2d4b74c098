"""The site's database: accounts, cases, answers, profiles and the audit log. SQLite, or PostgreSQL by its address."""
