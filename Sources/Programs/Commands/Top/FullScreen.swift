import Dispatch
import Foundation
import Glibc

/// The terminal's other screen, for what is drawn over and over; the first one is there again
/// afterwards, however it ends.
enum FullScreen {
  /// What a person does.
  private enum Command {
    case resize
    case stop
    case quit
  }

  private enum Event<Look: Sendable>: Sendable {
    case command(Command)
    case look(Look)
    /// Time has passed, whether or not there was a look.
    case time
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

  /// Draws looks, the first one at once, until ^C or q, which are heard while a look is waited for, too.
  /// - Parameters:
  ///   - interval: The time from one look to the next.
  ///   - next: The look after one.
  ///   - lines: What to draw of a look.
  static func show<Look: Sendable>(
    _ first: Look, every interval: Duration,
    next: @escaping @Sendable (Look) async throws -> Look, lines: (Look, Size) -> [Line]
  ) async throws {
    let input = Keyboard()
    let (commands, listener) = listen()
    defer { listener.cancel() }
    enter(input)
    defer { leave(input) }
    var look = first
    var lookedAt = ContinuousClock.now
    draw(lines(look, size))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for try await event in events(first, interval, next, commands, &group) {
        switch event {
        case .command(.quit):
          group.cancelAll()
          return
        case .command(.stop):
          leave(input)
          // This thread's own: the program goes no further until it is continued.
          raise(SIGSTOP)
          enter(input)
          draw(lines(look, size))
        case .command(.resize): draw(lines(look, size))
        case .look(let next):
          (look, lookedAt) = (next, .now)
          draw(lines(look, size))
        case .time:
          let age = ContinuousClock.now - lookedAt
          guard age > interval + FullScreen.patience else { break }
          let note = "no answer from the daemon for \(age.components.seconds) s"
          draw([Line(text: note, isHead: true)] + lines(look, size))
        }
      }
    }
  }

  /// After so long the look that is shown is said to be an old one.
  private static let patience = Duration.seconds(1)

  private static func events<Look: Sendable>(
    _ first: Look, _ interval: Duration, _ next: @escaping @Sendable (Look) async throws -> Look,
    _ commands: AsyncStream<Command>, _ group: inout ThrowingTaskGroup<Void, any Error>
  ) -> AsyncThrowingStream<Event<Look>, any Error> {
    let (events, told) = AsyncThrowingStream.makeStream(of: Event<Look>.self)
    group.addTask {
      var look = first
      while (try? await Task.sleep(for: interval)) != nil {
        do {
          look = try await next(look)
          told.yield(.look(look))
        } catch {
          return told.finish(throwing: error)
        }
      }
    }
    group.addTask {
      while (try? await Task.sleep(for: max(interval, patience))) != nil { told.yield(.time) }
    }
    group.addTask {
      for await command in commands { told.yield(.command(command)) }
    }
    return events
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

  /// Signals and keys, until the listener is cancelled.
  private static func listen() -> (AsyncStream<Command>, Listener) {
    let (commands, told) = AsyncStream.makeStream(of: Command.self)
    let queue = DispatchQueue(label: "nameplate.top")
    let signals: [(CInt, Command)] = [
      (SIGINT, .quit), (SIGTERM, .quit), (SIGHUP, .quit), (SIGWINCH, .resize), (SIGTSTP, .stop),
    ]
    var sources: [any DispatchSourceProtocol] = signals.map { number, command in
      // A source is told of what would have been ignored; without this the process ends.
      _ = Glibc.signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { told.yield(command) }
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
    return (commands, Listener(sources: sources, signals: signals.map(\.0)))
  }

  private struct Listener {
    let sources: [any DispatchSourceProtocol]
    let signals: [CInt]

    func cancel() {
      for source in sources { source.cancel() }
      for number in signals { _ = Glibc.signal(number, SIG_DFL) }
    }
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
