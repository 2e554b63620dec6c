import Foundation
import TestKit
import Testing

@Suite("What these tests stand on")
struct TestKitTests {
  @Test("a line that never comes fails the test, which says what was waited for and what came")
  func lateLine() async throws {
    let (pipe, lines) = (Pipe(), LogLines())
    lines.read(pipe.fileHandleForReading)
    try pipe.fileHandleForWriting.write(contentsOf: Array("begun\n".utf8))
    #expect(await lines.wait(for: "begun"))
    await withKnownIssue {
      #expect(await !lines.wait(for: "ready", withinSeconds: 0.01))
    } matching: { issue in
      let text = issue.comments.map(\.rawValue).joined()
      return text.contains(#""ready" did not come within 0.01 s"#) && text.contains("begun")
    }
    // What has ended is not waited for.
    try pipe.fileHandleForWriting.close()
    await lines.waitForEnd()
    #expect(await !lines.wait(for: "ready"))
    #expect(await !lines.wait(for: "begun", times: 2))
  }

  @Test("a port that was found is nobody else's, and who was given it can listen there, again, too")
  func ports() throws {
    let port = try FreePort.find()
    #expect(throws: Program.Failed.self) { try SocketAddress.bound(port: port) }
    for _ in 1...2 {
      let (descriptor, bound) = try SocketAddress.bound(port: port, isReusable: true)
      defer { close(descriptor) }
      #expect(bound == port && listen(descriptor, 1) == 0)
    }
  }

  @Test("a program is started as from a shell, whatever is ignored here")
  func ignoredSignals() async throws {
    for number in [SIGHUP, SIGINT, SIGPIPE] {
      let before = signal(number, SIG_IGN)
      defer { _ = signal(number, before) }
      let output = try await ChildProcess.run(["sh", "-c", "kill -\(number) $$; echo ignored"])
      #expect(output.status == 128 + number && output.out == "")
    }
  }
}
