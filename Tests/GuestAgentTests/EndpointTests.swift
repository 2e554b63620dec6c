import TestKit
import Testing

@testable import GuestAgent

@Suite("Endpoints")
struct EndpointTests {
  @Test(
    "an address is read as people write it",
    arguments: [
      ("169.254.169.254", "169.254.169.254", "169.254.169.254"),
      ("192.0.2.1:8775", "192.0.2.1:8775", "192.0.2.1:8775"),
      ("fd00:ec2::254", "[fd00:ec2::254]", "[fd00:ec2::254]"),
      ("[fd00:ec2::254]:80", "[fd00:ec2::254]", "[fd00:ec2::254]"),
      ("fe80::a9fe:a9fe%eth0", "[fe80::a9fe:a9fe%eth0]", "[fe80::a9fe:a9fe]"),
      ("[fe80::1%eth0]:8080", "[fe80::1%eth0]:8080", "[fe80::1]:8080"),
    ])
  func reads(text: String, shown: String, host: String) throws {
    let endpoint = try Endpoint(reading: text)
    #expect(endpoint.description == shown && endpoint.host == host)
  }

  @Test(
    "a name is no address",
    arguments: [
      "", "metadata", "metadata.google.internal", "192.0.2.1:0", "192.0.2.1:99999", "[::1",
      "[::1]x",
      "1.2.3", "::1%a%b", "http://192.0.2.1",
    ])
  func refuses(text: String) {
    #expect(throws: AgentError.self) { try Endpoint(reading: text) }
  }

  @Test("an endpoint that is not there costs nothing, and says why")
  func race() throws {
    let service = try ScriptedService(Script.openStack(keys: []))
    defer { service.stop() }
    let endpoints = [
      try Endpoint(reading: "127.0.0.1:1"), Endpoint(address: "fe80::1", interface: "np-none"),
      try Endpoint(reading: "127.0.0.1:\(service.port)"),
    ]
    var connector = Connector(endpoints)
    let ranks = [connector.next()?.rank, connector.next()?.rank]
    #expect(ranks == [2, nil])
    let reasons = connector.failures.sorted { $0.rank < $1.rank }.map(\.reason.description)
    #expect(reasons == ["Connection refused", "No such device"])
  }
}
