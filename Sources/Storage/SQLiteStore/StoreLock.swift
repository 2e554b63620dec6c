internal import Foundation
internal import Synchronization

/// A state directory's lock. The kernel lets go of it when the process ends, however it ends.
final class StoreLock: Sendable {
  private let file: Mutex<Int32?>

  init(file: Int32) { self.file = Mutex(file) }

  deinit { release() }

  func release() {
    let file = self.file.withLock { file in
      defer { file = nil }
      return file
    }
    guard let file else { return }
    // A child that has been forked and has not become its program yet has the descriptor, too.
    flock(file, LOCK_UN)
    close(file)
  }
}
