import Glibc

/// The time that passes while the agent waits: the kernel's, or a test's.
public protocol Pace {
  /// Milliseconds since some moment that does not move.
  var now: Int64 { get }
  func sleep(milliseconds: Int64)
}

public struct KernelPace: Pace {
  public init() {}

  public var now: Int64 { monotonicMilliseconds() }

  public func sleep(milliseconds: Int64) {
    let end = now + milliseconds
    while true {
      let left = max(0, end - now)
      var time = timespec(tv_sec: Int(left / 1000), tv_nsec: Int(left % 1000) * 1_000_000)
      guard unsafe nanosleep(&time, nil) != 0, errno == EINTR else { return }
    }
  }
}

/// For deadlines on sockets.
func monotonicMilliseconds() -> Int64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
