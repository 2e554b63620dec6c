import Glibc
import Synchronization

/// Turns the signals that end a program into an error, so that every way out stops what was
/// started. All of the bench's waiting is short or returns early when a signal arrives.
enum Interrupt {
  struct Received: Error {
    let signal: Int32
  }

  private static let received = Atomic<Int32>(0)

  static func install() {
    // The handler must not be the first to touch the static.
    received.store(0, ordering: .relaxed)
    for signal in [SIGINT, SIGTERM, SIGHUP] {
      var action = sigaction()
      unsafe action.__sigaction_handler.sa_handler = { signal in
        Interrupt.received.store(signal, ordering: .relaxed)
      }
      unsafe sigaction(signal, &action, nil)
    }
  }

  static func check() throws(Received) {
    let signal = received.load(ordering: .relaxed)
    if signal != 0 { throw Received(signal: signal) }
  }
}

/// Rests between two looks at something that another process does.
func pause(milliseconds: Int) { pause(microseconds: milliseconds * 1000) }

func pause(microseconds: Int) {
  var time = timespec(
    tv_sec: microseconds / 1_000_000, tv_nsec: microseconds % 1_000_000 * 1000)
  unsafe nanosleep(&time, nil)
}
