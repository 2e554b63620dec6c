import Foundation
import TestKit
import Testing

@Suite("Restart under load", .timeLimit(.minutes(3)))
struct RestartTests {
  /// Holds the listening socket as systemd does, and restarts the daemon while guests ask on new
  /// connections all the time. Prints what guests saw.
  static let supervisor = """
    import os, signal, socket, sys, threading
    program, folder = sys.argv[1:3]
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    port = listening.getsockname()[1]
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(folder + "/notify")
    notify.settimeout(60)

    def start():
        child = os.fork()
        if child == 0:
            os.dup2(listening.fileno(), 3)
            os.set_inheritable(3, True)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", NOTIFY_SOCKET=folder + "/notify")
            os.execv(program, [program, "serve", "--state-directory", folder + "/state", "--control-socket",
                               folder + "/c.sock", "--apply", folder + "/manifest.yaml"])
        while notify.recv(100) != b"READY=1":
            pass
        return child

    answered, failures, over = [], [], threading.Event()

    def guest(address):
        count = 0
        while not over.is_set():
            try:
                s = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(address, 0))
                s.sendall(b"GET /latest/meta-data/hostname HTTP/1.1\\r\\nHost: 169.254.169.254\\r\\nConnection: close\\r\\n\\r\\n")
                text = b""
                while piece := s.recv(65536):
                    text += piece
                s.close()
                if not text.startswith(b"HTTP/1.1 200 ") or not text.endswith(b"\\r\\n\\r\\ndemo"):
                    failures.append(repr(text))
                count += 1
            except OSError as error:
                failures.append(repr(error))
            over.wait(0.01)
        answered.append(count)

    child = start()
    guests = [threading.Thread(target=guest, args=(f"127.0.0.{number + 1}",)) for number in range(6)]
    for thread in guests: thread.start()
    statuses = []
    for _ in range(5):
        over.wait(0.3)
        os.kill(child, signal.SIGTERM)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        child = start()
    over.wait(0.3)
    over.set()
    for thread in guests: thread.join()
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
    print(f"restarts {statuses}, failures {failures[:5]}, every guest {all(count > 5 for count in answered)}")
    """

  @Test("with the socket in a supervisor's hands, no guest is refused, reset or told wrong")
  func socketActivation() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let addresses = (1...6).map { "  - ip: 127.0.0.\($0)\n" }.joined()
    let manifest = DaemonTests.manifest.replacing(
      "- address: 127.0.0.1", with: "- addresses:\n\(addresses)")
    try Data(manifest.utf8).write(to: URL(fileURLWithPath: "\(folder)/manifest.yaml"))
    let output = try await Program.run(
      "/usr/bin/env", ["python3", "-c", Self.supervisor, Program.path, folder])
    #expect(
      output.out == "restarts [0, 0, 0, 0, 0], failures [], every guest True\n", "\(output.error)")
  }
}
