"""The page that verifies codes, addresses out of QR codes, and receipts."""
