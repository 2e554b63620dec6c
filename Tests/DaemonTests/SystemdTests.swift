import Foundation
import TestKit
import Testing

@Suite("Under systemd")
struct SystemdTests {
  /// Does what systemd does for a unit with a socket and Type=notify: hands over a listening
  /// socket as descriptor 3, waits for word of readiness, asks as a guest, and stops the unit.
  static let supervisor = """
    import os, socket, sys, signal, urllib.request
    program, folder = sys.argv[1:3]
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(folder + "/notify")
    notify.settimeout(30)
    child = os.fork()
    if child == 0:
        os.dup2(listening.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", NOTIFY_SOCKET=folder + "/notify")
        os.execv(program, [program, "serve", "--state-directory", folder + "/state", "--control-socket",
                           folder + "/c.sock", "--apply", folder + "/manifest.yaml"])
    print(notify.recv(100).decode())
    print(urllib.request.urlopen(f"http://127.0.0.1:{port}/latest/meta-data/hostname").read().decode())
    os.kill(child, signal.SIGTERM)
    print(notify.recv(100).decode())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """

  @Test("a socket that is handed over is served, and readiness and the stop are reported")
  func supervised() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data(DaemonTests.manifest.utf8).write(
      to: URL(fileURLWithPath: "\(folder)/manifest.yaml"))
    let output = try await Program.run(
      "/usr/bin/env", ["python3", "-c", Self.supervisor, Program.path, folder])
    #expect(output.out == "READY=1\ndemo\nSTOPPING=1\n0\n", "\(output.error)")
  }
}
