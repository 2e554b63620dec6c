public import ControlAPI
import Hummingbird
public import Inventory

/// How the control server comes by the store's backups; what keeps the store knows how they are made.
public struct BackupAccess: Sendable {
  let all: @Sendable () -> [BackupForm]
  let make: @Sendable () async throws(StoreError) -> BackupForm

  /// - Parameters:
  ///   - all: The backups that there are, the newest first.
  ///   - make: Makes another one.
  public init(
    all: @escaping @Sendable () -> [BackupForm],
    make: @escaping @Sendable () async throws(StoreError) -> BackupForm
  ) {
    self.all = all
    self.make = make
  }

  /// For a store that has none.
  public static let none = BackupAccess(all: { [] }) { () throws(StoreError) in
    throw .unavailable("This store makes no backups")
  }
}

struct BackupHandlers: Sendable {
  let backups: BackupAccess

  func list() -> Response { .json(["items": .array(backups.all().map(\.form))]) }

  func create() async throws(Problem) -> Response {
    do {
      return .json(try await backups.make().form, status: .created)
    } catch {
      throw Problem(error)
    }
  }
}
