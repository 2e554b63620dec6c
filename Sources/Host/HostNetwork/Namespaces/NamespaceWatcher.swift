import CHostNetwork
import Glibc

/// Tells which namespaces there are, now and upon each change.
public struct NamespaceWatcher: Sendable {
  public let directory: String
  private let rescanMilliseconds: Int32

  /// What the kernel does not tell (a symbolic link's target, say) is found at the latest then.
  public static let defaultRescanMilliseconds: Int32 = 5000

  /// - Parameters:
  ///   - directory: Where the names are. It need not exist yet.
  ///   - rescanMilliseconds: How often to look without having been told of a change.
  public init(
    directory: String = NamespaceScan.defaultDirectory,
    rescanMilliseconds: Int32 = NamespaceWatcher.defaultRescanMilliseconds
  ) {
    self.directory = directory
    self.rescanMilliseconds = rescanMilliseconds
  }

  /// Why nothing can be watched.
  public struct Failed: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String
  }

  /// The namespaces that are there, then the same after each change. A reader that is slow gets
  /// the newest state and misses those between.
  ///
  /// Watching ends when the reader's task is cancelled or the sequence is given up.
  public func scans() throws(Failed) -> AsyncStream<NamespaceScan> {
    guard let wake = WakeDescriptor() else {
      throw Failed(description: "namespaces cannot be watched: \(NamespaceWatcher.reason(errno))")
    }
    let (stream, continuation) = AsyncStream<NamespaceScan>.makeStream(
      bufferingPolicy: .bufferingNewest(1))
    continuation.onTermination = { _ in wake.signal() }
    let code = OneOffThread.start { [directory, rescanMilliseconds] in
      NamespaceWatcher.watch(directory, rescanMilliseconds, wake) { continuation.yield($0) }
      continuation.finish()
    }
    guard code == 0 else {
      continuation.finish()
      throw Failed(description: "namespaces cannot be watched: \(NamespaceWatcher.reason(code))")
    }
    return stream
  }

  static func reason(_ code: Int32) -> String {
    unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
  }

  /// Looks, tells what is new and waits for the next change, until it is woken to end.
  private static func watch(
    _ directory: String, _ rescanMilliseconds: Int32, _ wake: WakeDescriptor,
    _ tell: (NamespaceScan) -> Void
  ) {
    var events = NamespaceEvents(directory: directory)
    var last: NamespaceScan?
    let clock = ContinuousClock()
    while true {
      let start = clock.now
      // Before the look, so that nothing goes by between the two.
      events.watch()
      var scan = NamespaceScan(directory: directory)
      scan.problem = scan.problem ?? events.problem
      // To close every listener because a file could not be opened would be worse than to wait.
      if !scan.isComplete, let last { scan.namespaces = last.namespaces }
      if scan != last { tell(scan) }
      last = scan
      // Mounts of others wake us too; looking takes a fifth of a core at most. A change brings
      // several events, and these milliseconds gather them.
      let pause = min(1000, max(5, (clock.now - start) * 4 / .milliseconds(1)))
      guard events.wait(for: rescanMilliseconds, or: wake.descriptor),
        !wake.isSignalled(within: Int32(pause))
      else { return }
    }
  }
}

/// A descriptor that ends a wait. It is closed when nobody can signal it any more, so that the
/// signal never goes to another file.
final class WakeDescriptor: Sendable {
  let descriptor: Int32

  init?() {
    descriptor = np_make_wake_descriptor()
    if descriptor < 0 { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func signal() { np_wake(descriptor) }

  func isSignalled(within milliseconds: Int32) -> Bool {
    var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&polled, 1, milliseconds) > 0
  }
}
