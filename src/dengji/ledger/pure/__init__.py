"""The pure half of the ledger: tree, tiles, notes, checkpoints, cosignatures, receipts; no Django."""
