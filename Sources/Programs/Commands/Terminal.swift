import Foundation
import Glibc

/// Standard error, where what is meant for a person's eyes goes.
enum Terminal {
  /// Whether a person reads standard output; NO_COLOR is honoured.
  static let hasColour =
    isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

  private static let showsProgress = isatty(STDERR_FILENO) == 1

  static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

  static func error(_ text: String) { write("nameplate: \(text)\n") }

  /// A line that the next one overwrites; a log file gets a line now and then.
  static func progress(_ done: Int, of total: Int, _ what: String) {
    if showsProgress {
      write("\r\(what): \(done) of \(total)" + (done >= total ? "\n" : ""))
    } else if done >= total || done % 5000 == 0 {
      write("\(what): \(done) of \(total)\n")
    }
  }

  static func bold(_ text: String) -> String { hasColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

  static func green(_ text: String) -> String { hasColour ? "\u{1B}[32m\(text)\u{1B}[0m" : text }

  static func red(_ text: String) -> String { hasColour ? "\u{1B}[31m\(text)\u{1B}[0m" : text }
}
