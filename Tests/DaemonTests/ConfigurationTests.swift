import Foundation
import Testing

@Suite("The configuration")
struct ConfigurationTests {
  static func show(_ yaml: String, _ flags: [String] = [], _ environment: [String: String] = [:])
    throws -> Program.Output
  {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID()).yaml")
    try Data(yaml.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try Program.run(
      ["config", "show", "--config", file.path, "--output", "json"] + flags,
      environment: environment)
  }

  @Test("a flag beats the environment, which beats the file, which beats the default")
  func precedence() throws {
    let yaml = "metadata_port: 1001\n"
    let variables = ["NAMEPLATE_METADATA_PORT": "1002"]
    let flag = try Self.show(yaml, ["--metadata-port", "1003"], variables)
    #expect(
      flag.out.contains(#""metadata_port": {"value": "1003", "source": "flag --metadata-port"}"#))
    let variable = try Self.show(yaml, [], variables)
    #expect(
      variable.out.contains(
        #""metadata_port": {"value": "1002", "source": "environment NAMEPLATE_METADATA_PORT"}"#))
    #expect(
      try Self.show(yaml).out.contains(#""metadata_port": {"value": "1001", "source": "file "#))
    #expect(
      try Self.show("").out.contains(#""metadata_port": {"value": "8775", "source": "default"}"#))
  }

  @Test(
    "what cannot be used is refused with its place and what would do",
    arguments: [
      ("metadata_prot: 1", ":1: 'metadata_prot' is not a setting"),
      ("metadata_port: 0", "metadata_port (file"),
      ("metadata_port: web", "'web' is not a number from 1 to 65535"),
      ("metadata_listen: here", "'here' is not an IP address"),
      ("log_level: loud", "'loud' is not one of trace"),
      ("listeners: [{address: 10.0.0.4, prot: 80}]", "listeners[0].prot"),
      ("listeners: [{address: 10.0.0.4, trust: neutron}]", "only 'none' is served yet"),
      ("vendordata_dynamic_targets: [noname]", "vendordata_dynamic_targets"),
      ("vendordata_jsonfile_path: /nonexistent.json", "cannot be read"),
      ("metadata_port: 1\nmetadata_port: 2", "metadata_port"),
      ("- a", "must be a map of settings"),
    ])
  func refuses(yaml: String, message: String) throws {
    let output = try Self.show(yaml)
    #expect(output.status == 1)
    #expect(output.error.contains(message), "\(output.error)")
  }

  @Test("a list is read from the file and from a variable")
  func lists() throws {
    let listeners = "listeners:\n- {address: 10.0.0.4, port: 80, network: net-a}\n"
    #expect(try Self.show(listeners).status == 0)
    #expect(
      try Self.show("", [], ["NAMEPLATE_LISTENERS": "[{address: 10.0.0.4}]"]).status == 0)
  }

  @Test("a password in a target's URL is not shown")
  func secrets() throws {
    let output = try Self.show("vendordata_dynamic_targets: ['a@http://user:hunter2@10.0.0.1/x']")
    #expect(output.status == 0, "\(output.error)")
    #expect(!output.out.contains("hunter2"))
    #expect(output.out.contains("10.0.0.1"))
  }

  @Test("usage errors exit with 2, a missing daemon with 3")
  func exitCodes() throws {
    #expect(try Program.run(["apply"]).status == 2)
    #expect(try Program.run(["get", "server", "x"]).status == 2)
    #expect(try Program.run(["frobnicate"]).status == 2)
    #expect(try Program.run(["status", "--socket", "/nonexistent/c.sock"]).status == 3)
    #expect(try Program.run(["--help"]).status == 0)
  }
}
