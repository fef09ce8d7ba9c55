-- Whose account somebody was signed in to when they wrote to us; empty where nobody was signed in and
-- nobody is known to be who they say.
ALTER TABLE enquiries ADD COLUMN account_id TEXT REFERENCES accounts (id);
