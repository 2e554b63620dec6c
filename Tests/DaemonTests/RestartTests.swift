import Foundation
import Testing

@Suite("Restart under load", .timeLimit(.minutes(3)))
struct RestartTests {
  @Test("with the socket in a supervisor's hands, no guest is refused, reset or told wrong")
  func socketActivation() async throws {
    let sources = (1...6).map { "127.0.0.\($0)" }
    let addresses = sources.map { "  - ip: \($0)\n" }.joined()
    let manifest = DaemonTests.manifest.replacing(
      "- address: 127.0.0.1", with: "- addresses:\n\(addresses)")
    // The guests ask as fast as they can.
    let supervisor = try Supervisor(
      manifest: manifest, options: ["--guest-requests-per-second", "0"])
    defer { supervisor.close() }
    try supervisor.start()
    #expect(await supervisor.notice() == "READY=1")
    let guests = GuestLoad(port: supervisor.port, sources: sources, answer: "demo")
    for _ in 0..<5 {
      await guests.answers(more: 10)
      supervisor.terminate()
      #expect(await supervisor.notice() == "STOPPING=1")
      #expect(await supervisor.ended() == 0)
      try supervisor.start()
      #expect(await supervisor.notice() == "READY=1")
    }
    await guests.answers(more: 10)
    #expect(await guests.stop().failures.prefix(5) == [])
  }
}
