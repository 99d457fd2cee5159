"""Vigía: a linked-data knowledge graph of surveillance technology in Latin America."""
