"""Where bytes come from: files, package indexes, model hubs, the web. Verified by hash and kept in a cache."""
