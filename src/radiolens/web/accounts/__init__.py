"""Who may do what in the web app: accounts, sign-in, API tokens, and the pages for them."""
