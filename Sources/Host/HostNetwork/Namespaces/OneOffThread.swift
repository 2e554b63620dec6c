import Glibc

/// A thread that does one thing and ends.
enum OneOffThread {
  struct NotStarted: Error, Sendable {
    /// The errno of pthread_create.
    let code: Int32
  }

  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` on a new thread that is in no pool and ends afterwards.
  static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async
    -> Result<Value, NotStarted>
  {
    await withCheckedContinuation { continuation in
      let code = start { continuation.resume(returning: .success(body())) }
      if code != 0 { continuation.resume(returning: .failure(NotStarted(code: code))) }
    }
  }

  /// Starts a thread that nobody waits for.
  /// - Returns: 0, or the reason why there is none; `body` is not called then.
  static func start(_ body: @escaping @Sendable () -> Void) -> Int32 {
    let work = unsafe Unmanaged.passRetained(Work(body))
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
        }
        return nil
      }, work.toOpaque())
    guard code == 0 else {
      unsafe work.release()
      return code
    }
    pthread_detach(thread)
    return 0
  }
}
