import Foundation
import TestKit
import Testing

/// `nameplate top` on a terminal: what a person does to it, and how it is left.
@Suite("nameplate top on a terminal", .timeLimit(.minutes(2)))
struct TopTerminalTests {
  /// `top` in front of somebody, after it has drawn once.
  private final class Front {
    let daemon: DaemonProcess
    let terminal: PseudoTerminal
    let process: ChildProcess
    let screen = LogLines()

    /// - Parameters:
    ///   - interval: An hour where only what a person does should draw.
    ///   - shell: Whether it is called from an interactive shell.
    init(interval: String = "1h", inShell shell: Bool = false) async throws {
      daemon = try await DaemonProcess(manifest: MetricsTests.manifest)
      terminal = try PseudoTerminal(rows: 24, columns: 80)
      let top = [Program.path, "top", "--interval", interval, "--socket", daemon.socket]
      process = try terminal.start(
        shell ? ["bash", "--norc", "-i"] : top, environment: ["PS1": Self.prompt])
      screen.read(terminal.output.fileHandleForReading)
      if shell {
        #expect(await isPrompted())
        terminal.type(top.joined(separator: " ") + "\n")
      }
      #expect(await isDrawn(), "\(screen.all)")
    }

    func stop() {
      process.signal(SIGKILL)
      process.waitHere()
      daemon.stop()
    }

    private static let prompt = "at the prompt> "

    /// Whether the shell reads keys. What is typed before goes lost where `top` is on its way out.
    func isPrompted() async -> Bool { await screen.wait(for: Self.prompt) }

    /// Whether it has the other screen now, and something is on it.
    func isDrawn() async -> Bool {
      let entered = await screen.wait(for: "\u{1B}[?1049h")
      let drawn = await screen.wait(for: "requests ")
      return entered && drawn && !terminal.isCooked
    }

    /// Whether the first screen is back, the cursor is shown and keys are as they were.
    func isLeft() async -> Bool {
      let shown = await screen.wait(for: "\u{1B}[?25h")
      let left = await screen.wait(for: "\u{1B}[?1049l")
      return shown && left && terminal.isCooked
    }
  }

  @Test("another size is drawn for at once, and no line is wider")
  func resize() async throws {
    let front = try await Front()
    defer { front.stop() }
    for (rows, columns) in [(10, 40), (30, 120), (1, 1)] {
      front.screen.forgetAll()
      front.terminal.resize(rows: UInt16(rows), columns: UInt16(columns))
      #expect(await front.screen.wait(for: "\u{1B}[J"))
      let lines = front.screen.all.replacing("\r\n", with: "\n")
        .replacing(#/\u{1B}\[[?0-9]*[A-Za-z]/#, with: "").split(separator: "\n")
      #expect(lines.count <= rows && lines.allSatisfy { $0.count <= columns }, "\(lines)")
      #expect(!lines.isEmpty)
    }
    front.terminal.type("q")
    #expect(await front.process.wait() == 0)
    #expect(await front.isLeft())
  }

  @Test("stopped by ^Z it leaves the terminal as it found it, and draws anew when it goes on")
  func stops() async throws {
    let front = try await Front()
    defer { front.stop() }
    for _ in 0..<5 {
      front.screen.forgetAll()
      front.terminal.type("\u{1A}")
      #expect(await front.process.isStopped())
      #expect(await front.isLeft())
      // Nothing is drawn on the shell's screen once it has stopped.
      #expect(!front.screen.all.contains("\u{1B}[?1049h"), "\(front.screen.all)")
      front.screen.forgetAll()
      front.process.signal(SIGCONT)
      #expect(await front.isDrawn())
    }
    front.terminal.type("\u{3}")
    #expect(await front.process.wait() == 0)
    #expect(await front.isLeft())
  }

  @Test("a shell's job control: ^Z, fg, q")
  func shell() async throws {
    let front = try await Front(inShell: true)
    defer { front.stop() }
    front.screen.forgetAll()
    front.terminal.type("\u{1A}")
    #expect(await front.screen.wait(for: "Stopped"))
    #expect(await front.screen.wait(for: "\u{1B}[?1049l"))
    #expect(await front.isPrompted())
    front.screen.forgetAll()
    front.terminal.type("fg\n")
    #expect(await front.isDrawn())
    front.screen.forgetAll()
    front.terminal.type("q")
    #expect(await front.screen.wait(for: "\u{1B}[?1049l"))
    #expect(await front.isPrompted())
    front.terminal.type("echo status=$?.\n")
    #expect(await front.screen.wait(for: "status=0."))
    front.terminal.type("exit\n")
    #expect(await front.process.wait() == 0)
  }

  @Test(
    "a daemon that does not answer is told of, and keys are heard all the same",
    arguments: ["q", "\u{3}"])
  func silence(_ key: String) async throws {
    let front = try await Front(interval: "100ms")
    defer { front.stop() }
    front.daemon.signal(SIGSTOP)
    defer { front.daemon.signal(SIGCONT) }
    #expect(await front.screen.wait(for: "no answer from the daemon for "))
    front.terminal.type(key)
    #expect(await front.process.wait() == 0)
    #expect(await front.isLeft())
  }

  /// How a look ends.
  enum Ending: String, Sendable, CaseIterable {
    case interrupt, key, daemon
  }

  @Test("a terminal is left as it was found, however it ends", arguments: Ending.allCases)
  func ending(_ ending: Ending) async throws {
    let front = try await Front(interval: "100ms")
    defer { front.stop() }
    // Drawn once, and once more.
    #expect(await front.screen.wait(for: "the last 0.1 s"), "\(front.screen.all)")
    switch ending {
    case .interrupt: front.terminal.type("\u{3}")
    case .key: front.terminal.type("q")
    case .daemon: front.daemon.signal(SIGTERM)
    }
    #expect(await front.process.wait() == (ending == .daemon ? 3 : 0))
    #expect(await front.isLeft())
    await front.screen.waitForEnd()
    let all = front.screen.all
    for text in ["\u{1B}[?1049h", "\u{1B}[?1049l", "\u{1B}[?25l", "\u{1B}[?25h"] {
      #expect(all.components(separatedBy: text).count == 2, "\(all)")
    }
    // What is wrong is told on the first screen.
    let after = all.components(separatedBy: "\u{1B}[?1049l").last ?? ""
    #expect(after.contains("nameplate: ") == (ending == .daemon), "\(after)")
  }
}
