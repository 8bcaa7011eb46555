"""The authority's pages: figures of the agencies it supervises, their cases, the rules, and the audit trail."""
