import CHostNetwork
import Foundation
import Glibc
import Synchronization

/// What a test does itself in a network namespace that `ip netns` knows.
public enum NetworkNamespace {
  /// Runs something that may block, on a thread of its own in the namespace. Sockets that it opens stay
  /// there, and keep the namespace alive until they are closed.
  public static func run<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      detach(name, body) { continuation.resume(with: $0) }
    }
  }

  /// The same, while the calling thread waits: for what does not block.
  public static func runHere<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws -> Value
  ) throws -> Value {
    let result = Mutex<Result<Value, any Error>>(.failure(ChildProcess.Failed("not run")))
    let isDone = DispatchSemaphore(value: 0)
    detach(name, body) { value in
      result.withLock { $0 = value }
      isDone.signal()
    }
    isDone.wait()
    return try result.withLock { $0 }.get()
  }

  private static func detach<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws -> Value,
    then: @escaping @Sendable (Result<Value, any Error>) -> Void
  ) {
    Thread.detachNewThread {
      then(
        Result {
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
