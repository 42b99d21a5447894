"""Records: all SQL of Andon, one module a noun, on SQLite and PostgreSQL.

Functions take the connection of the caller's transaction first and give frozen values of ``domain``.
Rows are facts with an author and a time and are only added; what may be changed is a projection, made
from facts in the same transaction (``image_labels``) or the progress of a job.
"""
