import Foundation
import Telemetry
import TestKit
import Testing

/// What the daemon has measured, read by a strict reader.
extension DaemonProcess {
  func metrics() async throws -> Exposition { try Exposition(parsing: try await metricsText()) }

  func metricsText() async throws -> String {
    try await Program.tool("curl", "-sf", "--unix-socket", socket, "http://nameplate/metrics")
  }
}

@Suite("Metrics")
struct MetricsTests {
  static let manifest = (1...4).map { number in
    """
    kind: Instance
    id: 00000000-0000-4000-8000-00000000000\(number)
    hostname: h\(number)
    interfaces:
    - address: 127.0.0.\(number)
    """
  }.joined(separator: "\n---\n")

  /// Asks from an address for a row of paths, all on one connection, or each on a new one; a `[1-9]`
  /// in the path stands for nine.
  static func ask(_ path: String, at port: Int, from source: String, isKept: Bool) async throws {
    let words = [
      "curl", "-s", "--max-time", "30", "--interface", source, "-o", "/dev/null",
      "http://127.0.0.1:\(port)\(path)",
    ]
    let output = try await ChildProcess.run(words + (isKept ? [] : ["-H", "Connection: close"]))
    guard output.status == 0 else { throw Program.Failed(text: "curl: \(output.status)") }
  }

  @Test("what is counted is what was asked, on all threads, to the last request")
  func counts() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    let port = daemon.port
    let before = try await daemon.metrics()
    #expect(before.sum(of: "nameplate_guest_requests_total") == 0)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 1...4 {
        for isKept in [true, false] {
          group.addTask {
            let source = "127.0.0.\(number)"
            try await Self.ask(
              "/latest/meta-data/hostname?n=[1-60]", at: port, from: source, isKept: isKept)
            try await Self.ask(
              "/openstack/latest/meta_data.json?n=[1-30]", at: port, from: source, isKept: isKept)
            try await Self.ask("/openstack/none-[1-20]", at: port, from: source, isKept: isKept)
          }
        }
      }
      try await group.waitForAll()
    }
    let after = try await daemon.metrics()
    let name = "nameplate_guest_requests_total"
    #expect(after[name, ["dialect": "ec2", "status": "2xx"]] == 480)
    #expect(after[name, ["dialect": "openstack", "status": "2xx"]] == 240)
    #expect(after[name, ["dialect": "openstack", "status": "4xx"]] == 160)
    #expect(after.sum(of: name) == 880)
    #expect(after["nameplate_guest_request_seconds_count"] == 880)
    #expect(after["nameplate_guest_waiting_request_seconds_count"] == 0)
    // Of each of four, three that were kept and 110 that were not.
    #expect(after["nameplate_guest_connections_accepted_total"] == 452)
    #expect(after["nameplate_refusals_total", ["reason": "not-found"]] == 160)
    #expect(after.sum(of: "nameplate_refusals_total") == 160)
    #expect(after["nameplate_store_commit_seconds_count"] == 1)
    #expect(
      after["nameplate_control_requests_total", ["operation": "getMetrics", "status": "2xx"]] == 1)
    #expect(after["nameplate_catalog_resources", ["kind": "instances"]] == 4)
    #expect(after["nameplate_listeners", ["state": "listening"]] == 1)
    for (metric, least) in [
      ("process_resident_memory_bytes", 1_000_000), ("process_open_fds", 10),
      ("process_cpu_seconds_total", 0.001), ("process_start_time_seconds", 1_700_000_000),
    ] { #expect(after[metric] ?? 0 > least, "\(metric)") }
    // The table is what is served, in its order.
    let names = try await daemon.metricsText().matches(of: #/# TYPE (\w+)/#).map {
      String($0.output.1)
    }
    #expect(names == Metric.allCases.map(\.rawValue))
    let counters = try await daemon.command("status", "--output", "json")
    #expect(counters.out.contains(#""requests.ec2": 480"#), "\(counters.out)")
    #expect(counters.out.contains(#""refusals.not-found": 160"#), "\(counters.out)")
  }

  @Test("requests that wait for a record are counted apart")
  func waiting() async throws {
    let daemon = try await DaemonProcess(options: ["--unknown-guest-hold-seconds", "60"])
    defer { daemon.stop() }
    let port = daemon.port
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await Self.ask("/latest/meta-data/hostname", at: port, from: "127.0.0.1", isKept: true)
      }
      while try await daemon.metrics()["nameplate_guest_waiting_requests"] != 1 {
        await Task.yield()
      }
      _ = try await daemon.command("apply", "-f", "-", input: Self.manifest)
      try await group.waitForAll()
    }
    let after = try await daemon.metrics()
    #expect(after["nameplate_guest_waiting_request_seconds_count"] == 1)
    #expect(after["nameplate_guest_request_seconds_count"] == 0)
    #expect(after["nameplate_guest_waiting_requests"] == 0)
    #expect(
      after["nameplate_guest_requests_total", ["dialect": "ec2", "status": "2xx"]] == 1)
  }

  /// What a guest can write into a request, in each place that somebody might think of as a label.
  @Test("nothing that a guest sends is in the metrics, and no guest has them")
  func hostile() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    let before = try await daemon.metrics()
    let marker = "MARKER\"} 1\nnameplate_ready 0\n"
    let fields = ["Host", "User-Agent", "X-Forwarded-For", "X-aws-ec2-metadata-token"]
    for source in ["127.0.0.1", "127.0.0.9"] {
      for path in ["/metrics", "/v1/top", "/MARKER\"}%20%0A", "/latest/MARKER%22%7D"] {
        for method in ["GET", "MARKER", "POST"] {
          let words = fields.flatMap { ["-H", "\($0): MARKER\"}\\"] }
          let answer = try await ChildProcess.run(
            ["curl", "-s", "--max-time", "30", "-X", method, "--interface", source, "-d", marker]
              + words + ["http://127.0.0.1:\(daemon.port)\(path)"])
          #expect(!answer.out.contains("nameplate_"))
        }
      }
    }
    let text = try await daemon.metricsText()
    let after = try Exposition(parsing: text)
    #expect(!text.contains("MARKER") && !text.contains("127.0.0"))
    #expect(after.sum(of: "nameplate_guest_requests_total") > 10)
    // No series of a guest's own.
    let isNew = Set(after.values.keys).subtracting(before.values.keys)
    #expect(isNew.allSatisfy { $0.name.hasPrefix("nameplate_control_requests") }, "\(isNew)")
  }

  @Test("over the network a reader's token is enough, a project's is not, and none is none")
  func roles() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    let reader = try await remote.access("prometheus", "--role", "reader")
    let scoped = try await remote.access("tenant", "--role", "operator", "--project", "p1")
    let status = { (token: String?, path: String) in
      let words = token.map { ["-H", "Authorization: Bearer \($0)"] } ?? []
      return try await ChildProcess.run(
        [
          "curl", "-s", "--max-time", "20", "--cacert", "\(remote.folder)/ca.pem", "-w",
          "%{http_code} %{content_type}", "-o", "/dev/null",
        ] + words + [remote.url + path]
      ).out
    }
    for path in ["/metrics", "/v1/top", "/v1/counters"] {
      let type = path == "/metrics" ? PrometheusText.mediaType : "application/json"
      #expect(try await status(reader, path) == "200 \(type)")
      #expect(try await status(scoped, path) == "403 application/problem+json")
      #expect(try await status(nil, path) == "401 application/problem+json")
    }
    let metrics = try await remote.daemon.metrics()
    #expect(metrics["nameplate_control_refused_total", ["reason": "unauthorized"]] == 3)
    #expect(
      metrics["nameplate_control_requests_total", ["operation": "getMetrics", "status": "4xx"]] == 1
    )
    #expect(
      metrics["nameplate_control_requests_total", ["operation": "none", "status": "4xx"]] == 3)
  }

  static let hasPrometheus = ["prometheus", "promtool"].allSatisfy {
    FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)")
  }

  @Test(
    "Prometheus' own tool finds no fault with the metrics, nor with the alerts of the page",
    .enabled(if: hasPrometheus, "needs Debian's prometheus"))
  func promtool() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    try await Self.ask(
      "/latest/meta-data/n-[1-9]", at: daemon.port, from: "127.0.0.1", isKept: true)
    // Prometheus asks for another form first, and takes the one that it is told it gets.
    let asked = try await ChildProcess.run([
      "curl", "-sf", "--unix-socket", daemon.socket, "-w", "%{stderr}%{content_type}", "-H",
      "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        + "text/plain;version=0.0.4;q=0.4,*/*;q=0.2", "http://nameplate/metrics",
    ])
    #expect(asked.error == "text/plain; version=0.0.4; charset=utf-8")
    #expect(asked.out.contains("nameplate_guest_request_seconds_bucket{le=\"+Inf\"}"))
    let metrics = try await ChildProcess.run(
      ["promtool", "check", "metrics"], input: asked.out)
    #expect(metrics.status == 0, "\(metrics.error)")
    let page = try String(contentsOfFile: Self.page, encoding: .utf8)
    let rules = try #require(page.range(of: "    groups:\n")).lowerBound
    let file = "\(daemon.folder)/rules.yaml"
    let text = page[rules...].split(separator: "\n").map { $0.dropFirst(4) }
    try Data(text.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: file))
    let check = try await ChildProcess.run(["promtool", "check", "rules", file])
    #expect(check.status == 0, "\(check.error)")
  }

  @Test(
    "a Prometheus scrapes it behind TLS with a reader's token, as the page says",
    .enabled(if: hasPrometheus, "needs Debian's prometheus"), .timeLimit(.minutes(2)))
  func prometheus() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    try await remote.access("prometheus", "--role", "reader")
    let page = try String(contentsOfFile: Self.page, encoding: .utf8)
    let start = try #require(page.range(of: "    scrape_configs:\n")).lowerBound
    let block = page[start...].split(separator: "\n").prefix { $0.hasPrefix("    ") }
    let configuration = (["global: {scrape_interval: 1s}"] + block.map { $0.dropFirst(4) })
      .joined(separator: "\n")
      .replacing("/etc/prometheus/nameplate.token", with: "\(remote.folder)/prometheus.token")
      .replacing("/etc/prometheus/nameplate-ca.pem", with: "\(remote.folder)/ca.pem")
      .replacing(
        "\"host-1.example:8776\", \"host-2.example:8776\"", with: "localhost:\(remote.port)")
    let file = "\(remote.folder)/prometheus.yaml"
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: file))
    let port = try FreePort.find()
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    let server = try ChildProcess(
      [
        "prometheus", "--config.file=\(file)", "--storage.tsdb.path=\(remote.folder)/tsdb",
        "--web.listen-address=127.0.0.1:\(port)",
      ], descriptors: [null, null, null])
    defer {
      server.signal(SIGTERM)
      server.waitHere()
    }
    var answer = ""
    while !answer.contains(#""value":["#), !Task.isCancelled {
      let words = ["curl", "-s", "--max-time", "10", "http://127.0.0.1:\(port)/api/v1/query"]
      answer = try await ChildProcess.run(words + ["-d", "query=nameplate_ready"]).out
    }
    #expect(answer.contains(#""job":"nameplate""#) && answer.contains(#""1"]"#), "\(answer)")
  }

  private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("docs/metrics.md").path
}
