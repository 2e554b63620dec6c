import GRDB

/// The tables, step by step. A step that has shipped is never changed; a change is a new step.
enum StoreSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 resources, claims and references") { db in
      try db.execute(
        sql: """
          CREATE TABLE store (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            revision INTEGER NOT NULL,
            -- The change log holds every transaction after this one.
            compactedRevision INTEGER NOT NULL
          ) STRICT;
          INSERT INTO store VALUES (1, 0, 0);

          CREATE TABLE resource (
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            createdAtSeconds INTEGER NOT NULL,
            ec2InstanceID TEXT,
            document TEXT NOT NULL,
            PRIMARY KEY (kind, id)
          ) STRICT, WITHOUT ROWID;

          -- What only one resource may have: the primary key is the promise.
          CREATE TABLE claim (
            space TEXT NOT NULL,
            key TEXT NOT NULL,
            holderKind TEXT NOT NULL,
            holderID TEXT NOT NULL,
            PRIMARY KEY (space, key),
            FOREIGN KEY (holderKind, holderID) REFERENCES resource (kind, id)
              ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
          ) STRICT, WITHOUT ROWID;
          CREATE INDEX claimHolder ON claim (holderKind, holderID);

          CREATE TABLE reference (
            fromKind TEXT NOT NULL,
            fromID TEXT NOT NULL,
            toKind TEXT NOT NULL,
            toID TEXT NOT NULL,
            PRIMARY KEY (fromKind, fromID, toKind, toID),
            FOREIGN KEY (fromKind, fromID) REFERENCES resource (kind, id)
              ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            FOREIGN KEY (toKind, toID) REFERENCES resource (kind, id)
              DEFERRABLE INITIALLY DEFERRED
          ) STRICT, WITHOUT ROWID;
          CREATE INDEX referenceTarget ON reference (toKind, toID);

          CREATE TABLE password (
            instanceID TEXT PRIMARY KEY NOT NULL,
            password BLOB NOT NULL
          ) STRICT, WITHOUT ROWID;

          -- What each transaction touched, for readers that come late.
          CREATE TABLE change (
            number INTEGER PRIMARY KEY,
            revision INTEGER NOT NULL,
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            isPassword INTEGER NOT NULL
          ) STRICT;
          CREATE INDEX changeRevision ON change (revision);
          """)
    }
    return migrator
  }
}
