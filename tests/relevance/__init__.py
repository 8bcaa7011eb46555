"""Is what people type answered by what they mean? Judged queries over real and made-up titles; `make relevance`."""
