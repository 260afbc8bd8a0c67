"""The Git side: objects, trees, refs, the operation log, repository and transaction."""
