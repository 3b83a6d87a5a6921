"""How good is what it finds? Against other libraries, references and papers."""
