"""The paper side: statutory documents, confirmation sheets, seals, service, archive packages (room of floor 3)."""
