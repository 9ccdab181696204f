"""The record of a run: one model of it, its identity, its versions, its file."""
