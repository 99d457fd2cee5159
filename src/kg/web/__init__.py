"""The web: HTTP requests come in; pages, documents and query results go out."""
