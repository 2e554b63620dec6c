import CHostNetwork
import Foundation
import Glibc

/// What a test does itself in a network namespace that `ip netns` knows.
public enum NetworkNamespace {
  /// Runs something that may block, on a thread of its own in the namespace. Sockets that it opens stay
  /// there, and keep the namespace alive until they are closed.
  public static func run<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            let file = unsafe open("/run/netns/\(name)", O_RDONLY | O_CLOEXEC)
            defer { close(file) }
            guard file >= 0, np_enter_network_namespace(file) == 0 else {
              throw ChildProcess.Failed(
                "\(name) cannot be entered: \(unsafe String(cString: strerror(errno)))")
            }
            return try body()
          })
      }
    }
  }
}
