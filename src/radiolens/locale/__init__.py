"""The languages of pages and reports: their texts, and how they write numbers and dates."""
