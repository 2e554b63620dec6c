import Foundation
import TestKit
import Testing

@Suite("Under systemd", .timeLimit(.minutes(2)))
struct SystemdTests {
  @Test("a socket that is handed over is served, and readiness and the stop are reported")
  func supervised() async throws {
    let supervisor = try Supervisor(manifest: DaemonTests.manifest)
    defer { supervisor.close() }
    try supervisor.start()
    #expect(await supervisor.notice() == "READY=1")
    let guest = try KeptConnection(port: supervisor.port, source: "127.0.0.1")
    defer { guest.close() }
    #expect(try guest.get("/latest/meta-data/hostname").hasSuffix("\r\n\r\ndemo"))
    supervisor.terminate()
    #expect(await supervisor.notice() == "STOPPING=1")
    #expect(await supervisor.ended() == 0)
  }
}
