import Dispatch
import Foundation
import Glibc

/// The terminal's other screen, for what is drawn over and over; the first one is there again
/// afterwards, however it ends.
enum FullScreen {
  enum Event: Sendable, Hashable {
    /// An interval is over.
    case time
    case resized
    case stopped
    case quit
  }

  struct Size {
    var rows: Int
    var columns: Int
  }

  struct Line {
    var text: String
    /// Whether it stands over a table.
    var isHead = false
  }

  /// Whether a person is in front of a terminal that can do it.
  static var isPossible: Bool {
    isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// Draws lines, now and with each event, until ^C or q.
  /// - Parameter lines: What to draw; the first event is that the screen has a size.
  static func show(
    every interval: Duration, _ lines: (Event, Size) async throws -> [Line]
  ) async throws {
    let input = Keyboard()
    let (events, sources) = listen()
    defer { for source in sources { source.cancel() } }
    enter(input)
    defer { leave(input) }
    draw(try await lines(.resized, size))
    try await withThrowingTaskGroup(of: Void.self) { group in
      let (ticks, clock) = AsyncStream.makeStream(of: Event.self)
      group.addTask {
        while (try? await Task.sleep(for: interval)) != nil { clock.yield(.time) }
      }
      group.addTask {
        for await event in events { clock.yield(event) }
      }
      for await event in ticks {
        switch event {
        case .quit:
          group.cancelAll()
          return
        case .stopped:
          leave(input)
          kill(getpid(), SIGSTOP)
          enter(input)
          draw(try await lines(.resized, size))
        case .time, .resized: draw(try await lines(event, size))
        }
      }
    }
  }

  // MARK: The terminal

  private static func enter(_ input: Keyboard) {
    input.silence()
    write("\u{1B}[?1049h\u{1B}[?25l")
  }

  private static func leave(_ input: Keyboard) {
    write("\u{1B}[?25h\u{1B}[?1049l")
    input.restore()
  }

  /// Over what is there, so that nothing flickers.
  private static func draw(_ lines: [Line]) {
    let size = size
    let shown = lines.prefix(max(1, size.rows - 1)).map { line in
      let text = String(line.text.prefix(size.columns))
      return (line.isHead ? Terminal.bold(text) : text) + "\u{1B}[K\n"
    }
    write("\u{1B}[H" + shown.joined() + "\u{1B}[J")
  }

  /// A terminal that is gone takes nothing; that it is gone is heard of as a key.
  private static func write(_ text: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
  }

  private static var size: Size {
    var size = winsize()
    guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0,
      size.ws_col > 0
    else { return Size(rows: 24, columns: 80) }
    return Size(rows: Int(size.ws_row), columns: Int(size.ws_col))
  }

  // MARK: Events

  /// Signals and keys, until the sources are cancelled.
  private static func listen() -> (AsyncStream<Event>, [any DispatchSourceProtocol]) {
    let (events, told) = AsyncStream.makeStream(of: Event.self)
    let queue = DispatchQueue(label: "nameplate.top")
    let signals: [(CInt, Event)] = [
      (SIGINT, .quit), (SIGTERM, .quit), (SIGHUP, .quit), (SIGWINCH, .resized),
      (SIGTSTP, .stopped),
    ]
    var sources: [any DispatchSourceProtocol] = signals.map { number, event in
      // A source is told of what would have been ignored; without this the process ends.
      _ = Glibc.signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { told.yield(event) }
      source.resume()
      return source
    }
    if isatty(STDIN_FILENO) == 1 {
      let source = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: queue)
      source.setEventHandler {
        var byte: UInt8 = 0
        // A terminal that is gone is the end too.
        let count = unsafe read(STDIN_FILENO, &byte, 1)
        if count <= 0 || byte == UInt8(ascii: "q") { told.yield(.quit) }
      }
      source.resume()
      sources.append(source)
    }
    return (events, sources)
  }
}

/// The terminal's input, whose keys are not shown meanwhile.
private struct Keyboard {
  private let before: termios?

  init() {
    var settings = termios()
    before = unsafe tcgetattr(STDIN_FILENO, &settings) == 0 ? settings : nil
  }

  func silence() {
    guard var settings = before else { return }
    settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
    _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }

  func restore() {
    guard var settings = before else { return }
    _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }
}
