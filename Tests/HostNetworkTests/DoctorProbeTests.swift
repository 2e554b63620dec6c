import Inventory
import Testing

@testable import HostNetwork

@Suite("What a probe makes of an answer")
struct DoctorProbeTests {
  static let fixedNonce = "0123456789abcdef0123456789abcdef"
  static let ownAnswer =
    #"{"service":"nameplate","nonce":"\#(DoctorProbeTests.fixedNonce)","source":"10.20.0.5"}"#

  func read(_ head: String, _ body: String) -> ProbeOutcome {
    Probe(nonce: DoctorProbeTests.fixedNonce).read("\(head)\r\n\r\n\(body)")
  }

  @Test("our own answer, with padding or without")
  func own() {
    let address = IPAddress.v4(0x0A14_0005)
    let bytes = Self.ownAnswer.utf8.count
    #expect(read("HTTP/1.1 200 OK", Self.ownAnswer) == .answered(source: address, bytes: bytes))
    let padded = Self.ownAnswer + String(repeating: " ", count: 16000 - bytes) + "\n"
    #expect(read("HTTP/1.1 200 OK\r\nA: b", padded) == .answered(source: address, bytes: 16001))
  }

  @Test(
    "anything else is a stranger",
    arguments: [
      ("HTTP/1.1 404 Not Found", DoctorProbeTests.ownAnswer), ("HTTP/1.1 200 OK", "<html>"),
      ("HTTP/1.1 200 OK", ""),
      ("HTTP/1.1 200 OK", DoctorProbeTests.ownAnswer + DoctorProbeTests.ownAnswer),
      ("HTTP/1.1 200 OK", "[\(DoctorProbeTests.ownAnswer)]"),
      ("HTTP/1.1 200 OK", #"{"service":"nameplate","nonce":"x","source":"10.20.0.5"}"#),
      (
        "HTTP/1.1 200 OK",
        #"{"service":"nameplate","nonce":"\#(DoctorProbeTests.fixedNonce)","source":"web"}"#
      ),
      (
        "HTTP/1.1 200 OK",
        #"{"service":"other","nonce":"\#(DoctorProbeTests.fixedNonce)","source":"10.20.0.5"}"#
      ),
      ("HTTP/1.1 200 OK", DoctorProbeTests.ownAnswer + String(repeating: " ", count: 40000)),
      ("", DoctorProbeTests.ownAnswer), ("HTTP", ""),
    ])
  func strangers(head: String, body: String) {
    guard case .stranger = read(head, body) else {
      Issue.record("\(head) \(body.prefix(80)) was taken for ours")
      return
    }
  }

  @Test("a stranger's own name is shortened and cannot write on a terminal")
  func server() {
    let head = "HTTP/1.1 200 OK\r\nServer: \u{1B}[31mevil" + String(repeating: "x", count: 500)
    guard case .stranger(let what) = read(head, "hello") else {
      Issue.record("not a stranger")
      return
    }
    #expect(what.hasPrefix("an HTTP server (?[31mevil") && what.utf8.count < 200)
  }

  @Test("a nonce is 32 hexadecimal digits, another each time")
  func nonce() {
    let nonces = (0..<100).map { _ in Probe().nonce }
    #expect(Set(nonces).count == 100)
    #expect(
      nonces.allSatisfy { $0.count == 32 && $0.allSatisfy { "0123456789abcdef".contains($0) } })
  }
}
