import Foundation
import TestKit
import Testing

@Suite("The configuration")
struct ConfigurationTests {
  static func show(_ yaml: String, _ flags: [String] = [], _ environment: [String: String] = [:])
    async throws -> Program.Output
  {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID()).yaml")
    try Data(yaml.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try await Program.run(
      ["config", "show", "--config", file.path, "--output", "json"] + flags,
      environment: environment)
  }

  @Test("a flag beats the environment, which beats the file, which beats the default")
  func precedence() async throws {
    let yaml = "metadata_port: 1001\n"
    let variables = ["NAMEPLATE_METADATA_PORT": "1002"]
    let flag = try await Self.show(yaml, ["--metadata-port", "1003"], variables)
    #expect(
      flag.out.contains(#""metadata_port": {"value": "1003", "source": "flag --metadata-port"}"#))
    let variable = try await Self.show(yaml, [], variables)
    #expect(
      variable.out.contains(
        #""metadata_port": {"value": "1002", "source": "environment NAMEPLATE_METADATA_PORT"}"#))
    #expect(
      try await Self.show(yaml).out.contains(
        #""metadata_port": {"value": "1001", "source": "file "#))
    #expect(
      try await Self.show("").out.contains(
        #""metadata_port": {"value": "8775", "source": "default"}"#))
  }

  @Test(
    "what cannot be used is refused with its place and what would do",
    arguments: [
      ("metadata_prot: 1", ":1: 'metadata_prot' is not a setting"),
      ("metadata_port: 0", "metadata_port (file"),
      ("metadata_port: web", "'web' is not a whole number from 1 to 65535"),
      ("guest_requests_per_second: 0.5", "'0.5' is not a whole number from 0 to"),
      ("metadata_listen: here", "'here' is not an IP address"),
      ("host_check: maybe", "'maybe' is not one of audit, enforce, off"),
      ("metadata_names: ['http://me/']", "http://me/\"' cannot stand in this list"),
      (
        "vendordata_dynamic_targets: ['a@http://10.0.0.4/', 'hook@ftp://u:pw@10.0.0.4/']",
        "number 2 is not NAME@URL"
      ),
      ("metadata_options: {httpTokens: always}", "httpTokens: 'always' is not one of optional"),
      ("metadata_options: {httpToken: required}", "httpToken: is not a field"),
      ("metadata_options: required", "must be a map"),
      ("log_level: {a: b}", "log_level must be one value"),
      ("log_level: loud", "'loud' is not one of trace"),
      ("listeners: [{address: 10.0.0.4, prot: 80}]", "listeners[0].prot"),
      ("listeners: [{address: 10.0.0.4, trust: neutron}]", "only 'none' is served yet"),
      ("listeners: [{address: 10.0.0.4, device: no/device}]", "listeners[0].device: must be"),
      ("listeners: [{address: 'fe80::a9fe:a9fe'}]", "listeners[0].device: is needed"),
      ("listeners: [{address: 10.0.0.4, network: A}]", "'A' is not a network's id"),
      ("listeners: [{address: 10.0.0.4, netns: blue}]", "listeners[0].network: is needed"),
      (
        "listeners: [{address: 10.0.0.4, netns: 'b-{network}', network: net-b}]",
        "listeners[0].network: must not be given"
      ),
      ("listeners: [{address: 10.0.0.4, netns: a/b, network: a}]", "listeners[0].netns: must be"),
      (
        "listeners: [{address: 10.0.0.4, netns: '{network}{network}'}]",
        "may have {network} once"
      ),
      ("listeners: [{address: 10.0.0.4, netns: '{net}'}]", "no other braces"),
      (
        """
        listeners:
        - {address: 10.0.0.4, netns: blue, network: a}
        - {address: 10.0.0.4, netns: blue, network: b}
        """, "netns 'blue': has two listeners at 10.0.0.4, port 8775"
      ),
      ("vendordata_dynamic_targets: [noname]", "vendordata_dynamic_targets"),
      ("vendordata_jsonfile_path: /nonexistent.json", "cannot be read"),
      ("metadata_port: 1\nmetadata_port: 2", "metadata_port"),
      ("- a", "must be a map of settings"),
    ])
  func refuses(yaml: String, message: String) async throws {
    let output = try await Self.show(yaml)
    #expect(output.status == 1)
    #expect(output.error.contains(message), "\(output.error)")
    #expect(!output.error.contains("u:pw"), "a secret is not repeated")
  }

  @Test("a list is read from the file and from a variable")
  func lists() async throws {
    let listeners = "listeners:\n- {address: 10.0.0.4, port: 80, network: net-a}\n"
    #expect(try await Self.show(listeners).status == 0)
    #expect(
      try await Self.show("", [], ["NAMEPLATE_LISTENERS": "[{address: 10.0.0.4}]"]).status == 0)
    for uids in ["1000,1001", "1000", "[1000, 1001]", "1000, 1001"] {
      let shown = try await Self.show("", [], ["NAMEPLATE_CONTROL_ALLOWED_UIDS": uids])
      #expect(shown.status == 0, "\(uids): \(shown.error)")
    }
  }

  @Test("a map is read from the file, from a variable and from a flag")
  func maps() async throws {
    let options = "metadata_options:\n  httpTokens: required\n  httpPutResponseHopLimit: 2\n"
    let file = try await Self.show(options)
    #expect(file.status == 0, "\(file.error)")
    #expect(file.out.contains("required"))
    let text = "{httpTokens: required}"
    #expect(try await Self.show("", [], ["NAMEPLATE_METADATA_OPTIONS": text]).status == 0)
    #expect(try await Self.show("", ["--metadata-options", text]).status == 0)
  }

  @Test("a password in a target's URL is not shown")
  func secrets() async throws {
    let output = try await Self.show(
      "vendordata_dynamic_targets: ['a@http://user:hunter2@10.0.0.1/x']")
    #expect(output.status == 0, "\(output.error)")
    #expect(!output.out.contains("hunter2"))
    #expect(output.out.contains("10.0.0.1"))
  }

  @Test("usage errors exit with 2, a missing daemon with 3")
  func exitCodes() async throws {
    #expect(try await Program.run(["apply"]).status == 2)
    #expect(try await Program.run(["get", "server", "x"]).status == 2)
    #expect(try await Program.run(["frobnicate"]).status == 2)
    #expect(try await Program.run(["status", "--socket", "/nonexistent/c.sock"]).status == 3)
    #expect(try await Program.run(["--help"]).status == 0)
  }
}
