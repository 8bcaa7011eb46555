"""Who may do what: every operation and every act tried by everybody, held against a table written from the law."""
