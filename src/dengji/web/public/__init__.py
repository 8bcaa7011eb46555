"""Pages of the public: notices, objections, complaints, requests about personal data, texts of the agency."""
