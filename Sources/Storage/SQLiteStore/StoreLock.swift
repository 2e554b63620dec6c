import Glibc
import Inventory
import Synchronization

/// Holds a state directory for one daemon. The kernel lets go of it however the daemon ends.
final class StoreLock: Sendable {
  private let descriptor: Mutex<Int32?>

  init(directory: String) throws(StoreError) {
    let path = "\(directory)/lock"
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .unavailable(unsafe "\(path): cannot be opened: \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .unavailable(
        "\(directory): another daemon uses this state directory; stop it, or give this one "
          + "another state_directory")
    }
    self.descriptor = Mutex(descriptor)
  }

  deinit { release() }

  func release() {
    descriptor.withLock { descriptor in
      if let open = descriptor { close(open) }
      descriptor = nil
    }
  }
}
