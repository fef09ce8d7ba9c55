-- Addresses and audit entries are only ever added, whoever holds the database.
CREATE TRIGGER addresses_stay BEFORE UPDATE ON addresses
  BEGIN SELECT RAISE(ABORT, 'an address is never changed'); END;
CREATE TRIGGER addresses_are_kept BEFORE DELETE ON addresses
  BEGIN SELECT RAISE(ABORT, 'an address is never removed'); END;
CREATE TRIGGER audit_entries_stay BEFORE UPDATE ON audit_entries
  BEGIN SELECT RAISE(ABORT, 'an audit entry is never changed'); END;
CREATE TRIGGER audit_entries_are_kept BEFORE DELETE ON audit_entries
  BEGIN SELECT RAISE(ABORT, 'an audit entry is never removed'); END;
CREATE TRIGGER audit_log_stays BEFORE UPDATE ON audit_log
  BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END;
CREATE TRIGGER audit_log_is_kept BEFORE DELETE ON audit_log
  BEGIN SELECT RAISE(ABORT, 'the audit log is never cut'); END;
CREATE TRIGGER audit_checkpoints_stay BEFORE UPDATE ON audit_checkpoints
  BEGIN SELECT RAISE(ABORT, 'a checkpoint is never changed'); END;
CREATE TRIGGER audit_checkpoints_are_kept BEFORE DELETE ON audit_checkpoints
  BEGIN SELECT RAISE(ABORT, 'a checkpoint is never removed'); END;
CREATE TRIGGER audit_cosignatures_stay BEFORE UPDATE ON audit_cosignatures
  BEGIN SELECT RAISE(ABORT, 'a co-signature is never changed'); END;
CREATE TRIGGER audit_cosignatures_are_kept BEFORE DELETE ON audit_cosignatures
  BEGIN SELECT RAISE(ABORT, 'a co-signature is never removed'); END;
