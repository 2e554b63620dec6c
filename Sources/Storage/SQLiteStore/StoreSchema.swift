internal import GRDB
internal import Inventory

/// The database's tables, and the check that a file holds them.
enum StoreSchema {
  /// Marks the file as ours in its header (`file` shows it): "NmPl".
  static let applicationID: Int64 = 0x4E6D_506C

  /// - Parameter now: Seconds since 1970, kept as the creation time of the default network.
  static func migrator(now: Int) -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("resources, claims, references, passwords and changes") { db in
      try db.execute(sql: tables)
    }
    migrator.registerMigration("the default network") { db in
      let network = Resource.network(Network(id: .default))
      let record = Record(resource: network, revision: 1, createdAtSeconds: now)
      try db.execute(sql: "INSERT INTO meta (id, revision) VALUES (1, 1)")
      try ResourceTable(db: db).write(record, document: network.value.text)
      try db.execute(
        sql: "INSERT INTO change (revision, kind, id, action) VALUES (1, ?, ?, 'put')",
        arguments: [network.kind.rawValue, network.id.text])
    }
    migrator.registerMigration("keys of session tokens") { db in
      try db.execute(
        sql: """
          CREATE TABLE tokenKey (
            id INTEGER PRIMARY KEY,
            secret BLOB NOT NULL,
            createdAtSeconds INTEGER NOT NULL
          );
          """)
    }
    migrator.registerMigration("access and audit") { db in try db.execute(sql: accessTables) }
    return migrator
  }

  /// Marks a new file before anything else is in it: who is killed on the way to the first tables
  /// finds its own file again.
  static func mark(_ pool: DatabasePool) throws {
    try pool.write { db in
      guard try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0 else { return }
      try db.execute(sql: "PRAGMA application_id = \(applicationID)")
    }
  }

  /// Refuses what is not a sound database of ours, before anything is written to the file.
  static func check(_ db: Database, failure: StoreFailure) throws {
    try checkPages(db, failure: failure)
    try checkKind(db, failure: failure)
  }

  /// Refuses a database of which a page is damaged.
  static func checkPages(_ db: Database, failure: StoreFailure) throws {
    let verdict: String
    do {
      verdict = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "no answer"
    } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
      verdict = error.message ?? "unreadable"
    }
    guard verdict == "ok" else {
      let oneLine = verdict.split(separator: "\n").joined(separator: " ")
      throw failure.corrupt("is damaged (\(oneLine))")
    }
  }

  /// Refuses what is no database of ours, or a newer version's.
  static func checkKind(_ db: Database, failure: StoreFailure) throws {
    // A file that was made and not filled yet has no tables and no mark.
    guard try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") != 0 else { return }
    guard try Int64.fetchOne(db, sql: "PRAGMA application_id") == applicationID else {
      throw failure.corrupt("is a database of another program")
    }
    guard try !migrator(now: 0).hasBeenSuperseded(db) else {
      throw StoreError.corrupt(
        "\(failure.directory.database) was written by a newer version of Nameplate. "
          + "It is left as it is: run that version, or put a backup of this one in its place")
    }
  }

  /// Claims are unique and references hold by the schema itself, whatever the code above believes.
  /// References are judged when the transaction ends, so that its mutations can come in any order.
  private static let tables = """
    CREATE TABLE meta (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      revision INTEGER NOT NULL
    );

    CREATE TABLE resource (
      kind TEXT NOT NULL,
      id TEXT NOT NULL,
      revision INTEGER NOT NULL,
      createdAtSeconds INTEGER NOT NULL,
      ec2InstanceID TEXT,
      document TEXT NOT NULL,
      PRIMARY KEY (kind, id)
    );

    CREATE TABLE claim (
      space TEXT NOT NULL,
      key TEXT NOT NULL,
      holderKind TEXT NOT NULL,
      holderID TEXT NOT NULL,
      PRIMARY KEY (space, key),
      FOREIGN KEY (holderKind, holderID) REFERENCES resource (kind, id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
    ) WITHOUT ROWID;
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
    ) WITHOUT ROWID;
    CREATE INDEX referenceTarget ON reference (toKind, toID);

    CREATE TABLE password (
      instanceKind TEXT NOT NULL DEFAULT 'Instance' CHECK (instanceKind = 'Instance'),
      instanceID TEXT NOT NULL PRIMARY KEY,
      text BLOB NOT NULL,
      FOREIGN KEY (instanceKind, instanceID) REFERENCES resource (kind, id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
    );

    CREATE TABLE change (
      position INTEGER PRIMARY KEY,
      revision INTEGER NOT NULL,
      kind TEXT NOT NULL,
      id TEXT NOT NULL,
      action TEXT NOT NULL
    );
    CREATE INDEX changeRevision ON change (revision);
    """

  /// Whose a deleted resource was stands in `change`, so that only they are told. A line of `audit`
  /// has a number within its class, done or refused, by which each class is bounded on its own.
  private static let accessTables = """
    ALTER TABLE change ADD COLUMN project TEXT;

    CREATE TABLE access (
      name TEXT NOT NULL PRIMARY KEY,
      role TEXT NOT NULL,
      project TEXT,
      tokenHash BLOB UNIQUE,
      certificateSubject TEXT UNIQUE,
      createdAtSeconds INTEGER NOT NULL,
      expiresAtSeconds INTEGER,
      CHECK ((tokenHash IS NULL) <> (certificateSubject IS NULL))
    );

    CREATE TABLE audit (
      position INTEGER PRIMARY KEY AUTOINCREMENT,
      isRefused INTEGER NOT NULL,
      number INTEGER NOT NULL,
      atSeconds INTEGER NOT NULL,
      authorKind TEXT NOT NULL,
      author TEXT NOT NULL,
      peer TEXT,
      operation TEXT NOT NULL,
      kind TEXT,
      id TEXT,
      outcome TEXT NOT NULL,
      before INTEGER,
      after INTEGER
    );
    CREATE UNIQUE INDEX auditNumber ON audit (isRefused, number);
    CREATE INDEX auditSubject ON audit (kind, id);
    """
}
