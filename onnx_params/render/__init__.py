"""Turn records into text, one module a format; every renderer is a pure function."""
